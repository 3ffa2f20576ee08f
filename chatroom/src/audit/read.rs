//! How is a whole stream read? In order, up to the end that it had when the reading began.

use anyhow::{Context, Result, bail};
use event_log::{EventLog, Start};
use events::StreamName;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

use super::{
    conditions::Judge,
    report::{Report, StreamReport},
};
use crate::progress::Progress;

/// A stream that delivers nothing for so long is asked whether its end is still there.
const SILENCE: Duration = Duration::from_secs(3);

/// Audits the conditions of these streams as they are now. What is appended meanwhile is not read.
///
/// # Errors
/// A stream that cannot be read, or is not the same throughout.
pub async fn conditions(log: &dyn EventLog, streams: &[StreamName]) -> Result<Report> {
    let mut report = Report::default();
    for stream in streams {
        report.streams.push(one(log, *stream).await?);
    }
    Ok(report)
}

async fn one(log: &dyn EventLog, stream: StreamName) -> Result<StreamReport> {
    let end = log.extent(stream).await.with_context(|| {
        format!("{stream} cannot be read; if this login may read others only, name them: --stream chat")
    })?;
    let mut judge = Judge::new(stream);
    if end.last == 0 {
        return Ok(judge.report());
    }
    let progress = Progress::of(stream.as_str(), end.last, 0);
    let mut records = log.follow(stream, Start::Beginning, Vec::new());
    loop {
        match timeout(SILENCE, records.next()).await {
            Ok(Some(record)) => {
                let record = record?;
                if record.seq > end.last {
                    break;
                }
                judge.see(&record);
                progress.at(record.seq);
                if record.seq == end.last {
                    break;
                }
            }
            Ok(None) => bail!("{stream} was followed to an end that it does not have"),
            // The last record of a stream that forgets may be gone, and then nothing comes any more.
            Err(_) if log.read(stream, end.last).await?.is_none() => break,
            Err(_) => {}
        }
    }
    Ok(judge.report())
}
