//! Messages to the server as the protocol has them, without the log between: what it answers to each is measured.

use async_nats::{Client, HeaderMap, Request, RequestErrorKind};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// Far beyond what any answer takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What the server answers to a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Stored(u64),
    Duplicate(u64),
    Refused(u64),
    NobodyThere,
    Silence,
}

/// A subject of its own.
pub(super) fn subject() -> String {
    format!("chat.v1.claim.{}", Uuid::now_v7().simple())
}

/// One message: its subject, its id, its condition.
#[derive(Clone)]
pub(super) struct Message {
    subject: String,
    headers: HeaderMap,
    body: String,
}

impl Message {
    /// Under an id of its own.
    pub(super) fn on(subject: &str) -> Self {
        Self { subject: subject.into(), headers: HeaderMap::new(), body: "{}".into() }.id(Uuid::now_v7())
    }

    /// On a subject that ends with it: a new one at `seq` 0.
    pub(super) fn tip(subject: &str, seq: u64) -> Self {
        Self::on(subject).after(subject, seq)
    }

    pub(super) fn id(self, id: Uuid) -> Self {
        self.header("Nats-Msg-Id", id.to_string())
    }

    /// Under the condition that `subject` ends at `seq`.
    pub(super) fn after(self, subject: &str, seq: u64) -> Self {
        self.header("Nats-Expected-Last-Subject-Sequence", seq.to_string())
            .header("Nats-Expected-Last-Subject-Sequence-Subject", subject)
    }

    pub(super) fn rollup(self) -> Self {
        self.header("Nats-Rollup", "sub")
    }

    pub(super) fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    /// The same on another subject.
    pub(super) fn moved_to(mut self, subject: &str) -> Self {
        self.subject = subject.into();
        self
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.insert(name, value.to_string());
        self
    }

    fn of_batch(self, batch: &str, sequence: usize) -> Self {
        self.header("Nats-Batch-Id", batch).header("Nats-Batch-Sequence", sequence)
    }
}

/// By itself.
pub(super) async fn single(client: &Client, message: Message) -> Answer {
    let request = Request::new().headers(message.headers).payload(message.body.into()).timeout(None);
    match timeout(ANSWER_WITHIN, client.send_request(message.subject, request)).await {
        Ok(Ok(answer)) => read(&answer.payload),
        Ok(Err(why)) if why.kind() == RequestErrorKind::NoResponders => Answer::NobodyThere,
        Ok(Err(_)) | Err(_) => Answer::Silence,
    }
}

/// By itself, where nothing can be in its way.
pub(super) async fn stored(client: &Client, message: Message) -> u64 {
    match single(client, message).await {
        Answer::Stored(seq) => seq,
        other => panic!("not stored: {other:?}"),
    }
}

/// All or nothing.
pub(super) async fn batch(client: &Client, messages: impl IntoIterator<Item = Message>) -> Answer {
    let mut messages: Vec<Message> = messages.into_iter().collect();
    let last = messages.pop().expect("a batch has messages");
    let batch = Uuid::now_v7().to_string();
    let sequence = messages.len() + 1;
    write(client, messages, &batch).await;
    commit(client, last, &batch, sequence).await
}

/// The first messages of a batch, which stays open.
pub(super) async fn write(client: &Client, messages: Vec<Message>, batch: &str) {
    for (index, message) in messages.into_iter().enumerate() {
        let Message { subject, headers, body } = message.of_batch(batch, index + 1);
        client.publish_with_headers(subject, headers, body.into()).await.expect("it is connected");
    }
    // What is not answered is at least on its way.
    client.flush().await.expect("it is connected");
}

/// The last message of a batch.
pub(super) async fn commit(client: &Client, last: Message, batch: &str, sequence: usize) -> Answer {
    single(client, last.of_batch(batch, sequence).header("Nats-Batch-Commit", "1")).await
}

/// Where a subject ends, as its leader knows it.
pub(super) async fn last(client: &Client, subject: &str) -> Option<u64> {
    ask(client, json!({ "last_by_subj": subject })).await["message"]["seq"].as_u64()
}

/// Where a subject ends, as any server knows it.
pub(super) async fn last_anywhere(client: &Client, subject: &str) -> Option<u64> {
    let answer = client.request(format!("$JS.API.DIRECT.GET.CHAT.{subject}"), "".into()).await.expect("it answers");
    answer.headers?.get("Nats-Sequence")?.as_str().parse().ok()
}

/// A message as it stands in the log: its place, and the condition that it was accepted under.
pub(super) struct Stood {
    pub(super) seq: u64,
    pub(super) after: Option<u64>,
    pub(super) watched: Option<String>,
}

/// What stands on a subject, first to last.
pub(super) async fn all(client: &Client, subject: &str) -> Vec<Stood> {
    let (mut all, mut from) = (Vec::new(), 1);
    loop {
        let answer = ask(client, json!({ "next_by_subj": subject, "seq": from })).await;
        let Some(seq) = answer["message"]["seq"].as_u64() else { return all };
        let headers = answer["message"]["hdrs"].as_str().and_then(|headers| STANDARD.decode(headers).ok());
        let headers = String::from_utf8(headers.unwrap_or_default()).expect("text");
        let header = |name| headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let after = header("Nats-Expected-Last-Subject-Sequence").and_then(|seq| seq.parse().ok());
        let watched = header("Nats-Expected-Last-Subject-Sequence-Subject").map(str::to_owned);
        all.push(Stood { seq, after, watched });
        from = seq + 1;
    }
}

async fn ask(client: &Client, what: Value) -> Value {
    let answer = client.request("$JS.API.STREAM.MSG.GET.CHAT", what.to_string().into()).await.expect("it answers");
    serde_json::from_slice(&answer.payload).expect("JSON")
}

fn read(answer: &[u8]) -> Answer {
    let answer: Value = serde_json::from_slice(answer).expect("JSON");
    match (answer["error"]["err_code"].as_u64(), answer["seq"].as_u64(), answer["duplicate"].as_bool()) {
        (Some(code), ..) => Answer::Refused(code),
        (None, Some(seq), Some(true)) => Answer::Duplicate(seq),
        (None, Some(seq), _) => Answer::Stored(seq),
        (None, None, _) => panic!("{answer}"),
    }
}
