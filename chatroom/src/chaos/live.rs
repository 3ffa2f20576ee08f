//! Does nobody miss anything? Clients whose sockets are cut at random frames, while both query services, the log and the database die.

mod fold;
mod listener;
mod spoiled;
mod stage;
mod talk;

use anyhow::{Context, Result, bail};
use clap::Args;
use listener::{Heard, Listener};
use platform::Shutdown;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::faults::Output;
use crate::progress::Progress;
pub use spoiled::Spoiled;
use stage::{Fault, Stage};

/// Between two faults; enough for clients to be in every state when the next one comes.
const FAULT_AFTER: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// Access tokens of a play live for fifteen minutes.
const PLAYED_WITHIN: Duration = Duration::from_mins(12);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Cuts sockets at random frames, kills both query services, the log and the database, and compares what each client holds
/// in the end with what a fresh read says.
#[derive(Debug, Clone, Args)]
pub struct LiveArgs {
    /// How often sockets come back, all clients together.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub resumes: u64,

    /// How often something dies meanwhile.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub faults: u16,

    /// Clients that listen.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,

    /// Rooms that all of them are in.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rooms: u16,

    /// Where sockets are cut, and what dies when; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Hear what a server would say that breaks a rule, to see that it is noticed.
    #[arg(long, value_name = "RULE", value_enum)]
    pub sabotage: Option<Spoiled>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LiveReport {
    pub seed: u64,
    pub resumes: u64,
    /// Frames of rooms.
    pub frames: u64,
    /// What died, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    /// Rooms of which the server said that they have to be loaded anew, by reason.
    pub resets: BTreeMap<String, u64>,
    /// Numbers that were passed over without a word.
    pub missed: u64,
    /// Numbers that came again.
    pub repeated: u64,
    /// Messages that a client holds otherwise than a fresh read says.
    pub different: u64,
    /// Rooms that somebody did not hear to the end.
    pub unheard: u64,
    /// The first of all these, in words.
    pub named: Vec<String>,
}

impl LiveReport {
    /// What broke a promise.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.missed + self.repeated + self.different + self.unheard
    }
}

impl fmt::Display for LiveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resumes, frames, faults, resets, missed, repeated, different, unheard, .. } = self;
        write!(f, "{resumes} resumes, {frames} frames")?;
        for (fault, times) in faults {
            write!(f, ", {times} {fault}")?;
        }
        for (reason, times) in resets {
            write!(f, ", {times} rooms reset as {reason:?}")?;
        }
        write!(f, ": {missed} missed, {repeated} repeated, {different} different, {unheard} unheard")
    }
}

pub(super) async fn run(args: &LiveArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let args = LiveArgs { seed: Some(args.seed.unwrap_or_else(rand::random)), ..args.clone() };
    eprintln!("seed {}", args.seed.unwrap_or_default());
    let program = std::env::current_exe().context("finding this binary")?;
    let report = live(&args, &program, &signals.token()).await?;
    match args.output {
        Output::Text => println!("{report}"),
        Output::Json => println!("{}", serde_json::to_string(&report)?),
    }
    report.named.iter().for_each(|named| eprintln!("  {named}"));
    match report.violations() {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {}", report.seed),
    }
}

/// Plays on servers of its own, with query services that are processes of this program; stops early when asked to.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a count in the report.
pub async fn live(args: &LiveArgs, program: &Path, stop: &CancellationToken) -> Result<LiveReport> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let mut stage = Stage::set(program, args.rooms, args.clients).await?;
    let resumes = Arc::new(AtomicU64::new(0));
    let (cutting, talking) = (CancellationToken::new(), CancellationToken::new());
    let talk = tokio::spawn(talk::talk(stage.scene(), seed, talking.clone()));
    let mut listeners = JoinSet::new();
    for (number, client) in stage.clients.iter().enumerate() {
        let listener = Listener::new(stage.scene(), client.clone(), seed ^ number as u64, args.sabotage);
        listeners.spawn(listener.hears(Arc::clone(&resumes), cutting.clone()));
    }
    let mut report = LiveReport { seed, ..LiveReport::default() };
    let played = go_through(args, &mut stage, &resumes, &mut report, seed, stop).await;
    talking.cancel();
    talk.await.context("who talks")??;
    let last = match played {
        Ok(()) => stage.last_words().await,
        Err(why) => Err(why),
    };
    // From here on nobody is cut: each hears to the end.
    stage.is_over(last.as_ref().ok().cloned());
    cutting.cancel();
    while let Some(heard) = listeners.join_next().await {
        let heard: Heard = heard.context("a listener")??;
        heard.tell(&mut report);
    }
    report.resumes = resumes.load(Ordering::Relaxed);
    stage.clear().await?;
    last.map(|_| report)
}

/// Faults at random moments, until there were enough, and enough resumes.
async fn go_through(
    args: &LiveArgs,
    stage: &mut Stage,
    resumes: &AtomicU64,
    report: &mut LiveReport,
    seed: u64,
    stop: &CancellationToken,
) -> Result<()> {
    let mut draw = StdRng::seed_from_u64(seed);
    let deadline = Instant::now() + PLAYED_WITHIN;
    let bar = Progress::of("resumes", args.resumes, 0);
    let mut left = args.faults;
    let mut next = Instant::now() + draw.random_range(FAULT_AFTER.0..=FAULT_AFTER.1);
    while left > 0 || resumes.load(Ordering::Relaxed) < args.resumes {
        if stop.is_cancelled() {
            eprintln!("stopped: what is told here was played, the rest was not");
            break;
        }
        if Instant::now() > deadline {
            bail!("{} of {} resumes within {PLAYED_WITHIN:?}", resumes.load(Ordering::Relaxed), args.resumes);
        }
        bar.at(resumes.load(Ordering::Relaxed).min(args.resumes));
        if left > 0 && Instant::now() >= next {
            let fault = Fault::ALL[usize::from(left) % Fault::ALL.len()];
            stage.suffers(fault).await.with_context(|| fault.name())?;
            *report.faults.entry(fault.name()).or_default() += 1;
            left -= 1;
            next = Instant::now() + draw.random_range(FAULT_AFTER.0..=FAULT_AFTER.1);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
