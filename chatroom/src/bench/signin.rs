//! Does it hurt others when many sign in? Posts while sign-ins storm beside posts while nobody does: P9.

use anyhow::{Result, ensure};
use futures::future::join_all;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

use super::{
    BenchArgs,
    bed::Bed,
    cpu,
    goal::{Better, Goal},
    poster::{Poster, post},
    stage, turns,
    written::Acknowledged,
};
use crate::client::{Api, Outcome, Session};

/// Posters at once: the other requests.
const POSTERS: usize = 64;
/// Sign-ins at once.
const SIGN_INS: usize = 8;
/// Who is told that too many sign in comes back after this.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Measures it.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let posters = stage::posters(bed, POSTERS).await?;
    let (acknowledged, signed_in) = (Acknowledged::default(), AtomicU64::new(0));
    let pressure = cpu::pressure();
    let storm = || in_a_storm(&bed.api, &posters, args.posts, &acknowledged, &signed_in);
    let calm = || posting(&posters, args.posts, &acknowledged);
    let runs = turns::take(args, "posts in a storm of sign-ins beside posts in calm", storm, calm).await?;
    bed.is_whole()?;
    let lost = acknowledged.lost(bed).await?;
    let signed_in = signed_in.into_inner();
    ensure!(signed_in > 0, "nobody signed in: there was no storm");
    eprintln!("{signed_in} sign-ins at full cost meanwhile");
    Ok(vec![Goal {
        name: "P9",
        what: "posts accepted by 64 posters while 8 sign in over and over ÷ while nobody does",
        unit: "a second",
        better: Better::More,
        must: 0.8,
        aim: 0.95,
        runs: turns::means(&runs, |per_second| *per_second),
        pressure,
        is_skipped: false,
        lost,
    }])
}

async fn posting(posters: &[Poster], posts: u32, acknowledged: &Acknowledged) -> Result<f64> {
    let posted = post(posters, posts).await?;
    let per_second = posted.per_second();
    acknowledged.add(posted.ids);
    Ok(per_second)
}

async fn in_a_storm(
    api: &Api,
    posters: &[Poster],
    posts: u32,
    acknowledged: &Acknowledged,
    signed_in: &AtomicU64,
) -> Result<f64> {
    let over = CancellationToken::new();
    let storm = join_all((0..SIGN_INS).map(|_| sign_in_until(&over, api, signed_in)));
    let posting = async {
        let rate = posting(posters, posts, acknowledged).await;
        over.cancel();
        rate
    };
    let (rate, _) = tokio::join!(posting, storm);
    rate
}

async fn sign_in_until(over: &CancellationToken, api: &Api, signed_in: &AtomicU64) {
    while !over.is_cancelled() {
        // Refused where the queue is full, which is what protects the others.
        match Session::sign_in(api, stage::PHONE, stage::PASSWORD).await {
            Outcome::Applied(_) => _ = signed_in.fetch_add(1, Ordering::Relaxed),
            Outcome::Refused(_) | Outcome::Unknown { .. } => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
}
