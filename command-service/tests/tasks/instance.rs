//! Instances of the command service on one log, and what a client asks of them.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use clap::Parser;
use command_service::{Config, Service};
use event_log::{EventLog, Freshness, JetStream, Record, streams};
use events::{Actor, Condition, Envelope, Event, EventId, NewEvent, Subject, Time};
use platform::{Shutdown, health::Health};
use serde_json::Value;
use servers::{Nats, Role};
use std::time::Duration;
use tower::ServiceExt;

const STOP_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long something may take on a machine that is busy with other tests.
pub(super) const SOON: Duration = Duration::from_secs(30);
/// Between two looks at a tip.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// A log with its streams, and the settings that all instances on it share.
pub(super) struct House {
    pub(super) nats: Nats,
    pub(super) log: JetStream,
    pub(super) config: Config,
}

impl House {
    /// With a read model at this URL, or with none: nobody listens at the default.
    pub(super) async fn on(database: Option<String>) -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let log = JetStream::new(nats.connect(Role::Command).await.expect("the command service may connect"));
        let nowhere = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
        let config = config(&nats, &database.unwrap_or(nowhere));
        Self { nats, log, config }
    }

    pub(super) async fn instance(&self) -> Instance {
        let shutdown = Shutdown::new();
        let service = Service::start(self.config.clone(), &shutdown, &Health::new()).await.expect("an instance");
        Instance { router: service.router, shutdown }
    }

    /// Appends a unit as a command would, each event under the tip of its own subject.
    pub(super) async fn append(&self, unit: Vec<(Subject, u64, Event)>) -> u64 {
        let unit = unit.into_iter().map(|(subject, seq, event)| {
            let now = Time::from_timestamp_millis(chrono::Utc::now().timestamp_millis()).expect("today");
            let mut envelope = Envelope::new(EventId::at(now, rand::random()), now, Actor::System, "test");
            envelope.after = Some(Condition { subject, seq });
            NewEvent { subject, envelope, event }
        });
        self.log.append(unit.collect()).await.expect("the tip is as it was").last
    }

    /// The last record of a subject, from the leader.
    pub(super) async fn tip(&self, subject: Subject) -> Option<Record> {
        self.log.last(subject, Freshness::Leader).await.expect("the log answers")
    }

    /// The tip, once it is as wished.
    pub(super) async fn becomes(&self, subject: Subject, wished: impl Fn(&Event) -> bool) {
        let reached = async {
            loop {
                // Where a test stops the server, there is no answer for a while.
                let tip = self.log.last(subject, Freshness::Leader).await.ok().flatten();
                if tip.is_some_and(|record| wished(&record.fact().expect("of our vocabulary").event)) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(SOON, reached).await.unwrap_or_else(|_| panic!("{subject} has not become as wished"));
    }
}

fn config(nats: &Nats, database: &str) -> Config {
    let login = nats.credentials(Role::Command);
    let (private, public) = platform::auth::generate("test");
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    let refresh_keys = format!("1:{key}");
    let url = nats.url();
    let flags = [
        ("--nats-url", url.as_str()),
        ("--nats-user", &login.user),
        ("--nats-password", &login.password),
        ("--database-url", database),
        ("--token-signing-key", private.expose()),
        ("--token-public-keys", &public),
        ("--pepper", key),
        ("--phone-key", key),
        ("--refresh-keys", &refresh_keys),
        ("--bcrypt-cost", "4"),
        // Who tests sweeps turns them on.
        ("--sweep-every-ms", "0"),
    ];
    let flags = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
    let switches = ["--allow-weak-bcrypt", "--no-rate-limits"].map(str::to_owned);
    Flags::parse_from(["role".to_owned()].into_iter().chain(flags).chain(switches)).config
}

/// One instance.
pub(super) struct Instance {
    router: Router,
    shutdown: Shutdown,
}

impl Instance {
    /// Asks, with the access token of these tokens; gives the status and the body.
    pub(super) async fn asked(&self, method: &str, path: &str, by: Option<&Value>, body: Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(token) = by.and_then(|tokens| tokens["access_token"].as_str()) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_string())).expect("a valid request");
        let answer = self.router.clone().oneshot(request).await.expect("infallible");
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.expect("a body in memory");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Asks for what has to be done, and as a client does again while the answer is that nobody knows: a machine that
    /// is busy with other tests does not hear its log for a moment.
    pub(super) async fn does(&self, method: &str, path: &str, by: Option<&Value>, body: Value) -> Value {
        let asking = async {
            loop {
                match self.asked(method, path, by, body.clone()).await {
                    (503, _) => tokio::time::sleep(LOOK_EVERY).await,
                    answered => return answered,
                }
            }
        };
        let (status, answer) = tokio::time::timeout(SOON, asking).await.expect("an answer in time");
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
        answer
    }

    /// Ends it, and holds that every task ends well.
    pub(super) async fn stops(self) {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.expect("every task ends well");
    }
}
