//! Requests to JetStream's API, written as the server has them: no more rights than the subjects name.

use super::answer::ApiError;
use crate::{Extent, Freshness, LogError, Record};
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind, connection::State};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use events::{StreamName, Subject};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long a read waits for the server.
pub(crate) const READ_WITHIN: Duration = Duration::from_secs(2);
/// How often a client without a connection is asked whether it has one: it tells nobody by itself.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// "no message found".
const NO_MESSAGE: u32 = 10_037;

#[derive(Clone)]
pub(crate) struct Api {
    pub(super) client: Client,
}

#[derive(Deserialize)]
struct Found {
    message: Stored,
}

#[derive(Deserialize)]
struct Stored {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Info {
    config: Made,
    state: Held,
}

#[derive(Deserialize)]
struct Made {
    num_replicas: u64,
}

#[derive(Deserialize)]
struct Held {
    first_seq: u64,
    last_seq: u64,
}

impl Api {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) async fn last(&self, subject: Subject, freshness: Freshness) -> Result<Option<Record>, LogError> {
        match freshness {
            Freshness::Leader => self.get(subject.stream(), json!({ "last_by_subj": subject.to_string() })).await,
            Freshness::Any => self.direct(subject).await,
        }
    }

    /// The first record on a subject that stands at `from` or later.
    pub(super) async fn next(&self, subject: Subject, from: u64) -> Result<Option<Record>, LogError> {
        self.get(subject.stream(), json!({ "next_by_subj": subject.to_string(), "seq": from })).await
    }

    pub(super) async fn read(&self, stream: StreamName, seq: u64) -> Result<Option<Record>, LogError> {
        self.get(stream, json!({ "seq": seq })).await
    }

    pub(super) async fn extent(&self, stream: StreamName) -> Result<Extent, LogError> {
        let Info { state, .. } = self.info("asking for the stream's end", stream).await?;
        Ok(Extent { first: state.first_seq, last: state.last_seq })
    }

    /// Copies of the stream, each on a server of its own.
    pub(super) async fn replicas(&self, stream: StreamName) -> Result<u64, LogError> {
        Ok(self.info("asking for the stream's replicas", stream).await?.config.num_replicas)
    }

    async fn info(&self, doing: &'static str, stream: StreamName) -> Result<Info, LogError> {
        let answer = self.ask(doing, format!("$JS.API.STREAM.INFO.{stream}"), Bytes::new()).await?;
        parse::<Info>(doing, &answer)?.map_err(|error| unexpected(doing, error.description))
    }

    /// Asks any part of the API.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        subject: String,
        body: &Value,
    ) -> Result<T, LogError> {
        let answer = self.ask(doing, subject, body.to_string().into()).await?;
        parse(doing, &answer)?.map_err(|error| unexpected(doing, format!("{}: {}", error.err_code, error.description)))
    }

    /// From the leader.
    async fn get(&self, stream: StreamName, which: Value) -> Result<Option<Record>, LogError> {
        let doing = "reading from the log's leader";
        let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
        let answer = self.ask(doing, subject, which.to_string().into()).await?;
        match parse::<Found>(doing, &answer)? {
            Err(error) if error.err_code == NO_MESSAGE => Ok(None),
            Err(error) => Err(unexpected(doing, format!("{}: {}", error.err_code, error.description))),
            Ok(Found { message }) => message.record(doing, stream).map(Some),
        }
    }

    /// From any replica: the message itself, with where it stands in its headers.
    async fn direct(&self, subject: Subject) -> Result<Option<Record>, LogError> {
        let doing = "reading from the log";
        let stream = subject.stream();
        let asked = format!("$JS.API.DIRECT.GET.{stream}.{subject}");
        let message = self.send(doing, asked, Bytes::new()).await?;
        match message.status.map(|status| status.as_u16()) {
            Some(404) => return Ok(None),
            Some(status) if status != 200 => return Err(unexpected(doing, format!("status {status}"))),
            _ => {}
        }
        let headers = message.headers.unwrap_or_default();
        let header = |name| headers.get(name).map(|value| value.as_str().to_owned());
        let seq = header("Nats-Sequence").and_then(|seq| seq.parse().ok());
        match (seq, header("Nats-Subject")) {
            (Some(seq), Some(subject)) => Ok(Some(Record { stream, seq, subject, headers, body: message.payload })),
            _ => Err(unexpected(doing, "no sequence")),
        }
    }

    async fn ask(&self, doing: &'static str, subject: String, body: Bytes) -> Result<Bytes, LogError> {
        Ok(self.send(doing, subject, body).await?.payload)
    }

    /// One request. Nothing is left with a client that has no connection, nor with one that takes nothing more.
    async fn send(&self, doing: &'static str, subject: String, body: Bytes) -> Result<Message, LogError> {
        let until = Instant::now() + READ_WITHIN;
        if !self.connected(until).await {
            return Err(LogError::Unavailable { doing, why: "not connected".into() });
        }
        let request = Request::new().payload(body).timeout(None);
        match timeout_at(until, self.client.send_request(subject, request)).await {
            Ok(answer) => answer.map_err(|why| unavailable(doing, &why)),
            Err(_) => Err(LogError::Unavailable { doing, why: format!("no answer within {READ_WITHIN:?}") }),
        }
    }

    /// Whether there is a connection, or is one again before `until`.
    pub(super) async fn connected(&self, until: Instant) -> bool {
        loop {
            match self.client.connection_state() {
                State::Connected => return true,
                State::Pending | State::Disconnected if Instant::now() >= until => return false,
                State::Pending | State::Disconnected => sleep_until(until.min(Instant::now() + LOOK_EVERY)).await,
            }
        }
    }
}

impl Stored {
    fn record(self, doing: &'static str, stream: StreamName) -> Result<Record, LogError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|why| unexpected(doing, why));
        let headers = headers(&decode(&self.hdrs)?);
        Ok(Record { stream, seq: self.seq, subject: self.subject, headers, body: decode(&self.data)?.into() })
    }
}

/// The header block as it is on the wire: a status line, then `Name: value` lines.
fn headers(block: &[u8]) -> HeaderMap {
    let text = String::from_utf8_lossy(block);
    let mut headers = HeaderMap::new();
    for (name, value) in text.split("\r\n").skip(1).filter_map(|line| line.split_once(':')) {
        headers.append(name, value.trim());
    }
    headers
}

fn parse<T: DeserializeOwned>(doing: &'static str, answer: &[u8]) -> Result<Result<T, ApiError>, LogError> {
    #[derive(Deserialize)]
    struct Refused {
        error: ApiError,
    }
    if let Ok(Refused { error }) = serde_json::from_slice(answer) {
        return Ok(Err(error));
    }
    serde_json::from_slice(answer).map(Ok).map_err(|why| unexpected(doing, why))
}

fn unexpected(doing: &'static str, why: impl ToString) -> LogError {
    LogError::Unexpected { doing, why: why.to_string() }
}

fn unavailable(doing: &'static str, why: &async_nats::RequestError) -> LogError {
    let why = match why.kind() {
        RequestErrorKind::NoResponders => "nobody answers: is the stream there, and may this role ask?".to_owned(),
        _ => why.to_string(),
    };
    LogError::Unavailable { doing, why }
}
