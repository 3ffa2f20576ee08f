//! How does a reader hear every record once and in order? One push consumer, checked at each step, made anew when in doubt.

use super::api::Api;
use crate::{FollowError, LogError, Record, Start};
use async_nats::{Message, StatusCode, Subscriber};
use events::{EventId, StreamName, Time};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The server says that it is there this often; half as long again without a word, and the consumer is made anew.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE_MAX: Duration = Duration::from_millis(1_500);
/// After a failed attempt to make a consumer, while the server is away.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often the record at the last position is read again, to notice a log that was swapped underneath.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// The server drops a consumer that nobody hears after this long.
const INACTIVE_MAX: Duration = Duration::from_secs(30);

/// The last record that was delivered.
#[derive(Debug, Clone, Copy)]
struct Mark {
    seq: u64,
    /// Unknown for a start by sequence, and for a record that is not ours.
    id: Option<EventId>,
}

struct Follower {
    api: Api,
    stream: StreamName,
    filters: Vec<String>,
    mark: Option<Mark>,
    /// From when on, until the first record is there.
    since: Option<Time>,
    /// Whether the record at the mark was asked for again and must come first.
    inclusive: bool,
    consumer: Option<Consumer>,
    checked: Instant,
    /// Whether the record at a checkpoint still has to be handed to the reader.
    deliver_mark: bool,
}

struct Consumer {
    messages: Subscriber,
    /// Deliveries so far, which the consumer numbers 1, 2, 3 ….
    delivered: u64,
}

pub(super) fn follow(
    api: Api,
    stream: StreamName,
    start: Start,
    filters: Vec<String>,
) -> impl Stream<Item = Result<Record, FollowError>> {
    let mark = match start {
        Start::Beginning => None,
        Start::Checkpoint { seq, id } => Some(Mark { seq, id: Some(id) }),
        Start::Sequence(seq) => Some(Mark { seq, id: None }),
        Start::Time(_) => None,
    };
    let since = match start {
        Start::Time(since) => Some(since),
        Start::Beginning | Start::Checkpoint { .. } | Start::Sequence(_) => None,
    };
    let follower = Follower {
        api,
        stream,
        filters,
        mark,
        since,
        inclusive: false,
        consumer: None,
        checked: Instant::now(),
        deliver_mark: mark.is_some(),
    };
    // An error is the end: the stream after it is empty.
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        match follower.next().await {
            Ok(record) => Some((Ok(record), Some(follower))),
            Err(diverged) => Some((Err(diverged), None)),
        }
    })
}

/// What one step of listening gave.
enum Step {
    Record(Record),
    Nothing,
    /// The consumer is not what it should be: away, silent, or with a hole.
    Broken(&'static str),
}

impl Follower {
    async fn next(&mut self) -> Result<Record, FollowError> {
        loop {
            let Some(consumer) = &mut self.consumer else {
                self.begin().await?;
                continue;
            };
            match consumer.step(&self.api, self.stream).await {
                Step::Broken(why) => {
                    tracing::debug!(stream = %self.stream, why, "making the consumer anew");
                    self.consumer = None;
                }
                Step::Nothing => self.check_now_and_then().await?,
                Step::Record(record) => {
                    if let Some(record) = self.accept(record)? {
                        return Ok(record);
                    }
                }
            }
        }
    }

    /// Makes a consumer from the mark on, as soon as the server lets us; before that, the log has to be the one we know.
    async fn begin(&mut self) -> Result<(), FollowError> {
        self.check().await?;
        match Consumer::make(&self.api, self.stream, self.start(), &self.filters).await {
            Ok(consumer) => {
                self.consumer = Some(consumer);
                self.inclusive = self.mark.is_some();
            }
            Err(why) => {
                tracing::debug!(stream = %self.stream, %why, "the log is away");
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
        }
        Ok(())
    }

    /// Where the next consumer starts.
    fn start(&self) -> Value {
        match (self.mark, self.since) {
            (Some(mark), _) => json!({ "deliver_policy": "by_start_sequence", "opt_start_seq": mark.seq.max(1) }),
            (None, Some(since)) => json!({ "deliver_policy": "by_start_time", "opt_start_time": since.to_rfc3339() }),
            (None, None) => json!({ "deliver_policy": "all" }),
        }
    }

    /// Whether a record is the next one, and for the reader.
    fn accept(&mut self, record: Record) -> Result<Option<Record>, FollowError> {
        let first = std::mem::take(&mut self.inclusive);
        if let Some(mark) = self.mark {
            if first && record.seq == mark.seq {
                self.is_ours(mark, &record)?;
                self.mark = Some(Mark { seq: record.seq, id: record.id() });
                return Ok(std::mem::take(&mut self.deliver_mark).then_some(record));
            }
            // A stream that forgets may have forgotten the mark; `CHAT` forgets nothing.
            if first && mark.id.is_some() && self.forgets_nothing() {
                return Err(self.diverged(mark.seq, format!("it goes on at {} without it", record.seq)));
            }
            if record.seq <= mark.seq {
                return Err(self.diverged(mark.seq, format!("it went back to {}", record.seq)));
            }
            if !first && self.forgets_nothing() && record.seq != mark.seq + 1 {
                return Err(self.diverged(mark.seq, format!("it goes on at {}", record.seq)));
            }
        }
        self.deliver_mark = false;
        self.mark = Some(Mark { seq: record.seq, id: record.id() });
        Ok(Some(record))
    }

    /// All of `CHAT` is followed: every sequence has to come.
    fn forgets_nothing(&self) -> bool {
        self.stream == StreamName::Chat && self.filters.is_empty()
    }

    async fn check_now_and_then(&mut self) -> Result<(), FollowError> {
        if self.checked.elapsed() >= CHECK_EVERY { self.check().await } else { Ok(()) }
    }

    /// Whether the log still holds what was read from it. A server that is away proves nothing.
    async fn check(&mut self) -> Result<(), FollowError> {
        let Some(mark) = self.mark else { return Ok(()) };
        let Ok(extent) = self.api.extent(self.stream).await else { return Ok(()) };
        if extent.last < mark.seq {
            return Err(self.diverged(mark.seq, format!("it ends at {}", extent.last)));
        }
        match self.api.read(self.stream, mark.seq).await {
            Ok(Some(record)) => self.is_ours(mark, &record)?,
            Ok(None) if self.stream == StreamName::Chat && mark.id.is_some() => {
                return Err(self.diverged(mark.seq, "it does not hold it".to_owned()));
            }
            Ok(None) | Err(_) => {}
        }
        self.checked = Instant::now();
        Ok(())
    }

    fn is_ours(&self, mark: Mark, record: &Record) -> Result<(), FollowError> {
        match (mark.id, record.id()) {
            (Some(known), found) if found != Some(known) => {
                let found = found.map_or_else(|| "no event".to_owned(), |id| id.to_string());
                Err(self.diverged(mark.seq, format!("{known} was read there, and now it holds {found}")))
            }
            _ => Ok(()),
        }
    }

    fn diverged(&self, seq: u64, why: String) -> FollowError {
        FollowError::Diverged { stream: self.stream, seq, why }
    }
}

#[derive(Deserialize)]
struct Made {}

impl Consumer {
    async fn make(api: &Api, stream: StreamName, from: Value, filters: &[String]) -> Result<Self, LogError> {
        let doing = "making a consumer";
        let inbox = api.client.new_inbox();
        // Listen first: what comes before the subscription is there would be lost.
        let subscribed = api.client.subscribe(inbox.clone()).await;
        let messages = subscribed.map_err(|why| LogError::Unavailable { doing, why: why.to_string() })?;
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

    async fn step(&mut self, api: &Api, stream: StreamName) -> Step {
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
        if let Some(subject) = answer_to
            && api.client.publish(subject, Default::default()).await.is_err()
        {
            return Step::Broken("the connection ended");
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
