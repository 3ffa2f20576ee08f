//! What if the log, or who uses it, did not keep the rules? Each way breaks one of them, and a play has to notice.
//!
//! One way cannot even be written: a condition on a wildcard, which a cluster does not hold. A `Condition` has a
//! `Subject`, and a `Subject` is one literal subject.

use clap::ValueEnum;
use event_log::{AppendError, Appended, EventLog, Extent, FollowError, Freshness, LogError, Record, Start};
use events::{Event, EventId, MessageEvent, MessageId, NewEvent, StreamName, Subject};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::timeout;
use uuid::Uuid;

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    /// Each condition becomes whatever the log's tip is just then: as if there were none.
    DropCondition,
    /// A unit is acknowledged before it is stored, and the first of every four never is.
    AnswerBeforeAck,
    /// The leader's answer is up to half a second old.
    RefuseFromCache,
    /// What was stored is stored again under another id.
    Twice,
    /// Every append has an id of its own, whatever its key says.
    FreshIds,
    /// Of a unit of several events only the first is stored.
    HalfAUnit,
    /// What is not answered soon counts as not stored, and is answered so.
    TimeoutIsFailure,
    /// What is not answered soon is sent again as something new.
    RetryAsNew,
}

impl Sabotage {
    /// As it stands on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// How old what a leader said may be, where that is remembered.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(500);

/// After this what has no answer counts as having none, where that is the rule that is broken. Sooner than the log itself
/// asks again.
const IMPATIENT_AFTER: Duration = Duration::from_secs(1);

/// Whether the rule is broken now: it is while commands race, and not while their stage is set. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Armed(Arc<AtomicBool>);

impl Armed {
    pub(super) fn set(&self, armed: bool) {
        self.0.store(armed, Ordering::SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A log that breaks a rule. The relay's units are left alone: what is judged is what commands write.
pub(super) struct Sabotaged {
    log: Arc<dyn EventLog>,
    sabotage: Sabotage,
    armed: Armed,
    /// Units of an instance so far.
    appends: AtomicU64,
    /// What the leader said of a subject, and when. As many as there are subjects in a race.
    snapshot: Mutex<HashMap<Subject, (Instant, Option<Record>)>>,
}

impl Sabotaged {
    pub(super) fn new(log: Arc<dyn EventLog>, sabotage: Sabotage, armed: Armed) -> Self {
        Self { log, sabotage, armed, appends: AtomicU64::default(), snapshot: Mutex::default() }
    }

    async fn break_and_append(&self, unit: Vec<NewEvent>) -> Result<Appended, AppendError> {
        match self.sabotage {
            Sabotage::DropCondition => self.unconditionally(unit).await,
            Sabotage::AnswerBeforeAck if self.appends.fetch_add(1, Ordering::SeqCst).is_multiple_of(4) => {
                self.lose(&unit).await
            }
            Sabotage::HalfAUnit if unit.len() > 1 => {
                let missing = unit.len() as u64 - 1;
                let stored = self.log.append(unit.into_iter().take(1).collect()).await?;
                Ok(Appended { last: stored.last + missing })
            }
            Sabotage::FreshIds => self.log.append(renamed(unit)).await,
            Sabotage::Twice => {
                let appended = self.log.append(unit.clone()).await?;
                // Whatever comes of it: the caller is told of the first.
                let _again = self.unconditionally(renamed(unit)).await;
                Ok(appended)
            }
            Sabotage::TimeoutIsFailure => match timeout(IMPATIENT_AFTER, self.log.append(unit)).await {
                Ok(answer) => answer,
                Err(_) => Err(AppendError::NotStored("it was not answered".into())),
            },
            Sabotage::RetryAsNew => match timeout(IMPATIENT_AFTER, self.log.append(unit.clone())).await {
                Ok(answer) => answer,
                Err(_) => self.log.append(renamed(unit)).await,
            },
            Sabotage::AnswerBeforeAck | Sabotage::HalfAUnit | Sabotage::RefuseFromCache => self.log.append(unit).await,
        }
    }

    /// Under the tips as they are, again and again until nobody comes between.
    async fn unconditionally(&self, mut unit: Vec<NewEvent>) -> Result<Appended, AppendError> {
        loop {
            for condition in unit.iter_mut().filter_map(|event| event.envelope.after.as_mut()) {
                let tip = self.log.last(condition.subject, Freshness::Leader).await;
                let tip = tip.map_err(|why| AppendError::NotStored(why.to_string()))?;
                condition.seq = tip.map_or(0, |record| record.seq);
            }
            match self.log.append(unit.clone()).await {
                Err(AppendError::Conflict) => {}
                answer => return answer,
            }
        }
    }

    /// As if it were stored behind what is.
    async fn lose(&self, unit: &[NewEvent]) -> Result<Appended, AppendError> {
        let stream = unit.first().map_or(StreamName::Chat, |event| event.subject.stream());
        let end = self.log.extent(stream).await.map_err(|why| AppendError::NotStored(why.to_string()))?;
        Ok(Appended { last: end.last + unit.len() as u64 })
    }

    async fn remembered(&self, subject: Subject) -> Result<Option<Record>, LogError> {
        if let Some((at, record)) = self.snapshot().get(&subject)
            && at.elapsed() < SNAPSHOT_AGE_MAX
        {
            return Ok(record.clone());
        }
        let record = self.log.last(subject, Freshness::Leader).await?;
        self.snapshot().insert(subject, (Instant::now(), record.clone()));
        Ok(record)
    }

    fn snapshot(&self) -> MutexGuard<'_, HashMap<Subject, (Instant, Option<Record>)>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same said again as something new.
fn renamed(unit: Vec<NewEvent>) -> Vec<NewEvent> {
    let renamed = unit.into_iter().map(|mut event| {
        let id = Uuid::now_v7();
        event.envelope.id = EventId(id);
        if let Event::Message(MessageEvent::Posted(posted)) = &mut event.event {
            posted.message = MessageId(id);
        }
        event
    });
    renamed.collect()
}

impl EventLog for Sabotaged {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        if !self.armed.is_set() || unit.iter().any(|event| event.subject == Subject::Relay) {
            return self.log.append(unit);
        }
        self.break_and_append(unit).boxed()
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let is_ours = self.armed.is_set() && !matches!(subject, Subject::Relay | Subject::Epoch(_));
        if self.sabotage == Sabotage::RefuseFromCache && freshness == Freshness::Leader && is_ours {
            return self.remembered(subject).boxed();
        }
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
