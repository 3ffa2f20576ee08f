//! What if a process dies in the midst of it? kill -9 for the command service, the log, and the leader of a cluster.

mod instance;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use platform::Shutdown;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use super::{
    backing::Backing,
    faults::{Book, Gather, Output, Part, tell},
    instance::Instance,
    process::Process,
    sabotage::Sabotage,
};
pub(super) use instance::{InstanceArgs, run as run_instance};

/// The stream whose leader dies.
const STREAM: &str = "CHAT";
/// After the crowd goes on again, up to this much later: no two deaths come at the same moment of their work.
const LATER_BY_MAX: Duration = Duration::from_millis(400);
/// What a cluster applies without the dead, before that one comes back.
const WITHOUT_THE_DEAD: u64 = 50;

/// Kills the command service, the log and a cluster's leader under clients who repeat with the same key. Judges by the log
/// alone.
#[derive(Debug, Clone, Args)]
pub struct KillsArgs {
    /// How often the command service is killed, and how often the log.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub kills: u16,

    /// How often the leader of a cluster is killed, which costs an election each time.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub elections: u16,

    /// Clients, each with one command at a time.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,

    /// Only this part.
    #[arg(long, value_name = "NAME", value_enum)]
    pub only: Option<Killed>,

    /// Who asks what, and when it dies; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Break a rule of the log below the command service, to see that it is noticed.
    #[arg(long, value_name = "NAME", value_enum)]
    pub sabotage: Option<Sabotage>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Killed {
    /// The command service.
    Service,
    /// The one nats-server.
    Log,
    /// Of three nats-servers the one that leads.
    Leader,
}

impl Killed {
    const ALL: [Self; 3] = [Self::Service, Self::Log, Self::Leader];

    fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Log => "log",
            Self::Leader => "leader",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Service => "kills of the command service",
            Self::Log => "kills of nats-server",
            Self::Leader => "kills of the leader of three",
        }
    }
}

pub(super) async fn run(args: &KillsArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let args = KillsArgs { seed: Some(seed), ..args.clone() };
    let program = std::env::current_exe().context("finding this binary")?;
    let mut violations = 0;
    let told = |part: &Part| {
        violations += part.violations;
        tell(part, args.output)
    };
    kills(&args, &program, &signals.token(), told).await?;
    match violations {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {seed}"),
    }
}

/// Plays on servers of its own, with command services that are processes of this program; tells of each part when it is
/// over, and stops early when asked to.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a violation in its part.
pub async fn kills(
    args: &KillsArgs,
    program: &Path,
    stop: &CancellationToken,
    mut told: impl FnMut(&Part) -> Result<()>,
) -> Result<()> {
    for killed in Killed::ALL.into_iter().filter(|killed| args.only.is_none_or(|only| only == *killed)) {
        if stop.is_cancelled() {
            eprintln!("stopped: what is told here was played, the rest was not");
            break;
        }
        let backing = Backing::start(if killed == Killed::Leader { 3 } else { 1 }).await?;
        let part = part(killed, &backing, args, program, stop).await;
        backing.stop().await;
        told(&part.with_context(|| format!("the part {}", killed.name()))?)?;
    }
    Ok(())
}

async fn part(
    killed: Killed,
    backing: &Backing,
    args: &KillsArgs,
    program: &Path,
    stop: &CancellationToken,
) -> Result<Part> {
    let seed = args.seed.unwrap_or_else(rand::random);
    // The first one sets the stage, and keeps the rules.
    let mut service = Process::start(program, "command-service", backing.commands()).await?;
    let calm = Arc::new(Instance::at(service.listen)?);
    let (number, clients, ways) = (killed as u8, args.clients, vec![Arc::clone(&calm)]);
    let crowd = Gather { part: killed.name(), number, clients, seed, calm: &calm, ways, sabotage: args.sabotage }
        .crowd()
        .await?;
    if let Some(sabotage) = args.sabotage {
        service.kill().await?;
        service.breaks(sabotage);
        service.restart().await?;
    }
    let mut draw = StdRng::seed_from_u64(seed);
    let times = if killed == Killed::Leader { args.elections } else { args.kills };
    let fault = async |book: &Book| {
        tokio::time::sleep(draw.random_range(Duration::ZERO..=LATER_BY_MAX)).await;
        kill(killed, backing, &mut service, book, stop).await
    };
    let (book, times) = crowd.goes_through(killed.name(), u64::from(times), stop, fault).await?;
    service.kill().await?;
    let mut part =
        Part::judged(killed.name(), &book, &backing.log().await?, BTreeMap::from([(killed.told(), times)])).await?;
    if !stop.is_cancelled() {
        part.needs_every_fault();
    }
    Ok(part)
}

/// One death, and the return.
async fn kill(
    killed: Killed,
    backing: &Backing,
    service: &mut Process,
    book: &Book,
    stop: &CancellationToken,
) -> Result<()> {
    match killed {
        Killed::Service => {
            service.kill().await?;
            service.restart().await
        }
        Killed::Log => {
            let nats = backing.leader(STREAM).await?;
            nats.kill().await;
            nats.restart().await.context("starting nats-server again")
        }
        Killed::Leader => {
            let leader = backing.leader(STREAM).await?;
            leader.kill().await;
            book.goes_on_by(WITHOUT_THE_DEAD, stop).await.context("two of three")?;
            leader.restart().await.context("starting the node again")?;
            backing.settled().await
        }
    }
}
