//! Do the promises hold when everything happens at once? Plays it out, and reads the log, or what clients hold.

mod backing;
mod duplicates;
mod faults;
mod ground;
mod hearing;
mod instance;
mod kills;
mod live;
mod pair;
mod person;
mod power;
mod presence;
mod process;
mod promises;
mod proxies;
mod races;
mod reader;
mod returns;
mod revocations;
mod sabotage;
mod silent;
mod storm;
mod tally;
mod verdict;
mod witness;

use anyhow::Result;
use clap::{Args, Subcommand};

pub use duplicates::{DuplicatesArgs, DuplicatesReport, duplicates};
pub use faults::{Output, Part};
pub use kills::{Killed, KillsArgs, kills};
pub use live::{LiveArgs, LiveReport, Spoiled, live};
pub use power::{NoDisk, PowerArgs, power};
pub use presence::{PresenceArgs, presence};
pub use proxies::{Lost, ProxiesArgs, proxies};
pub use races::{Race, RacesArgs, RacesReport, races};
pub use returns::{ReturnArgs, returns};
pub use revocations::{LATE, RevocationsArgs, revocations};
pub use sabotage::Sabotage;
pub use silent::{SilentArgs, silent};
pub use tally::Tally;
pub use verdict::{Promise, Verdict};

/// Plays what goes wrong, on servers of its own, and judges by the log alone, or by what clients hold. Exits 1 when a promise is broken.
#[derive(Debug, Clone, Args)]
pub struct ChaosArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Conflicting commands at the same moment through two instances: who wins, and is there one winner?
    Races(RacesArgs),
    /// The same command again and again: through two instances, across a death of the log, after its memory.
    Duplicates(DuplicatesArgs),
    /// Acks and answers that are lost, and a log that stands still, under clients who repeat.
    Proxies(ProxiesArgs),
    /// The command service, the log and a cluster's leader die under clients who repeat.
    Kills(KillsArgs),
    /// The power goes under clients who repeat, and the log starts from what the disk had.
    Power(PowerArgs),
    /// Sockets are cut at random frames, processes die and servers restart: has everybody all of it, once, in order?
    Live(LiveArgs),
    /// People are signed out, kicked, banned, erased and suspended while everybody talks: is it over at once, everywhere?
    Revocations(RevocationsArgs),
    /// Sockets that never read beside sockets that do: do they cost more than they may?
    Silent(SilentArgs),
    /// A query service dies under thousands of sockets, which all come back: soon, and without having missed anything?
    Return(ReturnArgs),
    /// Clients crash, a query service dies, nats-server restarts: who is gone is seen to go once, and nobody else is.
    Presence(PresenceArgs),
    /// A command service whose log breaks a rule: what `kills --sabotage` starts.
    #[command(hide = true)]
    Instance(Box<kills::InstanceArgs>),
}

/// Plays what was asked for and prints a line for each part.
///
/// # Errors
/// What could not be played, or a promise that is broken.
pub async fn run(args: &ChaosArgs) -> Result<()> {
    match &args.what {
        What::Races(args) => races::run(args).await,
        What::Duplicates(args) => duplicates::run(args).await,
        What::Proxies(args) => proxies::run(args).await,
        What::Kills(args) => kills::run(args).await,
        What::Power(args) => power::run(args).await,
        What::Live(args) => live::run(args).await,
        What::Revocations(args) => revocations::run(args).await,
        What::Silent(args) => silent::run(args).await,
        What::Return(args) => returns::run(args).await,
        What::Presence(args) => presence::run(args).await,
        What::Instance(args) => kills::run_instance(args).await,
    }
}
