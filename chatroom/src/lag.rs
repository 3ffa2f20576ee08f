//! How far behind the log is each read model, in events and in seconds?

use anyhow::Result;
use clap::{Args, ValueEnum};
use event_log::JetStream;
use platform::config::{NatsArgs, PostgresArgs};
use projector::lag::{self, Lag};
use std::{fmt, time::Duration};

use crate::migrate::connect;

/// Shows the lag of each projection. Exits 75 when one is further behind than it may be.
#[derive(Debug, Clone, Args)]
pub struct LagArgs {
    /// Look again every so many seconds, until it is interrupted.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,

    /// How it is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// Most events that a projection may be behind.
    #[arg(long, value_name = "N")]
    max_events: Option<u64>,

    /// Most seconds that the first event which a projection lacks may have waited.
    #[arg(long, value_name = "SECONDS")]
    max_seconds: Option<f64>,

    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line a projection.
    Text,
    /// One JSON array a look, on a line of its own.
    Json,
}

/// A projection is further behind than it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} further behind than allowed")]
pub struct Behind(String);

/// Looks, once or for ever.
///
/// # Errors
/// [`Behind`]; a log or database that cannot be reached.
pub async fn run(args: &LagArgs) -> Result<()> {
    let log = JetStream::new(connect(&args.nats).await?);
    let database = args.postgres.url()?;
    loop {
        let lags = lag::now(&log, &database).await?;
        match args.output {
            Output::Json => println!("{}", serde_json::to_string(&lags)?),
            Output::Text => lags.iter().for_each(|lag| println!("{}", Line(lag))),
        }
        let Some(seconds) = args.watch else { return args.judge(&lags) };
        if args.output == Output::Text {
            println!();
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

impl LagArgs {
    fn judge(&self, lags: &[Lag]) -> Result<()> {
        let late = |lag: &&Lag| {
            self.max_events.is_some_and(|most| lag.events > most)
                || self.max_seconds.is_some_and(|most| lag.seconds > most)
        };
        let behind: Vec<_> = lags.iter().filter(late).map(|lag| lag.projection.as_str()).collect();
        if behind.is_empty() { Ok(()) } else { Err(Behind(behind.join(", ")).into()) }
    }
}

struct Line<'l>(&'l Lag);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lag { projection, checkpoint, end, events, seconds } = self.0;
        write!(f, "{projection:24} {events:>10} events {seconds:>9.1} s behind   at {checkpoint} of {end}")
    }
}
