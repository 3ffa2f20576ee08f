//! How do public identity facts reach `CHAT`? In order and exactly once: with the relay's mark, in one batch under the mark's tip.

mod passed;
mod public;

pub(crate) use passed::Passed;
pub(crate) use public::is_public;

use crate::stamp::{self, Stamp};
use anyhow::{Context, bail};
use event_log::{AppendError, EventLog, Fact, Freshness, Record, Start};
use events::system::{Relay, RelayAdvanced, RelayEvent};
use events::{Actor, Change, Condition, DecodeError, EventId, NewEvent, StreamName, Subject, User, UserEvent};
use futures::StreamExt;
use platform::Shutdown;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// Records taken at once; also the facts of one batch, give or take the second one of an upgrade.
const FACTS_MAX: usize = 100;
/// Pauses after an append that did not succeed; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Starts the relay. Every instance runs one: for each fact the first wins, and the others read on.
pub(crate) fn start(log: Arc<dyn EventLog>, passed: Passed, shutdown: &Shutdown) {
    let ending = shutdown.clone();
    shutdown.spawn("relay", async move {
        tokio::select! {
            () = ending.drained() => Ok(()),
            ended = relay(log, passed) => ended,
        }
    });
}

async fn relay(log: Arc<dyn EventLog>, passed: Passed) -> anyhow::Result<()> {
    let mut mark = patiently(|| Mark::read(&*log)).await?;
    // Inclusive, because a start beyond the end would be served from the beginning.
    let start = if mark.source_seq == 0 { Start::Beginning } else { Start::Sequence(mark.source_seq) };
    let mut records = log.follow(StreamName::Identity, start, Vec::new()).ready_chunks(FACTS_MAX);
    while let Some(chunk) = records.next().await {
        let mut facts = Vec::with_capacity(chunk.len());
        for record in chunk {
            facts.extend(understood(record?)?);
        }
        mark = forward(&*log, mark, &facts).await?;
        passed.advance(mark.source_seq, mark.seq);
    }
    bail!("the private stream was followed to an end that it does not have")
}

/// What everybody may know, of the facts after the mark, goes to `CHAT`; then the mark stands after them.
async fn forward(log: &dyn EventLog, mut mark: Mark, facts: &[Fact]) -> anyhow::Result<Mark> {
    let mut pause = PAUSE;
    loop {
        let Some(last) = facts.iter().rev().find(|fact| fact.seq > mark.source_seq && is_public(&fact.event)) else {
            return Ok(mark);
        };
        let unit = patiently(|| batch(log, &mark, facts, last.seq)).await?;
        let count = unit.len();
        match log.append(unit).await {
            Ok(appended) => {
                metrics::counter!("relayed_total").increment(count as u64 - 1);
                return Ok(Mark { seq: appended.last, source_seq: last.seq });
            }
            // Another instance was first, or nobody knows: the mark tells, and its condition sees to once.
            Err(AppendError::Conflict) => {}
            Err(error @ (AppendError::AlreadyStored { .. } | AppendError::NotStored(_) | AppendError::Overloaded)) => {
                tracing::warn!(%error, "relaying again");
            }
            Err(error @ (AppendError::Full | AppendError::Unknown(_))) => tracing::warn!(%error, "relaying again"),
        }
        pause = wait(pause).await;
        mark = patiently(|| Mark::read(log)).await?;
    }
}

/// The public facts after the mark and up to `last`, each under its person's tip, and the mark's advance.
async fn batch(log: &dyn EventLog, mark: &Mark, facts: &[Fact], last: u64) -> anyhow::Result<Vec<NewEvent>> {
    let stamp = Stamp::new(Actor::System, format!("relay-{last}"));
    let mut people: HashMap<Subject, (u64, Option<User>)> = HashMap::new();
    let mut unit = Vec::new();
    let new = facts.iter().filter(|fact| fact.seq > mark.source_seq && fact.seq <= last);
    for (fact, event) in new.flat_map(|fact| public::facts(&fact.event).into_iter().map(move |event| (fact, event))) {
        let subject = Subject::User(public::person(&event));
        let mut envelope = stamp.envelope(0);
        envelope.id = fresh_id();
        envelope.actor = fact.envelope.actor;
        envelope.time = fact.envelope.time;
        envelope.correlation.clone_from(&fact.envelope.correlation);
        envelope.causation = Some(fact.envelope.id);
        if let Entry::Vacant(first) = people.entry(subject) {
            let tip = tip(log, subject).await?;
            let seq = tip.as_ref().map_or(0, |fact| fact.seq);
            // Of a unit's events on one subject only the first carries the condition.
            envelope.after = Some(Condition { subject, seq });
            first.insert((seq, tip.and_then(user)));
        }
        let (_, person) = people.get_mut(&subject).expect("it was read just now");
        if person.is_none() && !matches!(event, UserEvent::Appeared(_)) {
            // A person appears before anything else is said of him; what has no person is nobody's.
            people.remove(&subject);
            continue;
        }
        let change = Change::<UserEvent, User>::of(person.clone(), event);
        *person = Some(change.after.clone());
        unit.push(NewEvent { subject, envelope, event: change.into() });
    }
    let advanced = RelayEvent::from(RelayAdvanced { source_seq: last });
    let before = (mark.seq > 0).then_some(Relay { source_seq: mark.source_seq });
    let mut envelope = stamp.envelope(0);
    envelope.id = fresh_id();
    envelope.after = Some(Condition { subject: Subject::Relay, seq: mark.seq });
    let event = Change::<RelayEvent, Relay>::of(before, advanced).into();
    unit.push(NewEvent { subject: Subject::Relay, envelope, event });
    Ok(unit)
}

fn fresh_id() -> EventId {
    EventId::at(stamp::now(), rand::random())
}

/// Up to where the private stream has been relayed, and where that is written.
#[derive(Debug, Clone, Copy)]
struct Mark {
    seq: u64,
    source_seq: u64,
}

impl Mark {
    async fn read(log: &dyn EventLog) -> anyhow::Result<Self> {
        let fact = tip(log, Subject::Relay).await?;
        let relay = fact.as_ref().and_then(|fact| crate::tips::State::left_by(&fact.event));
        let source_seq = relay.map_or(0, |relay: &Relay| relay.source_seq);
        Ok(Self { seq: fact.map_or(0, |fact| fact.seq), source_seq })
    }
}

async fn tip(log: &dyn EventLog, subject: Subject) -> anyhow::Result<Option<Fact>> {
    let record = log.last(subject, Freshness::Leader).await?;
    record.map(|record| record.fact()).transpose().with_context(|| format!("reading the tip of {subject}"))
}

fn user(fact: Fact) -> Option<User> {
    crate::tips::State::left_by(&fact.event).cloned()
}

/// Does it until the log answers; a record that cannot be read is no matter of patience.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut pause = PAUSE;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if error.is::<DecodeError>() => return Err(error),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the relay waits for the log");
                pause = wait(pause).await;
            }
        }
    }
}

/// Waits for a random part of the pause, so that instances do not meet again; gives the next pause.
async fn wait(pause: Duration) -> Duration {
    tokio::time::sleep(pause.mul_f64(0.5 + 0.5 * rand::random::<f64>())).await;
    (pause * 2).min(PAUSE_MAX)
}

/// The fact of a record. A type that a newer release wrote is the end: who passed over it would lose a fact.
fn understood(record: Record) -> anyhow::Result<Option<Fact>> {
    match record.fact() {
        Ok(fact) => Ok(Some(fact)),
        Err(error @ DecodeError::UnknownType(_)) => {
            Err(error).with_context(|| format!("IDENTITY at {} was written by a newer release", record.seq))
        }
        // Nothing public can be said of it, and all who come after it would wait for ever.
        Err(error @ DecodeError::Malformed { .. }) => {
            metrics::counter!("relay_malformed_total").increment(1);
            tracing::error!(seq = record.seq, %error, "a broken record of the private stream is not relayed");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests;
