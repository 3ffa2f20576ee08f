//! Live updates: the WebSocket protocol, and the hub that follows the log for all sockets of this process.

mod batch;
mod catch_up;
mod close;
mod connection;
mod document;
mod follow;
mod form;
mod frame;
mod hear;
mod here;
mod hub;
mod markers;
mod members;
mod outbox;
mod protocol;
mod ring;
mod server_sent;
mod shut_out;
mod socket;
mod texts;
mod upgrade;
mod wire;

use crate::wait::Checkpoint;
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::Response,
    routing::get,
};
use clap::Args;
use deadpool_postgres::Pool;
use event_log::{EventLog, JetStream, TypingSignals};
use platform::{
    Authenticator, Code, Problem, Shutdown,
    health::Health,
    limits::{Rate, RateLimit},
    shell::Origin,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;

pub use document::asyncapi;
use here::Here;
pub use hub::Hub;
use wire::Wire;

/// The subprotocol with JSON in text frames; who asks for none has this one.
pub const SUBPROTOCOL: &str = "chatroom.v1";
/// The subprotocol with CBOR (RFC 8949) in binary frames.
pub const SUBPROTOCOL_CBOR: &str = "chatroom.v1.cbor";
/// Pages of the feed that are read at once for sockets that catch up.
const QUERIES_MAX: usize = 64;
/// So long the end of an instance waits for its sockets to hear of it: as long as one is written to, and closed.
const FAREWELL_WITHIN: Duration = Duration::from_secs(10);
/// How the reconnects are spread when an instance ends.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Limits of the sockets.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sockets")]
pub struct LiveArgs {
    /// Sockets of this process.
    #[arg(long, env = "SOCKETS", value_name = "N", default_value_t = 20_000)]
    pub sockets: usize,

    /// Sockets of one user.
    #[arg(long, env = "SOCKETS_PER_USER", value_name = "N", default_value_t = 10)]
    pub sockets_per_user: usize,

    /// New sockets of this process, so that a storm of reconnects is spread.
    #[arg(long, env = "SOCKETS_NEW", value_name = "RATE", default_value = "200/s,200")]
    pub sockets_new: Rate,
}

/// What the live side is given.
pub struct Around {
    pub log: JetStream,
    /// How far the read model is.
    pub checkpoint: Checkpoint,
    /// For the feed, for members and names.
    pub pool: Pool,
    pub authenticator: Arc<Authenticator>,
    /// Whose pages may open sockets.
    pub origins: Vec<Origin>,
    /// Whether the frames of clients are counted.
    pub rate_limits: bool,
}

/// What every socket stands on. Clones share everything.
#[derive(Clone)]
pub struct Live {
    hub: Hub,
    here: Here,
    typing: TypingSignals,
    checkpoint: Checkpoint,
    pool: Pool,
    authenticator: Arc<Authenticator>,
    queries: Arc<Semaphore>,
    origins: Arc<[Origin]>,
    sockets: Arc<AtomicUsize>,
    /// What runs them.
    tasks: TaskTracker,
    sockets_max: usize,
    sockets_per_user: usize,
    arrivals: Arc<RateLimit<()>>,
    rate_limits: bool,
    shutdown: Shutdown,
}

impl Live {
    /// Starts the hub, which follows the log until the shutdown and then tells its sockets to come back elsewhere.
    pub fn start(args: &LiveArgs, around: Around, health: &Health, shutdown: &Shutdown) -> Self {
        let Around { log, checkpoint, pool, authenticator, origins, rate_limits } = around;
        let (hub, here) = (Hub::new(), Here::default());
        let revocations = Arc::clone(authenticator.revocations());
        let followed: Arc<dyn EventLog> = Arc::new(log.clone());
        follow::start(hub.clone(), followed, pool.clone(), revocations, health.clone(), shutdown);
        hear::start(&hub, &here, &log, &pool, shutdown);
        let (ending, farewell, tasks) = (shutdown.token(), hub.clone(), TaskTracker::new());
        let all = tasks.clone();
        shutdown.spawn("farewell", async move {
            ending.cancelled().await;
            farewell.tell_all(&protocol::drain(RETRY_AFTER.0, RETRY_AFTER.1));
            farewell.close_all(close::Close::GoingAway);
            all.close();
            // Who takes nothing does not hear it.
            let _ = timeout(FAREWELL_WITHIN, all.wait()).await;
            Ok(())
        });
        Self {
            hub,
            here,
            typing: log.typing(),
            checkpoint,
            pool,
            authenticator,
            queries: Arc::new(Semaphore::new(QUERIES_MAX)),
            origins: origins.into(),
            sockets: Arc::default(),
            tasks,
            sockets_max: args.sockets,
            sockets_per_user: args.sockets_per_user,
            arrivals: Arc::new(match rate_limits {
                true => RateLimit::new("sockets", args.sockets_new),
                false => RateLimit::lifted("sockets", args.sockets_new),
            }),
            rate_limits,
            shutdown: shutdown.clone(),
        }
    }

    /// The hub, as far as rights go.
    #[must_use]
    pub fn hub(&self) -> Hub {
        self.hub.clone()
    }

    /// `GET /v1/ws`, and the same as server-sent events.
    pub fn router(self) -> Router {
        Router::new().route("/v1/ws", get(upgrade)).route("/v1/events", get(server_sent::listen)).with_state(self)
    }

    /// Whether a new socket can be served now; a refusal is an HTTP status, before the upgrade.
    fn admit(&self, headers: &HeaderMap) -> Result<Seat, Problem> {
        if let Some(origin) = headers.get(header::ORIGIN)
            && !self.origins.iter().any(|allowed| allowed.is(origin))
            && !is_same_origin(origin, headers)
        {
            return Err(Problem::new(Code::Forbidden, "Pages of this origin may not open sockets here."));
        }
        if self.hub.position().is_none() || self.shutdown.is_cancelled() || self.checkpoint.is_away() {
            return Err(
                Problem::new(Code::ReadModelBehind, "No socket can be served yet.").after(Duration::from_secs(1))
            );
        }
        let too_many = |_| Problem::overloaded("Too many sockets open at once.").after(Duration::from_secs(1));
        self.arrivals.check(&()).map_err(too_many)?;
        let seat = Seat(Arc::clone(&self.sockets));
        if self.sockets.fetch_add(1, Ordering::Relaxed) >= self.sockets_max {
            return Err(Problem::overloaded("Too many sockets are open.").after(Duration::from_secs(5)));
        }
        Ok(seat)
    }
}

/// A page that was served from the very address it connects to.
fn is_same_origin(origin: &axum::http::HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    host.is_some() && host == origin
}

/// A socket's place among those of the process, free again when it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn upgrade(State(live): State<Live>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let headers = parts.headers.clone();
    let (response, encoding, connection) = upgrade::shake_hands(parts)?;
    let seat = live.admit(&headers)?;
    live.tasks.clone().spawn(async move {
        if let Some(socket) = upgrade::upgraded(connection, encoding).await {
            connection::run(live, Wire::socket(socket)).await;
        }
        drop(seat);
    });
    Ok(response)
}
