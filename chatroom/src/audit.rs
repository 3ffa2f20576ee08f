//! Did the log keep its word, and do the tables hold what it says? Both are read from the beginning and compared.

mod conditions;
mod models;
mod read;
mod report;
mod states;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use event_log::JetStream;
use events::StreamName;
use platform::config::{NatsArgs, PostgresArgs};
use serde::Serialize;
use std::{fmt, sync::Arc};

pub use models::{ModelsReport, RowsReport};
pub use read::{conditions, states};
pub use report::{Condemned, Report, StreamReport};
pub use states::StatesReport;

/// Reads the log from the beginning and checks it and what was made of it. Without a choice of checks all are made.
/// Exits 1 when something does not hold, and 69 when nothing can be compared: an event cannot be applied, and was not
/// dropped (`chatroom parked list`).
///
/// `--conditions` and `--states` only read the log, and need no more than an analyst's login for `--stream chat`. The
/// other two are the operator's: they fold the log into a schema of their own, which is dropped afterwards.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Check the append condition of every event (`ce-after`): that it has the right one, and that it held.
    #[arg(long)]
    conditions: bool,

    /// Check that the state which each event leaves (`after`) follows from the one before it.
    #[arg(long)]
    states: bool,

    /// Fold CHAT anew and compare digests with the live read model, at one sequence.
    #[arg(long)]
    digests: bool,

    /// Compare the rows of the streams that forget (sessions, presence …) with the last messages of their subjects.
    #[arg(long)]
    rows: bool,

    /// Only this stream; may be given several times. An analyst reads `chat` alone.
    #[arg(long = "stream", value_name = "NAME", value_enum)]
    streams: Vec<Stream>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
}

/// A stream of the log, by its name on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stream {
    Chat,
    Identity,
    Presence,
    Markers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line a stream, and a line for what does not hold.
    Text,
    /// One JSON document.
    Json,
}

impl From<Stream> for StreamName {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Chat => Self::Chat,
            Stream::Identity => Self::Identity,
            Stream::Presence => Self::Presence,
            Stream::Markers => Self::Markers,
        }
    }
}

/// All that was looked at.
#[derive(Debug, Default, Serialize)]
struct Findings {
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<Vec<StatesReport>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digests: Option<ModelsReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<RowsReport>>,
}

impl Findings {
    fn hold(&self) -> bool {
        let conditions = self.conditions.as_ref().is_none_or(|report| report.condemned() == 0);
        let states = self.states.iter().flatten().all(|report| report.differ == 0);
        let digests = self.digests.as_ref().is_none_or(ModelsReport::holds);
        conditions && states && digests && self.rows.iter().flatten().all(RowsReport::holds)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.conditions.iter().try_for_each(|report| report.fmt(f))?;
        self.states.iter().flatten().try_for_each(|report| report.fmt(f))?;
        self.digests.iter().try_for_each(|report| report.fmt(f))?;
        self.rows.iter().flatten().try_for_each(|report| report.fmt(f))
    }
}

/// Audits what was asked for, prints the result, and fails when something does not hold.
///
/// # Errors
/// A log or a database that cannot be read, or something that does not hold.
pub async fn run(args: &AuditArgs) -> Result<()> {
    let log = Arc::new(JetStream::new(crate::migrate::connect(&args.nats).await?));
    let asked: Vec<StreamName> = args.streams.iter().copied().map(StreamName::from).collect();
    let streams = if asked.is_empty() { StreamName::ALL.to_vec() } else { asked };
    let chosen = args.conditions || args.states || args.digests || args.rows;
    let mut findings = Findings::default();
    if args.conditions || !chosen {
        findings.conditions = Some(conditions(log.as_ref(), &streams).await?);
    }
    if args.states || !chosen {
        findings.states = Some(states(log.as_ref(), &streams).await?);
    }
    if args.digests || !chosen {
        findings.digests = Some(models::digests(log.clone(), &args.postgres.url()?).await?);
    }
    if args.rows || !chosen {
        findings.rows = Some(models::rows(log.clone(), &args.postgres.url()?).await?);
    }
    match args.output {
        Output::Text => print!("{findings}"),
        Output::Json => println!("{}", serde_json::to_string_pretty(&findings)?),
    }
    ensure!(findings.hold(), "the audit found what does not hold: see above");
    Ok(())
}
