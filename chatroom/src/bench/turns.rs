//! In which order are the two sides taken? Ours, reference, reference, ours: what drifts meanwhile hits both alike.

use anyhow::Result;
use std::future::Future;

use super::BenchArgs;

/// Takes both sides in turn; gives the mean of each side, of every repetition. `mean` adds two turns of a side up.
pub(super) async fn take<T, Ours, Reference>(
    args: &BenchArgs,
    what: &'static str,
    ours: impl Fn() -> Ours,
    reference: impl Fn() -> Reference,
) -> Result<Vec<[[T; 2]; 2]>>
where
    Ours: Future<Output = Result<T>>,
    Reference: Future<Output = Result<T>>,
{
    let mut runs = Vec::new();
    for repetition in 1..=args.repetitions {
        let (first, second) = (ours().await?, reference().await?);
        let (third, fourth) = (reference().await?, ours().await?);
        runs.push([[first, fourth], [second, third]]);
        eprintln!("{what}: {repetition} of {}", args.repetitions);
    }
    Ok(runs)
}

/// The mean of each side, by what is asked of a turn.
pub(super) fn means<T>(runs: &[[[T; 2]; 2]], of: impl Fn(&T) -> f64) -> Vec<[f64; 2]> {
    runs.iter().map(|sides| sides.each_ref().map(|turns| f64::midpoint(of(&turns[0]), of(&turns[1])))).collect()
}
