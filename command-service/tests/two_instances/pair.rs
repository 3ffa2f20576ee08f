//! Two instances on one log, and the words in which the tests speak to them.

use crate::halt::Halting;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use clap::Parser;
use command_service::{Config, Service};
use event_log::{EventLog, Fact, JetStream, Start, streams};
use events::{Event, MessageEvent, RoomId, StreamName, UserId};
use futures::StreamExt;
use platform::{Shutdown, health::Health};
use serde_json::{Value, json};
use servers::{Nats, Role};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub(crate) const ADA: &str = "+4915100000001";
pub(crate) const PASSWORD: &str = "the pass phrase of Ada";
const STOP_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// One log and two instances that share nothing else.
pub(crate) struct Pair {
    nats: Nats,
    pub(crate) one: Instance,
    pub(crate) two: Instance,
    shutdown: Shutdown,
}

/// An instance, and its way to the log.
pub(crate) struct Instance {
    router: Router,
    pub(crate) log: Arc<Halting>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The status, and the code of a problem.
    pub(crate) fn told(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl Pair {
    pub(crate) async fn start() -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let config = config(&nats);
        let shutdown = Shutdown::new();
        let start = || async {
            let client = nats.connect(Role::Command).await.expect("the command service may connect");
            let log = Arc::new(Halting::new(JetStream::new(client)));
            let as_log: Arc<dyn EventLog> = Arc::clone(&log) as _;
            let service = Service::on(as_log, config.clone(), &shutdown, &Health::new()).await.expect("an instance");
            Instance { router: service.router, log }
        };
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

fn config(nats: &Nats) -> Config {
    let login = nats.credentials(Role::Command);
    let (private, public) = platform::auth::generate("test");
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    let refresh_keys = format!("1:{key}");
    let url = nats.url();
    let flags = [
        ("--nats-url", url.as_str()),
        ("--nats-user", &login.user),
        ("--nats-password", &login.password),
        // Nobody listens there: what needs no look-up does not notice.
        ("--database-url", "postgres://nobody@127.0.0.1:1/nothing"),
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

#[derive(Clone)]
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: String,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Value,
}

impl<'a> Ask<'a> {
    /// Without a body where it is null.
    pub(crate) fn new(method: &'a str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), token: None, key: None, body }
    }

    pub(crate) fn by(self, tokens: &'a Value) -> Self {
        Self { token: tokens["access_token"].as_str(), ..self }
    }

    pub(crate) fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) async fn of(&self, instance: &Instance) -> Answer {
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
        let answer = instance.router.clone().oneshot(request).await.expect("infallible");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.expect("a body in memory");
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    pub(crate) async fn done(&self, instance: &Instance) -> Value {
        let answer = self.of(instance).await;
        assert!((200..300).contains(&answer.status), "{} {}: {}", self.method, self.path, answer.body);
        answer.body
    }
}

pub(crate) fn registering(password: &str) -> Ask<'static> {
    registration(ADA, password, "Ada")
}

fn registration(phone: &str, password: &str, name: &str) -> Ask<'static> {
    Ask::new("POST", "/v1/users", json!({ "phone": phone, "password": password, "display_name": name }))
}

/// The tokens of a new registered user.
pub(crate) async fn a_user(pair: &Pair, phone: &str, name: &str) -> Value {
    registration(phone, PASSWORD, name).done(&pair.one).await
}

/// The tokens of a new guest.
pub(crate) async fn a_guest(pair: &Pair, name: &str) -> Value {
    Ask::new("POST", "/v1/guests", json!({ "display_name": name })).done(&pair.one).await
}

/// Ada's tokens and the path of a room of hers, made through the first instance.
pub(crate) async fn ada_and_her_room(pair: &Pair) -> (Value, String) {
    let ada = registering(PASSWORD).done(&pair.one).await;
    let room = a_room(pair, &ada, "public").await;
    (ada, room)
}

/// The path of a new room.
pub(crate) async fn a_room(pair: &Pair, owner: &Value, visibility: &str) -> String {
    let lounge = Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(owner).done(&pair.one).await;
    let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en", "visibility": visibility, "guests": true });
    let room = Ask::new("POST", rooms, wish).by(owner).done(&pair.one).await;
    format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"))
}

/// The id in a room's path.
pub(crate) fn room_id(path: &str) -> RoomId {
    path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("a path ends with its id")
}

/// Whose tokens they are.
pub(crate) fn user_id(tokens: &Value) -> UserId {
    tokens["user"]["id"].as_str().and_then(|id| id.parse().ok()).expect("tokens name their user")
}

/// The path of somebody in a room, or of what is done to him.
pub(crate) fn member(room: &str, tokens: &Value, what: &str) -> String {
    format!("{room}/members/{}{what}", user_id(tokens))
}

pub(crate) fn join<'a>(room: &str, tokens: &'a Value) -> Ask<'a> {
    Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(tokens)
}

pub(crate) fn leave<'a>(room: &str, tokens: &'a Value) -> Ask<'a> {
    Ask::new("DELETE", format!("{room}/members/me"), Value::Null).by(tokens)
}

pub(crate) fn say<'a>(room: &str, tokens: &'a Value, text: &str) -> Ask<'a> {
    Ask::new("POST", format!("{room}/messages"), json!({ "text": text })).by(tokens)
}

pub(crate) fn make<'a>(room: &str, tokens: &'a Value, whom: &Value, role: &str) -> Ask<'a> {
    Ask::new("PUT", member(room, whom, "/role"), json!({ "role": role })).by(tokens)
}

pub(crate) fn said(facts: &[Fact]) -> Vec<String> {
    let text = |fact: &'_ Fact| match &fact.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.text.clone()),
        _ => None,
    };
    facts.iter().filter_map(text).collect()
}
