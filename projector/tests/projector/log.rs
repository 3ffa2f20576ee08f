//! A log in memory that hands out what it holds in the cuts that a test wants, and says when all of it is applied.

use crate::SOON;
use event_log::{AppendError, Appended, EventLog, Extent, FollowError, Freshness, LogError, Record, Start};
use events::{NewEvent, StreamName, Subject};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// After which sequences a batch ends, whatever else is ready.
pub(crate) type Cuts = Arc<dyn Fn(u64) -> bool + Send + Sync>;

pub(crate) struct Script {
    chat: Vec<Record>,
    /// Of all the other streams.
    small: Vec<Record>,
    cuts: Cuts,
    /// A permit for each stream that is in the tables.
    applied: Arc<Semaphore>,
    /// Cancelled when `CHAT` comes to this sequence.
    marked_at: Option<(u64, CancellationToken)>,
    /// `CHAT` waits before this sequence for a permit.
    held_at: Option<(u64, Arc<Semaphore>)>,
    /// Whether it says nothing of what is dropped until that comes.
    blind_to_drops: bool,
}

impl Script {
    pub(crate) fn new(chat: Vec<Record>, small: Vec<Record>, cuts: Cuts) -> Self {
        Self {
            chat,
            small,
            cuts,
            applied: Arc::new(Semaphore::new(0)),
            marked_at: None,
            held_at: None,
            blind_to_drops: false,
        }
    }

    pub(crate) fn marking(self, seq: u64, token: CancellationToken) -> Self {
        Self { marked_at: Some((seq, token)), ..self }
    }

    pub(crate) fn blind_to_drops(self) -> Self {
        Self { blind_to_drops: true, ..self }
    }

    pub(crate) fn held(self, seq: u64, until: Arc<Semaphore>) -> Self {
        Self { held_at: Some((seq, until)), ..self }
    }

    /// Waits until so many streams are in the tables, to their end or to where they are held.
    pub(crate) async fn applied(&self, streams: u32) {
        self.applied_within(streams, SOON).await;
    }

    pub(crate) async fn applied_within(&self, streams: u32, within: Duration) {
        let applied = tokio::time::timeout(within, self.applied.acquire_many(streams)).await;
        applied.expect("it gets there").expect("nobody closes it").forget();
    }

    fn records(&self, stream: StreamName) -> Vec<&Record> {
        let all = if stream == StreamName::Chat { &self.chat } else { &self.small };
        all.iter().filter(|record| record.stream == stream).collect()
    }
}

/// A record of a log, as if it had been read.
pub(crate) fn record(seq: u64, event: &NewEvent) -> Record {
    let NewEvent { subject, envelope, event } = event;
    let mut record = Record {
        stream: subject.stream(),
        seq,
        subject: subject.to_string(),
        headers: Default::default(),
        body: event.body().into(),
    };
    for (name, value) in envelope.headers(event.event_type(), subject) {
        record.headers.insert(name, value.as_str());
    }
    record
}

impl EventLog for Script {
    fn append(&self, _: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        unreachable!("the projector publishes nothing")
    }

    fn last(&self, subject: Subject, _: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let mut newest_first = self.records(subject.stream()).into_iter().rev();
        let seen = |record: &&Record| {
            !(self.blind_to_drops && subject == Subject::Drop) && record.subject == subject.to_string()
        };
        let found = newest_first.find(seen).cloned();
        async { Ok(found) }.boxed()
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let found = self.records(stream).into_iter().find(|record| record.seq == seq).cloned();
        async { Ok(found) }.boxed()
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        let seq = |record: Option<&&Record>| record.map_or(0, |record| record.seq);
        let records = self.records(stream);
        let extent = Extent { first: seq(records.first()), last: seq(records.last()) };
        async move { Ok(extent) }.boxed()
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        subjects: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        let from = match start {
            Start::Beginning => 0,
            Start::Checkpoint { seq, .. } | Start::Sequence(seq) => seq,
            Start::Time(_) => unreachable!("the projector starts where it was"),
        };
        let wanted =
            |record: &&Record| record.seq >= from && (subjects.is_empty() || subjects.contains(&record.subject));
        let records: Vec<_> = self.records(stream).into_iter().filter(wanted).cloned().collect();
        let (cuts, marked_at) = (Arc::clone(&self.cuts), self.marked_at.clone());
        let marked_at = marked_at.filter(|_| stream == StreamName::Chat);
        let held_at = self.held_at.clone().filter(|_| stream == StreamName::Chat);
        let waiting = Arc::clone(&self.applied);
        let records = stream::iter(records).then(move |record| {
            let cut = cuts(record.seq - 1);
            let mark = marked_at.clone().filter(|(seq, _)| *seq == record.seq);
            let held = held_at.clone().filter(|(seq, _)| *seq == record.seq);
            let waiting = Arc::clone(&waiting);
            async move {
                if let Some((_, until)) = held {
                    tokio::task::yield_now().await;
                    waiting.add_permits(1);
                    until.acquire().await.expect("nobody closes it").forget();
                }
                if cut {
                    tokio::task::yield_now().await;
                }
                if let Some((_, token)) = mark {
                    token.cancel();
                }
                Ok(record)
            }
        });
        let applied = Arc::clone(&self.applied);
        let end = stream::once(async move {
            // What was handed out ends its batch here; who asks again has applied it.
            tokio::task::yield_now().await;
            applied.add_permits(1);
            std::future::pending().await
        });
        records.chain(end).boxed()
    }
}
