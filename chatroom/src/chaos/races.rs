//! What holds when many want the same at once? Five races, 64 commands a round, and a judge who reads the log.

mod ban;
mod joined;
mod owner;
mod phone;
mod refresh;
mod stage;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use events::StreamName;
use platform::Shutdown;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{backing::Backing, pair::Pair, sabotage::Sabotage, tally::Tally};
use crate::audit;
use stage::Stage;

/// Plays conflicting commands through two instances that share nothing but the log.
#[derive(Debug, Clone, Args)]
pub struct RacesArgs {
    /// Rounds of each race.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Commands against each other in a round.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(8..=256))]
    pub parallel: u16,

    /// nats-servers that keep the log: 1 or 3.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub replicas: u8,

    /// Only this race.
    #[arg(long, value_name = "NAME", value_enum)]
    pub only: Option<Race>,

    /// Who asks what through which instance; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Break a rule of the log below both instances, to see that the races notice.
    #[arg(long, value_name = "NAME", value_enum)]
    pub sabotage: Option<Sabotage>,
}

/// A race: what is fought over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Race {
    /// A phone number: one account.
    Phone,
    /// A refresh token: one successor.
    Refresh,
    /// The last word: none after the ban.
    Ban,
    /// The ownership of a room: somebody keeps it.
    Owner,
    /// A membership of this moment: nobody is refused.
    Joined,
}

/// What the races came to.
#[derive(Debug, Serialize)]
pub struct RacesReport {
    pub seed: u64,
    pub races: Vec<(Race, Tally)>,
    /// Of every event that was written.
    pub conditions: audit::Report,
}

impl Race {
    const ALL: [Self; 5] = [Self::Phone, Self::Refresh, Self::Ban, Self::Owner, Self::Joined];

    fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Refresh => "refresh",
            Self::Ban => "ban",
            Self::Owner => "owner",
            Self::Joined => "joined",
        }
    }

    async fn play(self, stage: &mut Stage<'_>) -> Result<()> {
        match self {
            Self::Phone => phone::play(stage).await,
            Self::Refresh => refresh::play(stage).await,
            Self::Ban => ban::play(stage).await,
            Self::Owner => owner::play(stage).await,
            Self::Joined => joined::play(stage).await,
        }
    }
}

impl RacesReport {
    /// Of all races, and events whose condition did not hold.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.races.iter().map(|(_, tally)| tally.violations).sum::<u64>() + self.conditions.condemned()
    }
}

pub(super) async fn run(args: &RacesArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let tell = |race: Race, tally: &Tally| {
        println!("{:8} {tally}", race.name());
        tally.remarks().for_each(|remark| eprintln!("  {remark}"));
    };
    let report = races(args, &signals.token(), tell).await?;
    print!("{}", report.conditions);
    match report.violations() {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {}", report.seed),
    }
}

/// Plays on servers of its own, tells of each race when it is over, and stops early when asked to.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a violation in the report.
pub async fn races(args: &RacesArgs, stop: &CancellationToken, tell: impl FnMut(Race, &Tally)) -> Result<RacesReport> {
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let backing = Backing::start(args.replicas).await?;
    let pair = Pair::start(&backing.commands(), backing.log().await?, args.sabotage).await?;
    let report = play(&pair, args, seed, stop, tell).await;
    let stopped = pair.stop().await;
    backing.stop().await;
    let report = report?;
    stopped?;
    Ok(report)
}

async fn play(
    pair: &Pair,
    args: &RacesArgs,
    seed: u64,
    stop: &CancellationToken,
    mut tell: impl FnMut(Race, &Tally),
) -> Result<RacesReport> {
    let mut played = Vec::new();
    for race in Race::ALL.into_iter().filter(|race| args.only.is_none_or(|only| only == *race)) {
        if stop.is_cancelled() {
            eprintln!("stopped: what is told here was played, the rest was not");
            break;
        }
        let mut stage = Stage::set(pair, race.name(), args, seed, stop);
        race.play(&mut stage).await.with_context(|| format!("the race for {}", race.name()))?;
        let tally = stage.clear();
        tell(race, &tally);
        played.push((race, tally));
    }
    let conditions = audit::conditions(&pair.log, &[StreamName::Chat, StreamName::Identity]).await?;
    Ok(RacesReport { seed, races: played, conditions })
}
