//! How often does the log say no? Counts what an instance is answered, and changes nothing.

use event_log::{AppendError, Appended, EventLog, Extent, FollowError, Freshness, LogError, Record, Start};
use events::{NewEvent, StreamName, Subject};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Conflicts so far. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Conflicts(Arc<AtomicU64>);

impl Conflicts {
    pub(super) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A log that is counted.
pub(super) struct Witness {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) conflicts: Conflicts,
}

impl EventLog for Witness {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        async move {
            // The relays of two instances meet at each fact; that is no race of ours.
            let counts = !unit.iter().any(|event| event.subject == Subject::Relay);
            let answer = self.log.append(unit).await;
            if counts && answer == Err(AppendError::Conflict) {
                self.conflicts.0.fetch_add(1, Ordering::Relaxed);
            }
            answer
        }
        .boxed()
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.last(subject, freshness)
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.read(stream, seq)
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        self.log.extent(stream)
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        self.log.follow(stream, start, filters)
    }
}
