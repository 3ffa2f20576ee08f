//! Where is it played? Two instances of the command service over one log in memory, with no Postgres anywhere.

use super::script::Via;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use clap::Parser;
use command_service::{Config, Service};
use event_log::fake::FakeLog;
use platform::{Shutdown, health::Health};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const STOP_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

pub(super) struct Instances {
    one: Router,
    two: Router,
    shutdown: Shutdown,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) key: Option<String>,
    pub(super) body: Value,
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) position: Option<String>,
    pub(super) replayed: bool,
}

impl Answer {
    /// The code of a problem.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A rule says `conflict` too, where what is wished does not go with what is.
    pub(super) fn says_others_are_busy(&self) -> bool {
        self.body["detail"].as_str().is_some_and(|detail| detail.starts_with("Others change this"))
    }
}

impl Instances {
    /// Both begin before anything fails.
    pub(super) async fn start(log: &FakeLog) -> Self {
        let config = config();
        let shutdown = Shutdown::new();
        let start = || async {
            let log = Arc::new(log.clone());
            Service::on(log, config.clone(), &shutdown, &Health::new()).await.expect("an instance").router
        };
        let (one, two) = (start().await, start().await);
        Self { one, two, shutdown }
    }

    pub(super) async fn answer(&self, via: Via, ask: &Ask) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(&ask.path);
        if let Some(token) = &ask.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = &ask.key {
            request = request.header("idempotency-key", key);
        }
        let body = if ask.body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(ask.body.to_string())
        };
        let request = request.body(body).expect("a valid request");
        let instance = match via {
            Via::One => &self.one,
            Via::Two => &self.two,
        };
        let answer = instance.clone().oneshot(request).await.expect("infallible");
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, position) = (answer.status().as_u16(), header("chat-position"));
        let replayed = header("idempotency-replayed").is_some();
        let bytes = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.expect("a body in memory");
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), position, replayed }
    }

    /// Every task has to end well: one that failed would have taken its instance with it.
    pub(super) async fn stop(self) -> Result<(), String> {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.map_err(|error| format!("a task failed: {error:#}"))
    }
}

fn config() -> Config {
    let (private, public) = platform::auth::generate("test");
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    let refresh_keys = format!("1:{key}");
    let flags = [
        // Only the log in memory is asked.
        ("--nats-url", "nats://127.0.0.1:1"),
        // A socket that is not there is known at once not to be, a port is tried for seconds.
        ("--database-url", "postgres://nobody@%2Fnowhere/nothing"),
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
