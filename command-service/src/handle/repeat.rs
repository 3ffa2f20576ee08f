//! Was this very command applied before? Found by its event's id, and answered from the events it wrote then.

use super::{Basis, Command, Creates, Handler, Outcome, Repeat};
use crate::http::error::{log_unavailable, not_understood};
use crate::stamp::{EVENTS_MAX, Stamp};
use crate::tips::Tip;
use chrono::TimeDelta;
use event_log::{Fact, FollowError, Freshness, LogError, Record, Start};
use events::{StreamName, Subject};
use futures::StreamExt;
use platform::{Code, Problem};
use std::sync::Arc;
use std::time::Duration;

/// How long messages of a subject may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// How long the log recognises an event by its id.
const RECOGNISED_FOR: TimeDelta = TimeDelta::minutes(2);
/// By how much the clocks of the log and of those who wrote to it may differ.
const CLOCKS_DIFFER_BY_MAX: TimeDelta = TimeDelta::seconds(30);

/// The key was another command's.
pub(crate) fn mismatch() -> Problem {
    Problem::new(Code::IdempotencyMismatch, "This idempotency key was used before with another body.")
}

/// The log holds what the key made, and does not say what that is: nobody may be told that nothing was done.
fn in_doubt(error: LogError) -> Problem {
    let mut problem = log_unavailable(error);
    problem.detail = "The log cannot be read at the moment, so whether this was applied is unknown. \
                      Repeat it with the same key."
        .into();
    problem
}

/// Whether this tip is the command's own, by its key: then this is its repeat, and what it was decided on is no more.
pub(crate) fn has_written(stamp: &Stamp, tip: &Tip) -> bool {
    stamp.key().is_some() && tip.fact.as_deref().is_some_and(|fact| stamp.place_of(fact.envelope.id).is_some())
}

impl Handler {
    /// A message whose key may be older than the log's duplicate window is looked for before it is posted.
    pub(super) async fn posted_before(&self, command: &Command<'_>) -> Result<Option<Outcome>, Problem> {
        match command.creates {
            Creates::Message(_, message) if !command.stamp.is_fresh() => {
                let recalled = self.lookup.recall(command.stamp.event_id(0)).map(|place| place.seq);
                let seq = match recalled {
                    Some(seq) => Some(seq),
                    None => self.lookup.posting(message).await?,
                };
                self.original_at(command.stamp, seq.map(|seq| (StreamName::Chat, seq))).await
            }
            Creates::Message(..) | Creates::Nothing | Creates::Subject(_) | Creates::Entry(_) => Ok(None),
        }
    }

    /// The command's own event, for one that would be refused or change nothing now: it may be the repeat of one
    /// whose author was muted, or whose room was archived, in between.
    pub(super) async fn own_event(&self, command: &Command<'_>, basis: &Basis) -> Result<Option<Outcome>, Problem> {
        let stamp = command.stamp;
        if stamp.key().is_none() {
            return Ok(None);
        }
        let own = |fact: &Fact| stamp.place_of(fact.envelope.id).is_some();
        let in_tips = basis.tips().find(|(_, tip)| tip.fact.as_deref().is_some_and(own));
        let mut place = in_tips.map(|(subject, tip)| (subject.stream(), tip.seq));
        if place.is_none() {
            place = self.lookup.recall(stamp.event_id(0)).map(|place| (place.stream, place.seq));
        }
        if place.is_none() {
            place = match command.creates {
                Creates::Nothing => None,
                Creates::Subject(subject) if basis.tip(subject).seq == 0 => None,
                Creates::Subject(subject) => Some((subject.stream(), self.first_on(subject).await?)),
                Creates::Entry(subject) => self.lately_on(subject, stamp).await?,
                // An older one was looked for before anything was decided.
                Creates::Message(room, _) => self.lately_on(Subject::RoomMessages(room), stamp).await?,
            };
        }
        self.original_at(stamp, place).await
    }

    async fn original_at(&self, stamp: &Stamp, place: Option<(StreamName, u64)>) -> Result<Option<Outcome>, Problem> {
        match place {
            Some((stream, seq)) => self.original(stamp, stream, seq).await,
            None => Ok(None),
        }
    }

    /// The outcome of the command when it first came: the events of its unit, of which one stands at `seq`; `None`
    /// where the stream has forgotten that one.
    ///
    /// # Errors
    /// 422 `idempotency-mismatch` when it was another command with the same key.
    async fn original(&self, stamp: &Stamp, stream: StreamName, seq: u64) -> Result<Option<Outcome>, Problem> {
        let one = self.fact(stream, seq).await?;
        if one.is_none() && forgets(stream) {
            return Ok(None);
        }
        let place = one.as_ref().and_then(|fact| stamp.place_of(fact.envelope.id));
        let (Some(one), Some(place)) = (one, place) else {
            tracing::error!(%stream, seq, "an event that was found before is not there");
            return Err(Problem::internal());
        };
        if one.envelope.body_hash.as_deref() != stamp.body_hash() {
            return Err(mismatch());
        }
        let first = seq - place as u64;
        let mut facts = Vec::with_capacity(EVENTS_MAX);
        for n in 0..EVENTS_MAX {
            let fact = if n == place { Some(one.clone()) } else { self.fact(stream, first + n as u64).await? };
            match fact.filter(|fact| fact.envelope.id == stamp.event_id(n)) {
                Some(fact) => facts.push(Arc::new(fact)),
                // The unit is over; what a private stream has rolled up in front of it is passed over.
                None if n > place => break,
                None => {}
            }
        }
        Ok(Some(Outcome::Applied { facts, repeat: told(stamp) }))
    }

    /// The outcome of a command that the log says it holds: what stands now, where the stream has forgotten its event.
    pub(super) async fn stored(&self, command: &Command<'_>, stream: StreamName, seq: u64) -> Result<Outcome, Problem> {
        match self.original(command.stamp, stream, seq).await? {
            Some(outcome) => Ok(outcome),
            None => Ok(Outcome::Forgotten { now: self.latest(command).await?, repeat: told(command.stamp) }),
        }
    }

    async fn fact(&self, stream: StreamName, seq: u64) -> Result<Option<Fact>, Problem> {
        let record = self.log.read(stream, seq).await.map_err(in_doubt)?;
        // What is not the command's may be anything; what is the command's, this release wrote.
        Ok(record.and_then(|record| record.fact().ok()))
    }

    /// The sequence of the first message on a subject that has one.
    async fn first_on(&self, subject: Subject) -> Result<u64, Problem> {
        self.find_on(subject, Start::Beginning, |record| Some(record.seq)).await
    }

    /// Where the command's first event stands on a subject without a tip, if the log would still recognise its repeat.
    /// It cannot be asked by sending it again: a command that is refused by now must not be stored.
    async fn lately_on(&self, subject: Subject, stamp: &Stamp) -> Result<Option<(StreamName, u64)>, Problem> {
        let since = stamp.now - RECOGNISED_FOR - CLOCKS_DIFFER_BY_MAX;
        let last = self.log.last(subject, Freshness::Leader).await.map_err(log_unavailable)?;
        // Where nothing lies behind the start, following would wait for what is still to be written.
        let Some(last) = last.filter(|last| last.fact().map_or(true, |fact| fact.envelope.time >= since)) else {
            return Ok(None);
        };
        let (own, start) = (stamp.event_id(0), Start::Time(since - CLOCKS_DIFFER_BY_MAX));
        let found = self.find_on(subject, start, |record| {
            let found = record.id() == Some(own);
            (found || record.seq >= last.seq).then_some(found.then_some(record.seq))
        });
        Ok(found.await?.map(|seq| (subject.stream(), seq)))
    }

    /// Reads a subject in order until `look` has seen enough.
    async fn find_on<T>(
        &self,
        subject: Subject,
        start: Start,
        look: impl Fn(&Record) -> Option<T>,
    ) -> Result<T, Problem> {
        let mut records = self.log.follow(subject.stream(), start, vec![subject.to_string()]);
        let search = async {
            while let Some(record) = records.next().await {
                let record =
                    record.map_err(|FollowError::Diverged { stream, seq, why }| not_understood(stream, seq, &why))?;
                if let Some(found) = look(&record) {
                    return Ok(found);
                }
            }
            Err(late())
        };
        tokio::time::timeout(READ_WITHIN, search).await.unwrap_or_else(|_| Err(late()))
    }
}

/// What is repeated without a key is not told from what is new.
fn told(stamp: &Stamp) -> Repeat {
    if stamp.key().is_some() { Repeat::Yes } else { Repeat::No }
}

/// Whether an event that was stored there may be gone: replaced by a later one on its subject, or after its time.
fn forgets(stream: StreamName) -> bool {
    match stream {
        StreamName::Chat => false,
        StreamName::Identity | StreamName::Presence | StreamName::Markers => true,
    }
}

fn late() -> Problem {
    let detail = "The log did not answer in time, so whether this was applied before is unknown. \
                  Repeat it with the same key.";
    Problem::new(Code::LogUnavailable, detail).after(Duration::from_secs(1))
}
