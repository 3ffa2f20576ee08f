//! What may an operator do about events that cannot be applied? See what waits, let it try again, drop one for good.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use event_log::JetStream;
use platform::config::{NatsArgs, PostgresArgs};
use projector::operator::{self, Waiting};

use crate::migrate::connect;

/// What is to be done.
#[derive(Debug, Clone, Args)]
pub struct ParkedArgs {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Clone, Subcommand)]
enum Deed {
    /// Show the rooms, users and lounges whose events wait, and why.
    List(ListArgs),
    /// Let what waits try again, with this release's code.
    Retry(RetryArgs),
    /// Pass over one event for good, here and in every rebuild; what waits behind it is applied.
    Drop(DropArgs),
}

/// How it is shown.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// How the list is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    postgres: PostgresArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Two lines a key.
    Text,
    /// One JSON document.
    Json,
}

/// Whose?
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// Only of this key, as the list shows it: `room 0190…`.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
}

/// Which, and why?
#[derive(Debug, Clone, Args)]
pub struct DropArgs {
    /// The event's sequence in CHAT, as the list shows it.
    seq: u64,
    /// For the record: it stands in the log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
}

/// Does it, as operator.
///
/// # Errors
/// A log or database that cannot be reached; a key or event that does not wait.
pub async fn run(args: &ParkedArgs) -> Result<()> {
    match &args.deed {
        Deed::List(list) => {
            let waiting = operator::waiting(&list.postgres.url()?).await?;
            match list.output {
                Output::Json => println!("{}", serde_json::to_string_pretty(&waiting)?),
                Output::Text if waiting.is_empty() => println!("nothing waits"),
                Output::Text => waiting.iter().for_each(|waiting| println!("{}", in_words(waiting))),
            }
        }
        Deed::Retry(retry) => {
            let log = JetStream::new(connect(&retry.nats).await?);
            let database = retry.postgres.url()?;
            let applied = operator::retry(&log, &database, retry.key.as_deref()).await?;
            let left = operator::waiting(&database).await?.len();
            println!("{applied} events were applied; {left} keys wait still");
        }
        Deed::Drop(drop) => {
            let log = JetStream::new(connect(&drop.nats).await?);
            let said = operator::drop_event(&log, &drop.postgres.url()?, drop.seq, &drop.reason).await?;
            println!("{} is dropped, as {said} in CHAT says; the projector goes on behind it", drop.seq);
        }
    }
    Ok(())
}

fn in_words(waiting: &Waiting) -> String {
    let Waiting { key, seq, event_type, why, at, events } = waiting;
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    format!("{key}: {events} events wait behind {seq} ({event_type}, {at})\n  {why}")
}
