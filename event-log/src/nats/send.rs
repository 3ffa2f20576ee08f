//! How does one unit, or one batch of units, go out, until what became of it is known?

use super::{
    answer::{self, Sent},
    api::Api,
};
use crate::{AppendError, Appended, Freshness};
use async_nats::{HeaderMap, RequestErrorKind};
use bytes::Bytes;
use events::{NewEvent, Subject};
use std::time::Duration;
use tokio::time::Instant;

/// How long a send waits for its answer before it is sent again.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// How often a busy server is asked again before the unit is given back.
const BUSY_RETRIES_MAX: u32 = 3;
/// A message whose unit found its id taken is sought this often under a tip that may move.
const SEEK_RETRIES_MAX: u32 = 5;
/// The server's limit for a name of a batch is 64.
const BATCH_ID: &str = "Nats-Batch-Id";

/// One message as it goes out.
#[derive(Clone)]
pub(super) struct Message {
    subject: Subject,
    headers: HeaderMap,
    body: Bytes,
}

/// The events of one command: all or nothing.
#[derive(Clone)]
pub(super) struct Unit {
    pub(super) messages: Vec<Message>,
    pub(super) deadline: Instant,
}

impl Message {
    fn of(event: &NewEvent) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in event.envelope.headers(event.event.event_type(), &event.subject) {
            headers.insert(name, value);
        }
        headers.insert("Nats-Msg-Id", event.envelope.id.to_string());
        if let Some(after) = event.envelope.after {
            headers.insert("Nats-Expected-Last-Subject-Sequence", after.seq.to_string());
            headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", after.subject.to_string());
        }
        if event.subject.rolls_up() {
            headers.insert("Nats-Rollup", "sub");
        }
        if let Some(hours) = event.event.ttl_hours() {
            headers.insert("Nats-TTL", format!("{hours}h"));
        }
        Self { subject: event.subject, headers, body: event.event.body().into() }
    }

    /// Bytes on the wire, nearly.
    pub(super) fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, values)| {
                values.iter().map(|value| name.to_string().len() + value.as_str().len() + 4).sum::<usize>()
            })
            .sum();
        headers + self.body.len()
    }

    /// The subject it is conditioned on, and the one it writes.
    pub(super) fn subjects(&self) -> (Option<&str>, Subject) {
        let condition = self.headers.get("Nats-Expected-Last-Subject-Sequence-Subject");
        (condition.map(|value| value.as_str()), self.subject)
    }

    pub(super) fn id(&self) -> &str {
        self.headers.get("Nats-Msg-Id").map_or("", |id| id.as_str())
    }
}

impl Unit {
    pub(super) fn of(events: &[NewEvent], deadline: Instant) -> Self {
        Self { messages: events.iter().map(Message::of).collect(), deadline }
    }
}

/// Whether a message may be in the log already because of an earlier send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    NeverSent,
    MaybeStored,
}

/// Sends one unit until its outcome is known, at most until its deadline.
pub(super) async fn unit(api: &Api, unit: &Unit, before: Before) -> Result<Appended, AppendError> {
    let began = Instant::now();
    let mut busy = 0;
    let mut unknown = before == Before::MaybeStored;
    loop {
        // What may have arrived is sent again as a batch: of that the server's answer is the same on one server
        // and on a cluster, a single's is not.
        let sent = match unit.messages.as_slice() {
            [single] if !unknown => publish(api, single, None).await,
            messages => batch(api, messages).await,
        };
        match sent {
            Sent::Stored(last) => return Ok(Appended { last }),
            Sent::Duplicate(seq) => return Err(AppendError::AlreadyStored { seq }),
            Sent::HoldsDuplicate => return Err(seek(api, unit, began).await),
            Sent::Conflict => return Err(AppendError::Conflict),
            Sent::Full => return Err(AppendError::Full),
            Sent::Refused(why) | Sent::NotStored(why) if !unknown => return Err(AppendError::NotStored(why)),
            Sent::Busy(code) if busy == BUSY_RETRIES_MAX && !unknown => {
                return Err(AppendError::NotStored(format!("the server is busy ({code})")));
            }
            Sent::Busy(_) => {
                busy += 1;
                tokio::time::sleep(Duration::from_millis(rand::random_range(1..=5))).await;
            }
            Sent::Unknown => unknown = true,
            // The server that did not answer is not there: whether it stored the first send, it will tell.
            Sent::Refused(_) | Sent::NotStored(_) => tokio::time::sleep(ANSWER_WITHIN / 10).await,
        }
        if Instant::now() >= unit.deadline {
            return Err(AppendError::Unknown(began.elapsed()));
        }
    }
}

/// Sends a batch of units until one answer speaks for all of them, or names none: then each is asked for alone.
pub(super) async fn batch_of_units(api: &Api, units: &[Unit]) -> (Sent, Before) {
    let messages: Vec<Message> = units.iter().flat_map(|unit| unit.messages.iter().cloned()).collect();
    let deadline = units.iter().map(|unit| unit.deadline).min().unwrap_or_else(Instant::now);
    let mut before = Before::NeverSent;
    loop {
        let sent = batch(api, &messages).await;
        match (&sent, before) {
            (Sent::Unknown, _) => before = Before::MaybeStored,
            // Away now, and there when it was sent the first time.
            (Sent::NotStored(_) | Sent::Busy(_), Before::MaybeStored) => tokio::time::sleep(ANSWER_WITHIN / 10).await,
            _ => return (sent, before),
        }
        if Instant::now() >= deadline {
            return (Sent::Unknown, before);
        }
    }
}

/// Whose id is in the log already? A single with the same id is answered with the original's sequence, whatever its
/// body, as long as its condition holds: the tip's, read from the leader just before.
async fn seek(api: &Api, unit: &Unit, began: Instant) -> AppendError {
    let Some(first) = unit.messages.first() else { return AppendError::Conflict };
    let conditioned: Option<Subject> = first.subjects().0.and_then(|subject| subject.parse().ok());
    for _ in 0..SEEK_RETRIES_MAX {
        let tip = match conditioned {
            None => None,
            Some(subject) => match api.last(subject, Freshness::Leader).await {
                Ok(record) => Some(record.map_or(0, |record| record.seq)),
                Err(_) => continue,
            },
        };
        match publish(api, first, tip).await {
            Sent::Duplicate(seq) => return AppendError::AlreadyStored { seq },
            // The tip moved in between.
            Sent::Conflict | Sent::Busy(_) | Sent::Unknown | Sent::NotStored(_) => {}
            // The window closed between the two sends, and this one was stored in its place.
            Sent::Stored(seq) => return AppendError::AlreadyStored { seq },
            Sent::HoldsDuplicate | Sent::Full | Sent::Refused(_) => break,
        }
    }
    AppendError::Unknown(began.elapsed())
}

/// One message on its own; `tip` replaces the sequence of its condition.
async fn publish(api: &Api, message: &Message, tip: Option<u64>) -> Sent {
    let mut headers = message.headers.clone();
    if let Some(tip) = tip {
        headers.insert("Nats-Expected-Last-Subject-Sequence", tip.to_string());
    }
    request(api, message, headers).await
}

/// All messages as one atomic batch, written at once: an open batch would hold up others.
async fn batch(api: &Api, messages: &[Message]) -> Sent {
    let Some((last, before)) = messages.split_last() else { return Sent::Refused("an empty batch".into()) };
    let id = uuid::Uuid::now_v7().to_string();
    for (index, message) in before.iter().enumerate() {
        let headers = numbered(message, &id, index + 1);
        let written = api.client.publish_with_headers(message.subject.to_string(), headers, message.body.clone()).await;
        if let Err(why) = written {
            // Without its commit nothing of it is stored.
            return Sent::NotStored(why.to_string());
        }
    }
    let mut headers = numbered(last, &id, messages.len());
    headers.insert("Nats-Batch-Commit", "1");
    request(api, last, headers).await
}

fn numbered(message: &Message, id: &str, sequence: usize) -> HeaderMap {
    let mut headers = message.headers.clone();
    headers.insert(BATCH_ID, id);
    headers.insert("Nats-Batch-Sequence", sequence.to_string());
    headers
}

async fn request(api: &Api, message: &Message, headers: HeaderMap) -> Sent {
    let request =
        async_nats::Request::new().payload(message.body.clone()).headers(headers).timeout(Some(ANSWER_WITHIN));
    match api.client.send_request(message.subject.to_string(), request).await {
        Ok(reply) => answer::read(&reply.payload),
        Err(why) => match why.kind() {
            RequestErrorKind::NoResponders => Sent::NotStored("nobody is there to store it".into()),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => Sent::Refused(why.to_string()),
            RequestErrorKind::TimedOut | RequestErrorKind::Other => Sent::Unknown,
        },
    }
}
