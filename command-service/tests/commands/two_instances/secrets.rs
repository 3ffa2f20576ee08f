//! Where is a secret written? Nowhere: neither on the wire to the log, nor in a log line, an answer, or a metric.

use crate::house::{ADA, Ask, Instance, PASSWORD, Pair, making_a_lounge};
use async_nats::Message;
use command_service::operator;
use events::{Event, StreamName, Subject, identity::CredentialEvent};
use futures::StreamExt;
use serde_json::{Value, json};
use servers::Role;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Ours, all of them; what others say of themselves at TRACE is not ours to promise.
const OURS: &str = "command_service=trace,platform=trace,event_log=trace,events=trace";
const GUS: &str = "+4915100000071";
/// A subject that ends the listening.
const END: &str = "test.the-end";

/// Everything that was written somewhere, as text, and where.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<(String, String)>>>);

impl Written {
    fn add(&self, place: impl Into<String>, text: impl Into<String>) {
        self.0.lock().expect("nobody panicked").push((place.into(), text.into()));
    }

    /// Where this is written, if anywhere.
    fn places_of(&self, secret: &str) -> Vec<String> {
        let all = self.0.lock().expect("nobody panicked");
        let found = all.iter().filter(|(_, text)| text.contains(secret));
        found.map(|(place, text)| format!("{place}: {text}")).collect()
    }
}

/// A line of the log.
struct Line(Written);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.add("log", String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

/// Hears everything that is sent to the log and by it, also what a rollup takes away at once.
async fn wiretap(pair: &Pair, written: &Written) -> JoinHandle<()> {
    let client = pair.house.nats.connect(Role::Operator).await.expect("the operator may connect");
    let mut heard = client.subscribe(">").await.expect("the operator may hear all");
    client.flush().await.expect("it is subscribed");
    let written = written.clone();
    tokio::spawn(async move {
        while let Some(Message { subject, headers, payload, .. }) = heard.next().await {
            if subject.as_str() == END {
                return;
            }
            written.add(format!("wire {subject}"), format!("{headers:?} {}", String::from_utf8_lossy(&payload)));
        }
    })
}

/// Somebody who sends secrets about, and keeps what he is answered.
struct Scenario<'p> {
    pair: &'p Pair,
    written: Written,
    secrets: Vec<(&'static str, String)>,
}

impl Scenario<'_> {
    /// Asks, and files the answer: all of it but the tokens, which are for who asked.
    async fn asks(&mut self, instance: &Instance, ask: Ask<'_>) -> Value {
        let mut answer = ask.of(instance).await;
        let body = answer.body.clone();
        if let Some(tokens) = answer.body.as_object_mut() {
            for name in ["access_token", "refresh_token"] {
                if let Some(Value::String(token)) = tokens.remove(name) {
                    self.knows(name, token);
                }
            }
        }
        self.written.add("answer", format!("{} {:?} {}", answer.status, answer.headers, answer.body));
        body
    }

    fn knows(&mut self, what: &'static str, secret: impl Into<String>) {
        let secret = secret.into();
        // A refresh token is guessed by its last part alone.
        if let Some((_, last)) = secret.rsplit_once('.') {
            self.secrets.push((what, last.to_owned()));
        }
        self.secrets.push((what, secret));
    }
}

// Red with `tracing::trace!(phone = request.phone)` in `users::register`; and with serde's own words in an answer.
#[tokio::test(flavor = "multi_thread")]
async fn no_phone_no_password_and_no_token_is_written_anywhere() {
    let written = Written::default();
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(OURS)).with_writer(written.clone());
    lines.with_ansi(false).try_init().expect("no other test of this process listens");
    let metrics = platform::telemetry::metrics().expect("installable");
    let pair = Pair::start().await;
    let tap = wiretap(&pair, &written).await;
    let mut all = Scenario { pair: &pair, written: written.clone(), secrets: Vec::new() };

    lives(&mut all).await;
    stumbles(&mut all).await;

    let client = pair.house.nats.connect(Role::Operator).await.expect("the operator may connect");
    client.publish(END, "".into()).await.expect("it is connected");
    tap.await.expect("it heard everything");
    written.add("metrics", metrics.render());
    let secrets = all.secrets;
    assert!(secrets.len() > 20 && secrets.iter().all(|(_, secret)| secret.len() >= 8), "{secrets:?}");
    for (what, secret) in &secrets {
        let places = written.places_of(secret);
        assert!(places.is_empty(), "a {what} ({secret}) in {places:#?}");
    }
    is_heard_of_everything(&written);
    nothing_private_is_public(&pair).await;
    pair.stop().await;
}

/// What a life brings: each command that takes or gives a secret.
async fn lives(all: &mut Scenario<'_>) {
    let (one, two) = (&all.pair.one, &all.pair.two);
    let (second, third) = ("the second phrase of Ada", "the first phrase of Gus");
    for (what, secret) in [("phone", ADA), ("phone", GUS), ("phone", "4915100000071")] {
        all.knows(what, secret);
    }
    for secret in [PASSWORD, second, third, "no phrase of anybody"] {
        all.knows("password", secret);
    }
    let post = |path: &str, body: Value| Ask::new("POST", path, body);
    let registration = json!({ "phone": ADA, "password": PASSWORD, "display_name": "Ada", "device": "phone" });
    let ada = all.asks(one, post("/v1/users", registration.clone())).await;
    all.asks(two, post("/v1/users", registration)).await;
    let other = json!({ "phone": ADA, "password": "no phrase of anybody", "display_name": "Eve" });
    all.asks(one, post("/v1/users", other)).await;
    let sign_in = |password| post("/v1/sessions", json!({ "phone": ADA, "password": password }));
    let laptop = all.asks(two, sign_in(PASSWORD)).await;
    all.asks(one, sign_in("no phrase of anybody")).await;
    let refresh = |tokens: &Value| post("/v1/sessions/refresh", json!({ "refresh_token": tokens["refresh_token"] }));
    let turned = all.asks(one, refresh(&laptop)).await;
    all.asks(two, refresh(&laptop)).await;
    all.asks(two, refresh(&turned)).await;
    let reused = all.asks(one, refresh(&laptop)).await;
    assert_eq!(reused["code"], "token-reused");
    let wish = json!({ "current_password": PASSWORD, "new_password": second });
    let changed = all.asks(one, Ask::new("PUT", "/v1/users/me/password", wish.clone()).by(&ada)).await;
    assert!(changed["access_token"].is_string(), "{changed}");
    all.asks(two, Ask::new("PUT", "/v1/users/me/password", wish).by(&changed)).await;

    let gus = all.asks(two, post("/v1/guests", json!({ "display_name": "Gus" }))).await;
    let upgrade = json!({ "phone": GUS, "password": third });
    let user = all.asks(one, post("/v1/guests/upgrade", upgrade.clone()).by(&gus)).await;
    assert!(user["access_token"].is_string(), "{user}");
    all.asks(one, post("/v1/guests/upgrade", upgrade).by(&user)).await;
    // Without a read model it is refused after the password was compared.
    let farewell = json!({ "current_password": third });
    all.asks(one, Ask::new("DELETE", "/v1/users/me", farewell).by(&user)).await;
    all.asks(one, making_a_lounge(&changed)).await;

    let id = user["user"]["id"].as_str().expect("an id").parse().expect("a user's");
    let log = all.pair.house.log.clone();
    operator::suspend(&log, id, Some("spam")).await.expect("an account");
    all.asks(two, post("/v1/sessions", json!({ "phone": GUS, "password": third }))).await;
    all.asks(two, Ask::new("DELETE", "/v1/sessions/current", Value::Null).by(&changed)).await;
    all.asks(two, making_a_lounge(&changed)).await;
}

/// What goes wrong: secrets where they do not belong.
async fn stumbles(all: &mut Scenario<'_>) {
    let one = &all.pair.one;
    let (secret, number, refresh) = ("a phrase in the wrong place", "8675309867", "wrong-place");
    for (what, secret) in [("password", secret), ("password", number), ("phone", "+49 151 0000 0072")] {
        all.knows(what, secret);
    }
    let token = format!("0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01.7.{}", "A".repeat(32) + refresh);
    all.knows("refresh token", token.clone());
    const JSON: &str = "application/json";
    let bodies = [
        format!(r#"{{"phone":"{ADA}","password":"{secret}""#),
        format!(r#"{{"phone":"{ADA}","password":{number},"display_name":"Ada"}}"#),
        format!(r#"{{"phone":{{"a":"{secret}"}},"password":["{secret}"],"display_name":"Ada"}}"#),
        format!(r#"{{"phone":"+49 151 0000 0072","password":"{secret}","display_name":""}}"#),
        format!(r#"{{"phone":"{ADA}","password":"{secret}","display_name":"Ada","admin":"{secret}"}}"#),
        format!(r#"{{"phone":"{ADA}","password":"{secret}","password":"{secret}"}}"#),
        format!(r#"{{"refresh_token":{number}}}"#),
        format!(r#"{{"refresh_token":"{token}"}}"#),
        format!(r#"{{"current_password":{number},"new_password":"{secret}"}}"#),
        format!(r#""{secret}""#),
        format!("[\"{secret}\"]"),
        secret.to_owned(),
        format!(r#"{{"phone":"{ADA}","password":"{}"}}"#, secret.repeat(200)),
    ];
    for body in bodies {
        for (method, path) in [
            ("POST", "/v1/users"),
            ("POST", "/v1/sessions"),
            ("POST", "/v1/sessions/refresh"),
            ("PUT", "/v1/users/me/password"),
            ("POST", "/v1/guests/upgrade"),
            ("DELETE", "/v1/users/me"),
        ] {
            all.asks(one, Ask::raw(method, path, JSON, body.clone())).await;
            all.asks(one, Ask::raw(method, path, "text/plain", body.clone())).await;
        }
    }
    all.asks(one, Ask::new("DELETE", "/v1/sessions/current", Value::Null).with_token(&token)).await;
    all.asks(one, Ask::new("DELETE", format!("/v1/sessions/{token}"), Value::Null).with_token(&token)).await;
    let wish = json!({ "current_password": secret, "new_password": "short" });
    all.asks(one, Ask::new("PUT", "/v1/users/me/password", wish).with_token(&token)).await;
}

/// A test that listens to nothing finds nothing.
fn is_heard_of_everything(written: &Written) {
    let signs = ["chatroom.session.revoked.v1", "$2b$04$", "token-reused", "request{request_id", "password_seconds"];
    for sign in signs {
        assert!(!written.places_of(sign).is_empty(), "{sign} was not heard");
    }
}

/// Of numbers not even the tag, of passwords not even the hash.
async fn nothing_private_is_public(pair: &Pair) {
    let mut private = Vec::new();
    for fact in pair.house.facts(StreamName::Identity).await {
        match (&fact.event, fact.subject) {
            (Event::Credential(change), _) => {
                let CredentialEvent::Set(set) = &change.event;
                private.extend(set.hash.clone());
            }
            (_, Subject::Phone(tag)) => private.push(tag.to_string()),
            _ => {}
        }
    }
    assert!(private.len() >= 4, "{private:?}");
    let log = pair.house.log.clone();
    for stream in [StreamName::Chat, StreamName::Presence, StreamName::Markers] {
        use event_log::EventLog;
        let end = log.extent(stream).await.expect("an end").last;
        for seq in 1..=end {
            let Some(record) = log.read(stream, seq).await.expect("it is read") else { continue };
            let text = format!("{} {:?} {}", record.subject, record.headers, String::from_utf8_lossy(&record.body));
            for secret in private.iter().map(String::as_str).chain(["phone", "$2b$", "hash\":"]) {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}
