//! How is a whole stream read? In order, up to the end that it had when the reading began.

use anyhow::{Context, Result, bail};
use event_log::{EventLog, Record, Start};
use events::StreamName;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

use super::{
    conditions::Judge,
    report::Report,
    states::{States, StatesReport},
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
    for (stream, end) in ends(log, streams).await? {
        let mut judge = Judge::new(stream);
        each(log, stream, end, |record| judge.see(record)).await?;
        report.streams.push(judge.report());
    }
    Ok(report)
}

/// Audits the states that the events of these streams leave, as they are now.
///
/// # Errors
/// As of [`conditions`].
pub async fn states(log: &dyn EventLog, streams: &[StreamName]) -> Result<Vec<StatesReport>> {
    let mut reports = Vec::new();
    for (stream, end) in ends(log, streams).await? {
        let mut states = States::new(stream);
        each(log, stream, end, |record| states.see(record)).await?;
        reports.push(states.report());
    }
    Ok(reports)
}

/// Where each of them ends now.
async fn ends(log: &dyn EventLog, streams: &[StreamName]) -> Result<Vec<(StreamName, u64)>> {
    let mut ends = Vec::with_capacity(streams.len());
    for stream in streams {
        let end = log.extent(*stream).await.with_context(|| {
            format!("{stream} cannot be read; if this login may read others only, name them: --stream chat")
        })?;
        ends.push((*stream, end.last));
    }
    Ok(ends)
}

/// Shows each record of a stream up to `end`, in order.
async fn each(log: &dyn EventLog, stream: StreamName, end: u64, mut see: impl FnMut(&Record)) -> Result<()> {
    if end == 0 {
        return Ok(());
    }
    let progress = Progress::of(stream.as_str(), end, 0);
    let mut records = log.follow(stream, Start::Beginning, Vec::new());
    loop {
        match timeout(SILENCE, records.next()).await {
            Ok(Some(record)) => {
                let record = record?;
                if record.seq > end {
                    break;
                }
                see(&record);
                progress.at(record.seq);
                if record.seq == end {
                    break;
                }
            }
            Ok(None) => bail!("{stream} was followed to an end that it does not have"),
            // The last record of a stream that forgets may be gone, and then nothing comes any more.
            Err(_) if log.read(stream, end).await?.is_none() => break,
            Err(_) => {}
        }
    }
    Ok(())
}
