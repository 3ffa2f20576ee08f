//! Did the log keep its word? Reads it from the beginning and checks the condition of every event against what stood there.

mod conditions;
mod read;
mod report;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use event_log::JetStream;
use events::StreamName;
use platform::config::NatsArgs;

pub use read::conditions;
pub use report::{Condemned, Report, StreamReport};

/// Reads the log from the beginning and checks it. Exits 1 when something does not hold.
///
/// Reads only, and needs no more than an analyst's login for `--stream chat`; an operator's reads all streams.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// Check the append condition of every event (`ce-after`): that it has the right one, and that it held.
    #[arg(long, required = true)]
    conditions: bool,

    /// Only this stream; may be given several times. An analyst reads `chat` alone.
    #[arg(long = "stream", value_name = "NAME", value_enum)]
    streams: Vec<Stream>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    nats: NatsArgs,
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

/// Audits what was asked for, prints the result, and fails when something does not hold.
///
/// # Errors
/// A log that cannot be read, or one that did not keep its word.
pub async fn run(args: &AuditArgs) -> Result<()> {
    let log = JetStream::new(crate::migrate::connect(&args.nats).await?);
    let asked: Vec<StreamName> = args.streams.iter().copied().map(StreamName::from).collect();
    let streams = if asked.is_empty() { StreamName::ALL.to_vec() } else { asked };
    let report = conditions(&log, &streams).await?;
    match args.output {
        Output::Text => print!("{report}"),
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    match report.condemned() {
        0 => Ok(()),
        condemned => bail!("{condemned} events were not appended under a condition that held"),
    }
}
