//! How does one consumer deliver? Pushed, numbered, with heartbeats: a hole or a silence is noticed, never healed here.

use super::api::{Api, READ_WITHIN};
use crate::{LogError, Record};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use events::StreamName;
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
}

/// What one step of listening gave.
pub(super) enum Step {
    Record(Record),
    Nothing,
    /// The consumer is not what it should be: away, silent, or with a hole.
    Broken(&'static str),
}

#[derive(Deserialize)]
struct Made {}

impl Consumer {
    pub(super) async fn make(api: &Api, stream: StreamName, from: Value, filters: &[String]) -> Result<Self, LogError> {
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
        let body = json!({ "stream_name": stream.as_str(), "config": config });
        api.request::<Made>(doing, subject, &body).await?;
        Ok(Self { messages, delivered: 0 })
    }

    pub(super) async fn step(&mut self, api: &Api, stream: StreamName) -> Step {
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
        let Some((seq, delivery)) = message.reply.as_deref().and_then(numbers) else {
            return Step::Broken("a message that no consumer sent");
        };
        if delivery != self.delivered + 1 {
            return Step::Broken("a delivery was lost");
        }
        self.delivered = delivery;
        let headers = message.headers.unwrap_or_default();
        Step::Record(Record { stream, seq, subject: message.subject.to_string(), headers, body: message.payload })
    }

    /// A heartbeat says how much was delivered; a flow control message wants an answer before more is sent.
    async fn heartbeat(&mut self, api: &Api, message: Message) -> Step {
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name)).map(|v| v.to_string());
        let answer_to = message.reply.map(|reply| reply.to_string()).or_else(|| header("Nats-Consumer-Stalled"));
        if let Some(subject) = answer_to {
            match timeout(READ_WITHIN, api.client.publish(subject, Bytes::new())).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Step::Broken("the connection ended"),
                Err(_) => return Step::Broken("the connection takes nothing"),
            }
        }
        let sent = header("Nats-Last-Consumer").and_then(|sent| sent.parse::<u64>().ok());
        if sent.is_some_and(|sent| sent != self.delivered) {
            Step::Broken("a delivery was lost")
        } else {
            Step::Nothing
        }
    }
}

/// Sequence in the stream and number of the delivery, from `$JS.ACK.<stream>.<consumer>.<tries>.<seq>.<delivery>.<time>.<pending>`,
/// before which newer servers put a domain and an account.
fn numbers(reply: &str) -> Option<(u64, u64)> {
    let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
    let at = if tokens.len() > 7 { 5 } else { 3 };
    Some((tokens.get(at)?.parse().ok()?, tokens.get(at + 1)?.parse().ok()?))
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
        assert_eq!(numbers("$JS.ACK.CHAT.name.1.42.7.1700000000.0"), Some((42, 7)));
        assert_eq!(numbers("$JS.ACK._.hash.CHAT.name.1.42.7.1700000000.0.token"), Some((42, 7)));
        assert_eq!(numbers("_INBOX.x"), None);
    }
}
