//! What do two instances beside each other decide? On one real log, with no Postgres anywhere.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use clap::Parser;
use command_service::{Config, Service};
use event_log::{EventLog, Fact, JetStream, Start, streams};
use events::{Event, MessageEvent, StreamName, UserEvent};
use futures::StreamExt;
use platform::{Shutdown, health::Health};
use serde_json::{Value, json};
use servers::{Nats, Role};
use std::time::Duration;
use tower::ServiceExt;
use uuid::Uuid;

const ADA: &str = "+4915100000001";
const PASSWORD: &str = "the pass phrase of Ada";
const STOP_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// One log and two instances that share nothing else.
struct Pair {
    nats: Nats,
    one: Router,
    two: Router,
    shutdown: Shutdown,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Pair {
    async fn start() -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let config = config(&nats);
        let shutdown = Shutdown::new();
        let start =
            || async { Service::start(config.clone(), &shutdown, &Health::new()).await.expect("an instance").router };
        let (one, two) = tokio::join!(start(), start());
        Self { nats, one, two, shutdown }
    }

    /// Every fact of `CHAT` so far, in order.
    async fn chat(&self) -> Vec<Fact> {
        let log = JetStream::new(self.nats.connect(Role::Projector).await.expect("the projector may connect"));
        let end = log.extent(StreamName::Chat).await.expect("an end").last;
        let records = log.follow(StreamName::Chat, Start::Beginning, Vec::new()).take(end as usize);
        records.map(|record| record.expect("one log").fact().expect("of our vocabulary")).collect().await
    }

    async fn stop(self) {
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

struct Ask<'a> {
    method: &'a str,
    path: String,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Value,
}

impl<'a> Ask<'a> {
    fn new(method: &'a str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), token: None, key: None, body }
    }

    fn by(self, tokens: &'a Value) -> Self {
        Self { token: tokens["access_token"].as_str(), ..self }
    }

    fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    async fn of(&self, instance: &Router) -> Answer {
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

    async fn done(&self, instance: &Router) -> Value {
        let answer = self.of(instance).await;
        assert!((200..300).contains(&answer.status), "{} {}: {}", self.method, self.path, answer.body);
        answer.body
    }
}

fn registering(password: &str) -> Ask<'static> {
    Ask::new("POST", "/v1/users", json!({ "phone": ADA, "password": password, "display_name": "Ada" }))
}

/// Ada's tokens and the path of a room of hers, made through the first instance.
async fn ada_and_her_room(pair: &Pair) -> (Value, String) {
    let ada = registering(PASSWORD).done(&pair.one).await;
    let lounge = Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(&ada).done(&pair.one).await;
    let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en", "guests": true });
    let room = Ask::new("POST", rooms, wish).by(&ada).done(&pair.one).await;
    let path = format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"));
    (ada, path)
}

fn said(facts: &[Fact]) -> Vec<String> {
    let text = |fact: &'_ Fact| match &fact.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.text.clone()),
        _ => None,
    };
    facts.iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_repeats_through_both_say_it_once() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let messages = format!("{room}/messages");
    for round in 0..5 {
        let key = Uuid::now_v7().to_string();
        let text = format!("hello {round}");
        let ask = Ask::new("POST", messages.as_str(), json!({ "text": text })).by(&ada).with_key(&key);
        let repeats = (0..16).map(|n| ask.of(if n % 2 == 0 { &pair.one } else { &pair.two }));
        let answers = futures::future::join_all(repeats).await;
        let applied: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!applied.is_empty());
        for answer in &answers {
            match answer.status {
                201 => assert_eq!(answer.body, applied[0].body, "one answer for all"),
                status => assert_eq!((status, &answer.body["code"]), (409, &json!("idempotency-in-flight"))),
            }
        }
        let again = ask.of(&pair.two).await;
        assert_eq!((again.status, again.headers["idempotency-replayed"].as_bytes()), (201, b"true".as_slice()));
        assert_eq!(again.headers["chat-position"], applied[0].body["position"].as_str().expect("a position"));
        let other = Ask::new("POST", messages.as_str(), json!({ "text": "another" })).by(&ada).with_key(&key);
        assert_eq!(other.of(&pair.one).await.body["code"], "idempotency-mismatch");
    }
    assert_eq!(said(&pair.chat().await), ["hello 0", "hello 1", "hello 2", "hello 3", "hello 4"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_just_joined_through_one_is_never_refused_by_the_other() {
    let pair = Pair::start().await;
    let (_, room) = ada_and_her_room(&pair).await;
    let bob = Ask::new("POST", "/v1/guests", json!({ "display_name": "Bob" })).done(&pair.one).await;
    let post = Ask::new("POST", format!("{room}/messages"), json!({ "text": "hi" })).by(&bob);
    // Now the second remembers that he is no member.
    assert_eq!(post.of(&pair.two).await.body["code"], "forbidden");
    let joined = Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(&bob).done(&pair.one).await;
    assert_eq!(joined["member"]["role"], "member");
    assert_eq!(post.of(&pair.two).await.status, 201);

    // And the first remembers that he is one: a stale yes is a conflict, not a message.
    Ask::new("DELETE", format!("{room}/members/me"), Value::Null).by(&bob).done(&pair.two).await;
    assert_eq!(post.of(&pair.one).await.body["code"], "forbidden");
    assert_eq!(said(&pair.chat().await), ["hi"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_registrations_make_one_account_that_appears_once() {
    let pair = Pair::start().await;
    let (one, two) = (registering(PASSWORD), registering("another pass phrase"));
    let races = (0..8).map(|n| {
        let ask = if n % 4 < 2 { &one } else { &two };
        ask.of(if n % 2 == 0 { &pair.one } else { &pair.two })
    });
    let answers = futures::future::join_all(races).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    let user = &made[0].body["user"]["id"];
    for answer in &answers {
        match answer.status {
            200 | 201 => assert_eq!(&answer.body["user"]["id"], user),
            _ => assert_eq!(answer.body["code"], "phone-taken", "{}", answer.body),
        }
    }
    let facts = pair.chat().await;
    let appeared =
        |fact: &&Fact| matches!(&fact.event, Event::User(change) if matches!(change.event, UserEvent::Appeared(_)));
    assert_eq!(facts.iter().filter(appeared).count(), 1);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_has_one_successor_however_many_ask() {
    let pair = Pair::start().await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    let refresh = Ask::new("POST", "/v1/sessions/refresh", json!({ "refresh_token": ada["refresh_token"] }));
    let races = (0..16).map(|n| refresh.of(if n % 2 == 0 { &pair.one } else { &pair.two }));
    let answers = futures::future::join_all(races).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["refresh_token"], answers[0].body["refresh_token"]);
        assert_ne!(answer.body["refresh_token"], ada["refresh_token"]);
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_session_everywhere_and_nothing_private_is_public() {
    let pair = Pair::start().await;
    let phone = registering(PASSWORD).done(&pair.one).await;
    let sign_in = |password| Ask::new("POST", "/v1/sessions", json!({ "phone": ADA, "password": password }));
    let laptop = sign_in(PASSWORD).done(&pair.two).await;
    let new = "another pass phrase";
    let wish = json!({ "current_password": PASSWORD, "new_password": new });
    let change = Ask::new("PUT", "/v1/users/me/password", wish);
    let wrong = json!({ "current_password": "no pass phrase", "new_password": new });
    let refused = Ask::new("PUT", "/v1/users/me/password", wrong).by(&phone).of(&pair.one).await;
    assert_eq!(refused.body["code"], "wrong-password");
    let goes_on = change.by(&phone).done(&pair.one).await;

    let make = |tokens| Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(tokens);
    for old in [&phone, &laptop] {
        assert_eq!(make(old).of(&pair.one).await.status, 401);
    }
    assert_eq!(make(&goes_on).of(&pair.one).await.status, 201);
    let refresh = Ask::new("POST", "/v1/sessions/refresh", json!({ "refresh_token": laptop["refresh_token"] }));
    assert_eq!(refresh.of(&pair.two).await.status, 401);
    assert_eq!(sign_in(PASSWORD).of(&pair.two).await.body["code"], "wrong-credentials");
    assert_eq!(sign_in(new).of(&pair.two).await.status, 201);

    for fact in pair.chat().await {
        let body = String::from_utf8(fact.event.body()).expect("JSON");
        for secret in [ADA, "pass phrase", "$2b$", "phone", "hash"] {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
    }
    pair.stop().await;
}
