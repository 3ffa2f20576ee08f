//! What happens on one connection? Requests one after the other, watched so that none is waited for too long.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::activity::{Activity, AnswerBody, Socket};
use super::seats::Seat;

/// hyper's own cap of the headers, twice ours: what lies between is answered with a problem.
const HEADER_BYTES_MAX: usize = 32 * 1_024;
/// hyper's buffer for one connection, at most. Bodies are read through it, not into it.
const BUFFER_BYTES_MAX: usize = 64 * 1_024;

/// How long a connection may take for headers, and for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) header_read: Duration,
    pub(super) keep_alive: Duration,
}

/// Runs a connection to its end: closed by the client, upgraded, too slow, or drained at the shutdown.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    router: Router,
    timeouts: Timeouts,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY");
    }
    let activity = Activity::connected();
    let io = TokioIo::new(Socket::new(stream, activity.clone(), seat));
    let service = service_fn(|request| answer(request, peer, router.clone(), activity.clone()));
    // hyper's header timeout also ends idle connections, so it cannot tell 5 s from 30 s: we watch ourselves.
    let mut served = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(HEADER_BYTES_MAX)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(io, service)
            .with_upgrades()
    );
    let mut watch = pin!(sleep_until(next_look(&activity, timeouts)));
    let mut draining = false;
    loop {
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended");
                }
                return;
            }
            () = shutdown.cancelled(), if !draining => {
                draining = true;
                served.as_mut().graceful_shutdown();
            }
            () = &mut watch => {
                if activity.deadline(timeouts).is_some_and(|deadline| deadline <= Instant::now()) {
                    metrics::counter!("connections_timed_out_total").increment(1);
                    return;
                }
                watch.as_mut().reset(next_look(&activity, timeouts));
            }
        }
    }
}

/// When to look at the connection again: at its deadline, and at least once a header timeout, because
/// the phase that begins in between has its deadline no earlier than that.
fn next_look(activity: &Activity, timeouts: Timeouts) -> Instant {
    let soonest = Instant::now() + timeouts.header_read.min(timeouts.keep_alive);
    activity.deadline(timeouts).map_or(soonest, |deadline| deadline.min(soonest))
}

async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
    activity: Activity,
) -> Result<Response<AnswerBody>, Infallible> {
    let answering = activity.answering();
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.call(request.map(Body::new)).await?;
    Ok(response.map(|body| AnswerBody::new(body, answering)))
}
