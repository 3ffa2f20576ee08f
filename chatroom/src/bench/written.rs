//! Is everything there that was acknowledged? Read from the log, once, after the last turn.

use anyhow::Result;
use event_log::{EventLog, Start};
use events::{Event, MessageEvent, MessageId, StreamName};
use futures::StreamExt;
use std::{collections::HashMap, sync::Mutex};

use super::bed::Bed;

/// The messages that were acknowledged, of all turns.
#[derive(Default)]
pub(super) struct Acknowledged(Mutex<Vec<MessageId>>);

impl Acknowledged {
    pub(super) fn add(&self, ids: impl IntoIterator<Item = MessageId>) {
        self.0.lock().expect("nobody panics while holding it").extend(ids);
    }

    /// How many of them do not stand in the log exactly once.
    pub(super) async fn lost(&self, bed: &Bed) -> Result<u64> {
        let acknowledged = self.0.lock().expect("nobody panics while holding it").clone();
        let mut found: HashMap<MessageId, u32> = acknowledged.into_iter().map(|id| (id, 0)).collect();
        let log = bed.log().await?;
        let end = log.extent(StreamName::Chat).await?.last;
        let mut records = log.follow(StreamName::Chat, Start::Beginning, Vec::new());
        while let Some(record) = records.next().await {
            let fact = record?.fact()?;
            if let Event::Message(MessageEvent::Posted(posted)) = &fact.event
                && let Some(times) = found.get_mut(&posted.message)
            {
                *times += 1;
            }
            if fact.seq >= end {
                break;
            }
        }
        Ok(found.values().filter(|times| **times != 1).count() as u64)
    }
}
