//! What if the power goes? The log lies on a disk of its own, the disk stops with what it has received, and the log starts
//! again from that.

mod disk;

use anyhow::{Context, Result, bail};
use clap::Args;
use event_log::JetStream;
use platform::Shutdown;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use servers::{Durability, Nats, NatsOptions};
use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    backing::Backing,
    faults::{Book, Gather, Output, Part, tell},
    pair::{Pair, Side},
};
use disk::Disk;
pub use disk::NoDisk;

const NAME: &str = "power";
/// After the crowd goes on again, up to this much later: no two cuts come at the same moment of their work.
const LATER_BY_MAX: Duration = Duration::from_millis(400);
/// A thread that waits for the disk stops when it has its answer.
const STILL_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Cuts the power under clients who repeat with the same key. Needs root and loop devices; without them it exits with 69.
///
/// The server is stopped in the midst of its work, the image below its file system is copied while nothing is written to
/// it, the server is killed, and the log starts again from the copy. What was never synced lies in the page cache above
/// the image, and is gone: each cut makes sure of that with a file of its own.
#[derive(Debug, Clone, Args)]
pub struct PowerArgs {
    /// How often the power is cut.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub cuts: u16,

    /// Clients, each with one command at a time.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,

    /// Let nats-server sync when it likes, as it does by default, to see that this is noticed.
    #[arg(long)]
    pub without_sync: bool,

    /// Who asks what, and when it is cut; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) async fn run(args: &PowerArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let part = power(&PowerArgs { seed: Some(seed), ..args.clone() }, &signals.token()).await?;
    tell(&part, args.output)?;
    match part.violations {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {seed}"),
    }
}

/// Plays on a disk of its own; ends at the first loss, and early when asked to.
///
/// # Errors
/// [`NoDisk`] where there is none to be had, and what else could not be played. A broken promise is no error here, but a
/// violation.
pub async fn power(args: &PowerArgs, stop: &CancellationToken) -> Result<Part> {
    let mut disk = Disk::make().await?;
    let durability = if args.without_sync { Durability::Unsynced } else { Durability::Real };
    let options = NatsOptions { durability, ..NatsOptions::new(disk.dir()) };
    let nats = Nats::start(&options).await.context("starting nats-server on the disk")?;
    let backing = Backing::on(nats).await?;
    let played = play(&backing, &mut disk, args, stop).await;
    // A disk that is in use cannot be taken away.
    backing.stop().await;
    let taken = disk.remove().await;
    let part = played?;
    taken?;
    Ok(part)
}

async fn play(backing: &Backing, disk: &mut Disk, args: &PowerArgs, stop: &CancellationToken) -> Result<Part> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let pair = Pair::start(&backing.commands(), backing.log().await?, None).await?;
    let ways = Side::BOTH.map(|side| Arc::clone(pair.through(side))).to_vec();
    let calm = pair.through(Side::One);
    let crowd =
        Gather { part: NAME, number: 0, clients: args.clients, seed, calm, ways, sabotage: None }.crowd().await?;
    // It has been up for a while: what is lost is what is said from now on.
    disk.sync()?;
    disk.writes_unsynced()?;
    let (mut draw, mut cuts, mut loss) = (StdRng::seed_from_u64(seed), 0, None);
    let fault = async |book: &Book| {
        tokio::time::sleep(draw.random_range(Duration::ZERO..=LATER_BY_MAX)).await;
        cut(backing, disk).await?;
        cuts += 1;
        let part = judged(book, &pair.log, cuts).await?;
        if part.lost > 0 {
            loss = Some(part);
            bail!("what is lost does not come back");
        }
        Ok(())
    };
    let gone_through = crowd.goes_through(NAME, u64::from(args.cuts), stop, fault).await;
    let judged = match (loss, gone_through) {
        (Some(loss), _) => Ok(loss),
        (None, Ok((book, cuts))) => judged(&book, &pair.log, cuts).await,
        (None, Err(why)) => Err(why),
    };
    let stopped = pair.stop().await;
    let mut part = judged?;
    // An instance whose log was cut off before what it has heard ends by itself, and rightly.
    if part.lost == 0 {
        stopped?;
    }
    if !stop.is_cancelled() {
        part.needs_every_fault();
    }
    Ok(part)
}

async fn judged(book: &Book, log: &JetStream, cuts: u64) -> Result<Part> {
    Part::judged(NAME, book, log, BTreeMap::from([("power cuts", cuts)])).await
}

/// From the last moment before it to the moment when the log is there again.
async fn cut(backing: &Backing, disk: &mut Disk) -> Result<()> {
    let nats = backing.nodes().first().context("the one server")?;
    nats.freeze();
    let copied = async {
        stands_still(nats.pid()).await?;
        disk.copy().await
    };
    let copied = copied.await;
    nats.kill().await;
    copied?;
    disk.becomes_its_copy().await?;
    nats.restart().await.context("starting nats-server from what the disk had")?;
    disk.writes_unsynced()
}

/// Resolves when no thread of a process that was sent SIGSTOP runs or waits for the disk.
async fn stands_still(pid: u32) -> Result<()> {
    let deadline = Instant::now() + STILL_WITHIN;
    while !is_still(pid)? {
        if Instant::now() > deadline {
            bail!("nats-server did not stop within {STILL_WITHIN:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn is_still(pid: u32) -> Result<bool> {
    for thread in fs::read_dir(format!("/proc/{pid}/task")).context("looking at nats-server's threads")? {
        // A thread may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The state follows the name, which stands in parentheses.
        if !stat.rsplit_once(") ").is_some_and(|(_, behind)| behind.starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}
