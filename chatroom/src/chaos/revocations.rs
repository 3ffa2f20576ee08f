//! Is who is shut out shut out at once, everywhere? People are revoked in every way while their rooms are full of talk.

mod ear;
mod one;
mod scene;
mod way;
mod witness;

use anyhow::{Context, Result};
use clap::Args;
use futures::{StreamExt, stream};
use platform::Shutdown;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, path::Path};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{faults::Output, verdict::Verdict};
use crate::progress::Progress;
pub use one::LATE;
use one::Revoked;
use scene::Scene;
use way::Way;
use witness::Witness;

/// Revocations that are under way at once: each has three sockets, and takes more than a second to be judged.
const AT_ONCE: usize = 16;

/// Signs people out, changes their passwords, kicks, bans, erases and suspends them while everybody talks, and judges
/// by what their sockets hear afterwards.
#[derive(Debug, Clone, Args)]
pub struct RevocationsArgs {
    /// How often somebody is revoked, in each way as often as in the others.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub revocations: u32,

    /// Rooms in which people talk.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rooms: u16,

    /// What each room has of a past, which a socket that catches up has missed: more than its outbox and the kernel take.
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u16).range(1..=9_000))]
    pub behind: u16,

    /// Who is in which room, on which instance; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) async fn run(args: &RevocationsArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let args = RevocationsArgs { seed: Some(args.seed.unwrap_or_else(rand::random)), ..args.clone() };
    eprintln!("seed {}", args.seed.unwrap_or_default());
    let program = std::env::current_exe().context("finding this binary")?;
    revocations(&args, &program, &signals.token()).await?.tell(args.output)
}

/// Plays on servers of its own, with query services that are processes of this program; stops early when asked to.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a count in the verdict.
pub async fn revocations(args: &RevocationsArgs, program: &Path, stop: &CancellationToken) -> Result<Verdict> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let (scene, ground) = scene::set(program, args.rooms, args.behind.into()).await?;
    let talking = CancellationToken::new();
    let mut talk = JoinSet::new();
    for speaker in 0..scene::SPEAKERS {
        talk.spawn(scene.clone().talk(speaker, talking.clone()));
    }
    let mut witnesses = JoinSet::new();
    for instance in 0..2 {
        witnesses.spawn(Witness::listens(&scene, instance).await?.hears_to_the_end());
    }
    let revoked = play(args.revocations, &scene, seed, stop).await;
    talking.cancel();
    talk.join_all().await;
    scene.ends().await?;
    let mut verdict = Verdict { seed: Some(seed), ..Verdict::default() };
    let revoked = revoked?;
    verdict.played.push(told(&revoked));
    for one in &revoked {
        one.judge(&mut verdict);
    }
    for witness in witnesses.join_all().await {
        witness?.judge(&revoked, &mut verdict);
    }
    ground.clear().await?;
    Ok(verdict)
}

async fn play(count: u32, scene: &Scene, seed: u64, stop: &CancellationToken) -> Result<Vec<Revoked>> {
    let mut draw = StdRng::seed_from_u64(seed);
    let bar = Progress::of("revocations", u64::from(count), 0);
    let all = (0..count).map(|number| {
        let way = Way::ALL[number as usize % Way::ALL.len()];
        let (room, instance) = (scene.rooms[draw.random_range(0..scene.rooms.len())], draw.random_range(0..2));
        one::revoke(scene.clone(), number, way, room, instance)
    });
    let mut playing = stream::iter(all).buffer_unordered(AT_ONCE);
    let mut revoked = Vec::new();
    while let Some(one) = playing.next().await {
        revoked.push(one?);
        bar.inc();
        if stop.is_cancelled() {
            eprintln!("stopped: what is told here was played, the rest was not");
            break;
        }
    }
    Ok(revoked)
}

fn told(revoked: &[Revoked]) -> String {
    let mut ways = BTreeMap::new();
    revoked.iter().for_each(|one| *ways.entry(one.way.told()).or_insert(0_u64) += 1);
    let ways: Vec<String> = ways.into_iter().map(|(way, times)| format!("{times} {way}")).collect();
    let sum = |count: fn(&Revoked) -> usize| revoked.iter().map(count).sum::<usize>();
    let latest = revoked.iter().filter_map(Revoked::latest).max().unwrap_or_default();
    format!(
        "{} revocations ({}), {} sockets, {} of them catching up, {} frames; the last one of a room or socket that was \
         lost {} ms after the answer",
        revoked.len(),
        ways.join(", "),
        sum(|one| one.ears.len()),
        sum(Revoked::catching_up),
        sum(|one| one.ears.iter().map(|ear| ear.frames.len()).sum()),
        latest.as_millis(),
    )
}
