//! What goes out: a command's events as messages, with their conditions in the headers.

use super::send::Before;
use crate::AppendError;
use async_nats::HeaderMap;
use bytes::Bytes;
use events::{Condition, NewEvent, Subject};
use std::time::Duration;
use tokio::time::Instant;

/// Until when a unit's outcome has to be told. The request above it has 5 s.
pub(crate) const APPEND_WITHIN: Duration = Duration::from_secs(4);
/// A client that lost its connection has it back within this, or nothing is sent.
pub(crate) const CONNECTED_WITHIN: Duration = Duration::from_secs(1);

const EXPECTED_SEQUENCE: &str = "Nats-Expected-Last-Subject-Sequence";
const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// One message as it goes out.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) subject: Subject,
    /// What has to hold; of a unit's messages on one subject the first says it for all.
    pub(super) condition: Option<Condition>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The events of one command: all or nothing.
#[derive(Clone)]
pub(crate) struct Unit {
    pub(crate) messages: Vec<Message>,
    handed_in: Instant,
}

impl Message {
    fn of(event: &NewEvent) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in event.envelope.headers(event.event.event_type(), &event.subject) {
            headers.insert(name, value);
        }
        headers.insert("Nats-Msg-Id", event.envelope.id.to_string());
        let condition = event.envelope.after;
        if let Some(Condition { subject, seq }) = condition {
            headers.insert(EXPECTED_SEQUENCE, seq.to_string());
            headers.insert(EXPECTED_SUBJECT, subject.to_string());
        }
        if event.subject.rolls_up() {
            headers.insert("Nats-Rollup", "sub");
        }
        if let Some(hours) = event.event.ttl_hours() {
            headers.insert("Nats-TTL", format!("{hours}h"));
        }
        Self { subject: event.subject, condition, headers, body: event.event.body().into() }
    }

    /// The same under another tip of the subject that it is conditioned on.
    pub(super) fn under(mut self, tip: u64) -> Self {
        self.headers.insert(EXPECTED_SEQUENCE, tip.to_string());
        self.condition = self.condition.map(|condition| Condition { seq: tip, ..condition });
        self
    }

    /// Bytes on the wire, nearly.
    pub(crate) fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, values)| {
                values.iter().map(|value| name.to_string().len() + value.as_str().len() + 4).sum::<usize>()
            })
            .sum();
        headers + self.body.len()
    }

    pub(super) fn id(&self) -> &str {
        self.headers.get("Nats-Msg-Id").map_or("", |id| id.as_str())
    }
}

impl Unit {
    /// Refuses an event that nothing conditions: of a unit's events on one subject the first carries the condition.
    pub(crate) fn of(events: &[NewEvent], handed_in: Instant) -> Result<Self, AppendError> {
        for (index, event) in events.iter().enumerate() {
            let follows = || events[..index].iter().any(|earlier| earlier.subject == event.subject);
            if event.envelope.after.is_none() && !follows() {
                return Err(AppendError::NotStored(format!("no condition for the event on {}", event.subject)));
            }
        }
        Ok(Self { messages: events.iter().map(Message::of).collect(), handed_in })
    }

    pub(super) fn deadline(&self) -> Instant {
        self.handed_in + APPEND_WITHIN
    }

    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline()
    }

    /// Until when the client may look for its connection before the unit is given back unsent.
    pub(super) fn connected_by(&self) -> Instant {
        self.handed_in + CONNECTED_WITHIN
    }

    pub(super) fn unknown(&self) -> AppendError {
        AppendError::Unknown(self.handed_in.elapsed())
    }

    /// What is to be said at the deadline.
    pub(super) fn too_late(&self, before: Before) -> AppendError {
        match before {
            Before::NeverSent => AppendError::NotStored("it waited too long for its turn".into()),
            Before::MaybeStored => self.unknown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{
        Actor, Condition, Envelope, Epoch, EventId, StreamName, Time,
        system::{EpochEvent, EpochStarted},
    };

    fn event(stream: StreamName, seq: Option<u64>) -> NewEvent {
        let subject = Subject::Epoch(stream);
        let mut envelope = Envelope::new(EventId(uuid::Uuid::now_v7()), Time::UNIX_EPOCH, Actor::Operator, "unit");
        envelope.after = seq.map(|seq| Condition { subject, seq });
        let event = EpochEvent::from(EpochStarted { epoch: Epoch(1), at: Time::UNIX_EPOCH }).into();
        NewEvent { subject, envelope, event }
    }

    // Red with the loop in `Unit::of` taken out.
    #[test]
    fn an_event_without_a_condition_is_refused_by_name() {
        let unit = |events: &[NewEvent]| Unit::of(events, Instant::now()).err();
        let chat = |seq| event(StreamName::Chat, seq);
        assert_eq!(unit(&[chat(Some(0)), chat(None), chat(None)]), None);
        let no = AppendError::NotStored("no condition for the event on chat.v1.sys.epoch".into());
        assert_eq!(unit(&[chat(None)]), Some(no.clone()));
        assert_eq!(unit(&[event(StreamName::Presence, Some(0)), chat(None)]), Some(no.clone()));
        // The first of a subject carries it, not a later one.
        assert_eq!(unit(&[chat(None), chat(Some(0))]), Some(no));
    }
}
