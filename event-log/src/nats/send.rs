//! How does one unit, or one batch of units, go out, until what became of it is known?

use super::{
    answer::{self, Sent},
    api::Api,
    repeat::{self, Place},
    unit::{Message, Unit},
};
use crate::{AppendError, Appended};
use async_nats::{HeaderMap, PublishErrorKind, RequestErrorKind};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a send waits for its answer before it is sent again.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// Between two sends of what may be stored, to a server that was reached and did not tell.
const AGAIN_AFTER: Duration = Duration::from_millis(150);
/// How often a busy server is asked again before a batch is taken apart, or a unit given back.
const BUSY_RETRIES_MAX: u32 = 3;
/// The server's limit for a name of a batch is 64.
const BATCH_ID: &str = "Nats-Batch-Id";

/// Whether a message may be in the log already because of an earlier send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    NeverSent,
    MaybeStored,
}

/// Sends one unit until its outcome is known, at most until its deadline.
pub(super) async fn unit(api: &Api, unit: &Unit, mut before: Before) -> Result<Appended, AppendError> {
    let deadline = unit.deadline();
    let mut busy = 0;
    while !unit.is_late() {
        if !may_send(api, before, unit.connected_by(), deadline).await {
            break;
        }
        // What may have arrived is sent again as a batch: of that the server's answer is the same on one server
        // and on a cluster, a single's is not.
        let sent = match unit.messages.as_slice() {
            [single] if before == Before::NeverSent => publish(api, single, answer_by(deadline)).await,
            messages => batch(api, messages, answer_by(deadline)).await,
        };
        match (sent, before) {
            (Sent::Stored(last), _) => return Ok(Appended { last }),
            (Sent::Duplicate(seq), _) => return Err(AppendError::AlreadyStored { seq }),
            (Sent::HoldsDuplicate, _) => return Err(repeat::find(api, unit).await),
            // One server looks at a single's condition before its id: the unit itself may have moved the tip.
            (Sent::Conflict, Before::NeverSent) if let [single] = unit.messages.as_slice() => {
                match repeat::who_took_its_place(api, single).await {
                    Place::Itself(seq) => return Err(AppendError::AlreadyStored { seq }),
                    Place::Another => return Err(AppendError::Conflict),
                    Place::Unclear => before = Before::MaybeStored,
                }
            }
            // The tip has moved, so what was sent before, if anything was, is not stored and never will be.
            (Sent::Conflict, _) => return Err(AppendError::Conflict),
            (Sent::Full, Before::NeverSent) => return Err(AppendError::Full),
            (Sent::Refused(why) | Sent::NotStored(why), Before::NeverSent) => return Err(AppendError::NotStored(why)),
            (Sent::Busy(code), Before::NeverSent) if busy == BUSY_RETRIES_MAX => {
                return Err(AppendError::NotStored(format!("the server is busy ({code})")));
            }
            (Sent::Busy(_), _) => {
                busy += 1;
                moment().await;
            }
            (Sent::Unknown, _) => before = Before::MaybeStored,
            // This send stored nothing; whether the first did, a later one will tell.
            (Sent::Full | Sent::Refused(_) | Sent::NotStored(_), Before::MaybeStored) => pause(deadline).await,
        }
    }
    match before {
        Before::NeverSent if !unit.is_late() => Err(AppendError::NotStored("the log is not connected".into())),
        _ => Err(unit.too_late(before)),
    }
}

/// Sends a batch of units until one answer speaks for all of them, or names none: then each is asked for alone.
/// It goes on until the last deadline; whose own comes earlier is not kept waiting.
pub(super) async fn batch_of_units(api: &Api, units: &[Unit]) -> (Sent, Before) {
    let messages: Vec<Message> = units.iter().flat_map(|unit| unit.messages.iter().cloned()).collect();
    let deadline = units.iter().map(Unit::deadline).max().unwrap_or_else(Instant::now);
    let connected_by = units.iter().map(Unit::connected_by).max().unwrap_or(deadline);
    let (mut before, mut busy) = (Before::NeverSent, 0);
    while Instant::now() < deadline {
        if !may_send(api, before, connected_by, deadline).await {
            break;
        }
        let sent = batch(api, &messages, answer_by(deadline)).await;
        match (&sent, before) {
            (Sent::Unknown, _) => before = Before::MaybeStored,
            (Sent::Busy(_), _) if busy < BUSY_RETRIES_MAX => {
                busy += 1;
                moment().await;
            }
            // Away now, and there when it was sent the first time.
            (Sent::NotStored(_) | Sent::Full | Sent::Busy(_), Before::MaybeStored) => pause(deadline).await,
            _ => return (sent, before),
        }
    }
    match before {
        Before::NeverSent => (Sent::NotStored("the log is not connected".into()), before),
        Before::MaybeStored => (Sent::Unknown, before),
    }
}

/// What is handed to a client without a connection goes out whenever there is one again, long after its command was
/// answered: so nothing is. A first send waits a little for the connection, one in doubt to the end.
async fn may_send(api: &Api, before: Before, connected_by: Instant, deadline: Instant) -> bool {
    match before {
        Before::NeverSent => api.connected(connected_by).await,
        Before::MaybeStored => api.connected(deadline).await,
    }
}

pub(super) fn answer_by(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + ANSWER_WITHIN)
}

/// Never the same: two that collided must not collide again.
pub(super) async fn moment() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(1..=5))).await;
}

async fn pause(deadline: Instant) {
    tokio::time::sleep_until(deadline.min(Instant::now() + AGAIN_AFTER)).await;
}

/// One message on its own.
pub(super) async fn publish(api: &Api, message: &Message, until: Instant) -> Sent {
    request(api, message, message.headers.clone(), until).await
}

/// All messages as one atomic batch, written at once: an open batch would hold up others.
async fn batch(api: &Api, messages: &[Message], until: Instant) -> Sent {
    let Some((last, before)) = messages.split_last() else { return Sent::Refused("an empty batch".into()) };
    let id = uuid::Uuid::now_v7().to_string();
    for (index, message) in before.iter().enumerate() {
        let headers = numbered(message, &id, index + 1);
        let written = api.client.publish_with_headers(message.subject.to_string(), headers, message.body.clone());
        // Without its commit nothing of it is stored.
        match timeout_at(until, written).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) if why.kind() == PublishErrorKind::Send => return Sent::NotStored(why.to_string()),
            Ok(Err(why)) => return Sent::Refused(why.to_string()),
            Err(_) => return Sent::NotStored("the connection takes nothing".into()),
        }
    }
    let mut headers = numbered(last, &id, messages.len());
    headers.insert("Nats-Batch-Commit", "1");
    request(api, last, headers, until).await
}

fn numbered(message: &Message, id: &str, sequence: usize) -> HeaderMap {
    let mut headers = message.headers.clone();
    headers.insert(BATCH_ID, id);
    headers.insert("Nats-Batch-Sequence", sequence.to_string());
    headers
}

async fn request(api: &Api, message: &Message, headers: HeaderMap, until: Instant) -> Sent {
    // The request's own timeout would begin only when the client has taken it: this one covers that wait as well.
    let request = async_nats::Request::new().payload(message.body.clone()).headers(headers).timeout(None);
    match timeout_at(until, api.client.send_request(message.subject.to_string(), request)).await {
        Ok(Ok(reply)) => answer::read(&reply.payload),
        Ok(Err(why)) => match why.kind() {
            RequestErrorKind::NoResponders => Sent::NotStored("nobody is there to store it".into()),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => Sent::Refused(why.to_string()),
            RequestErrorKind::TimedOut | RequestErrorKind::Other => Sent::Unknown,
        },
        Err(_) => Sent::Unknown,
    }
}
