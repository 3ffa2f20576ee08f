//! Which events have operators dropped? Read from the log, where a rebuild finds the same ones.

use crate::batch::Stop;
use event_log::{EventLog, Freshness, LogError, Start};
use events::{Event, StreamName, Subject, system::DropEvent};
use futures::StreamExt;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;

/// They are few: a log that delivers none for so long is away.
const DELIVERED_WITHIN: Duration = Duration::from_secs(10);

/// Why it is not known what is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error(transparent)]
    Log(#[from] LogError),
    /// A word that says what is dropped cannot be read itself.
    #[error(transparent)]
    Broken(Stop),
}

/// The sequences that are dropped as of now.
pub(crate) async fn read(log: &dyn EventLog) -> Result<BTreeSet<u64>, Unread> {
    let doing = "reading which events are dropped";
    let unexpected = |why: String| LogError::Unexpected { doing, why };
    let mut dropped = BTreeSet::new();
    let Some(last) = log.last(Subject::Drop, Freshness::Leader).await? else { return Ok(dropped) };
    let mut records = log.follow(StreamName::Chat, Start::Beginning, vec![Subject::Drop.to_string()]);
    loop {
        let next = timeout(DELIVERED_WITHIN, records.next()).await;
        let next = next.map_err(|_| LogError::Unavailable { doing, why: "nothing is delivered".to_owned() })?;
        let record = next.ok_or_else(|| unexpected("it ended".to_owned()))?;
        let record = record.map_err(|why| unexpected(why.to_string()))?;
        match record.fact().map_err(|why| Unread::Broken(Stop::not_applicable(&record, why)))?.event {
            Event::Drop(DropEvent::Dropped(event)) => dropped.insert(event.seq),
            other => return Err(unexpected(format!("found {}", other.event_type())).into()),
        };
        if record.seq >= last.seq {
            return Ok(dropped);
        }
    }
}
