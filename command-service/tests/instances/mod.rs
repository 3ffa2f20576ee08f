//! Two instances on one real log, and how a test asks them.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use clap::Parser;
use command_service::{Config, Service};
use event_log::{EventLog, Fact, JetStream, Start, streams};
use events::StreamName;
use futures::StreamExt;
use platform::{Shutdown, health::Health};
use serde_json::Value;
use servers::{Nats, Role};
use std::time::Duration;
use tower::ServiceExt;

/// Nobody listens there: what needs no look-up does not notice.
pub(crate) const NO_POSTGRES: &str = "postgres://nobody@127.0.0.1:1/nothing";
const STOP_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// One log and two instances that share nothing else.
pub(crate) struct Pair {
    pub(crate) nats: Nats,
    pub(crate) one: Router,
    pub(crate) two: Router,
    shutdown: Shutdown,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Pair {
    pub(crate) async fn start(database_url: &str) -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let config = config(&nats, database_url);
        let shutdown = Shutdown::new();
        let start =
            || async { Service::start(config.clone(), &shutdown, &Health::new()).await.expect("an instance").router };
        let (one, two) = tokio::join!(start(), start());
        Self { nats, one, two, shutdown }
    }

    /// Every fact of `CHAT` so far, in order.
    pub(crate) async fn chat(&self) -> Vec<Fact> {
        let log = JetStream::new(self.nats.connect(Role::Projector).await.expect("the projector may connect"));
        let end = log.extent(StreamName::Chat).await.expect("an end").last;
        let records = log.follow(StreamName::Chat, Start::Beginning, Vec::new()).take(end as usize);
        records.map(|record| record.expect("one log").fact().expect("of our vocabulary")).collect().await
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.expect("every task ends well");
        self.nats.stop().await;
    }
}

fn config(nats: &Nats, database_url: &str) -> Config {
    let login = nats.credentials(Role::Command);
    let (private, public) = platform::auth::generate("test");
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    let refresh_keys = format!("1:{key}");
    let url = nats.url();
    let flags = [
        ("--nats-url", url.as_str()),
        ("--nats-user", &login.user),
        ("--nats-password", &login.password),
        ("--database-url", database_url),
        ("--token-signing-key", private.expose()),
        ("--token-public-keys", &public),
        ("--pepper", key),
        ("--phone-key", key),
        ("--refresh-keys", &refresh_keys),
        ("--bcrypt-cost", "4"),
    ];
    let flags = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
    let switches = ["--allow-weak-bcrypt", "--no-rate-limits"].map(str::to_owned);
    Flags::parse_from(["role".to_owned()].into_iter().chain(flags).chain(switches)).config
}

pub(crate) struct Ask<'a> {
    method: &'a str,
    path: String,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Value,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: &'a str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), token: None, key: None, body }
    }

    pub(crate) fn by(self, tokens: &'a Value) -> Self {
        Self { token: tokens["access_token"].as_str(), ..self }
    }

    pub(crate) fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) async fn of(&self, instance: &Router) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        let body = if self.body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(self.body.to_string())
        };
        let request = request.body(body).expect("a valid request");
        let answer = instance.clone().oneshot(request).await.expect("infallible");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.expect("a body in memory");
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    pub(crate) async fn done(&self, instance: &Router) -> Value {
        let answer = self.of(instance).await;
        assert!((200..300).contains(&answer.status), "{} {}: {}", self.method, self.path, answer.body);
        answer.body
    }
}
