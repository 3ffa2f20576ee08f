//! How does one consumer deliver? Pushed, numbered, with heartbeats: a hole or a silence is noticed, never healed here.

use super::api::{Api, READ_WITHIN};
use crate::LogError;
use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use bytes::Bytes;
use events::Time;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// The server says that it is there this often; half as long again without a word, and the consumer is made anew.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE_MAX: Duration = Duration::from_millis(1_500);
/// The server drops a consumer that nobody hears after this long.
const INACTIVE_MAX: Duration = Duration::from_secs(30);

pub(super) struct Consumer {
    messages: Subscriber,
    /// Deliveries so far, which the consumer numbers 1, 2, 3 ….
    delivered: u64,
    /// How many are still to come, as the server said last.
    pending: u64,
}

/// A message as the consumer delivered it.
pub(super) struct Delivery {
    pub(super) seq: u64,
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When it was stored, by the server's clock.
    pub(super) stored_at: Time,
}

/// What one step of listening gave.
pub(super) enum Step {
    Message(Delivery),
    Nothing,
    /// The consumer is not what it should be: away, silent, or with a hole.
    Broken(&'static str),
}

#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    num_pending: u64,
}

impl Consumer {
    pub(super) async fn make(api: &Api, stream: &str, from: Value, filters: &[String]) -> Result<Self, LogError> {
        let doing = "making a consumer";
        let inbox = api.client.new_inbox();
        // Listen first: what comes before the subscription is there would be lost.
        let unavailable = |why: String| LogError::Unavailable { doing, why };
        let messages = match timeout(READ_WITHIN, api.client.subscribe(inbox.clone())).await {
            Ok(subscribed) => subscribed.map_err(|why| unavailable(why.to_string()))?,
            Err(_) => return Err(unavailable("the connection takes nothing".into())),
        };
        let name = uuid::Uuid::now_v7().simple().to_string();
        let mut config = json!({
            "name": name,
            "deliver_subject": inbox,
            "ack_policy": "none",
            "replay_policy": "instant",
            "max_deliver": 1,
            "flow_control": true,
            "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
            "inactive_threshold": INACTIVE_MAX.as_nanos() as u64,
            "mem_storage": true,
            "num_replicas": 1,
        });
        merge(&mut config, from);
        // One filter stands in the subject as well, so that rights can be given for it.
        let mut subject = format!("$JS.API.CONSUMER.CREATE.{stream}.{name}");
        match filters {
            [] => {}
            [filter] => {
                merge(&mut config, json!({ "filter_subject": filter }));
                subject = format!("{subject}.{filter}");
            }
            several => merge(&mut config, json!({ "filter_subjects": several })),
        }
        let body = json!({ "stream_name": stream, "config": config });
        let Made { num_pending } = api.request(doing, subject, &body).await?;
        Ok(Self { messages, delivered: 0, pending: num_pending })
    }

    /// Whether everything that was there has been delivered.
    pub(super) fn is_caught_up(&self) -> bool {
        self.pending == 0
    }

    pub(super) async fn step(&mut self, api: &Api) -> Step {
        let message = match timeout(SILENCE_MAX, self.messages.next()).await {
            Err(_) => return Step::Broken("silence"),
            Ok(None) => return Step::Broken("the subscription ended"),
            Ok(Some(message)) => message,
        };
        if message.status == Some(StatusCode::IDLE_HEARTBEAT) {
            return self.heartbeat(api, message).await;
        }
        if message.status.is_some() {
            return Step::Broken("the consumer is gone");
        }
        let Some(numbers) = message.reply.as_deref().and_then(numbers) else {
            return Step::Broken("a message that no consumer sent");
        };
        if numbers.delivery != self.delivered + 1 {
            return Step::Broken("a delivery was lost");
        }
        (self.delivered, self.pending) = (numbers.delivery, numbers.pending);
        Step::Message(Delivery {
            seq: numbers.seq,
            subject: message.subject.to_string(),
            headers: message.headers.unwrap_or_default(),
            body: message.payload,
            stored_at: Time::from_timestamp_nanos(numbers.stored_at_ns),
        })
    }

    /// A heartbeat says how much was delivered; a flow control message wants an answer before more is sent.
    async fn heartbeat(&mut self, api: &Api, message: Message) -> Step {
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name)).map(|v| v.to_string());
        let answer_to = message.reply.map(|reply| reply.to_string()).or_else(|| header("Nats-Consumer-Stalled"));
        let idle = answer_to.is_none();
        if let Some(subject) = answer_to {
            match timeout(READ_WITHIN, api.client.publish(subject, Bytes::new())).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Step::Broken("the connection ended"),
                Err(_) => return Step::Broken("the connection takes nothing"),
            }
        }
        let sent = header("Nats-Last-Consumer").and_then(|sent| sent.parse::<u64>().ok());
        if sent.is_some_and(|sent| sent != self.delivered) {
            return Step::Broken("a delivery was lost");
        }
        if idle {
            // What was still to come may have been forgotten before its turn.
            self.pending = 0;
        }
        Step::Nothing
    }
}

/// What a delivery says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Numbers {
    /// In the stream.
    seq: u64,
    /// Of this consumer.
    delivery: u64,
    stored_at_ns: i64,
    /// How many are still to come.
    pending: u64,
}

/// From `$JS.ACK.<stream>.<consumer>.<tries>.<seq>.<delivery>.<time>.<pending>`, before which newer servers put a domain
/// and an account.
fn numbers(reply: &str) -> Option<Numbers> {
    let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
    let tokens = tokens.get(if tokens.len() > 7 { 5 } else { 3 }..)?;
    let [seq, delivery, stored_at, pending, ..] = tokens else { return None };
    Some(Numbers {
        seq: seq.parse().ok()?,
        delivery: delivery.parse().ok()?,
        stored_at_ns: stored_at.parse().ok()?,
        pending: pending.parse().ok()?,
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_says_where_it_stands() {
        let said = Some(Numbers { seq: 42, delivery: 7, stored_at_ns: 1_700_000_000, pending: 3 });
        assert_eq!(numbers("$JS.ACK.CHAT.name.1.42.7.1700000000.3"), said);
        assert_eq!(numbers("$JS.ACK._.hash.CHAT.name.1.42.7.1700000000.3.token"), said);
        assert_eq!(numbers("_INBOX.x"), None);
    }
}
