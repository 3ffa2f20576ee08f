//! How are connections accepted? In a loop of our own, because the stock one has neither header timeout nor caps.

mod activity;
mod connection;
mod raw;
mod seats;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use clap::Args;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::address::Network;
use connection::Timeouts;
pub use raw::Raw;
use seats::{Full, Seats};

/// Limits of a listener.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct ServeArgs {
    /// Connections at once.
    #[arg(long, env = "CONNECTIONS", value_name = "N", default_value_t = 24_576)]
    pub connections: u32,

    /// Connections at once from one address (IPv6: from one /64).
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 64)]
    pub connections_per_address: u32,

    /// Addresses exempt from the cap per address: our proxies. Loopback is one by default.
    #[arg(
        long,
        env = "TRUSTED_ADDRESSES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        default_value = "127.0.0.0/8,::1/128"
    )]
    pub trusted_addresses: Vec<Network>,

    /// Milliseconds for the headers of a request to arrive.
    #[arg(long, env = "HEADER_READ_MS", value_name = "MS", default_value_t = 5_000)]
    pub header_read_ms: u64,

    /// Milliseconds a connection may be idle between requests.
    #[arg(long, env = "KEEP_ALIVE_MS", value_name = "MS", default_value_t = 30_000)]
    pub keep_alive_ms: u64,

    /// Milliseconds for requests in flight to end at a shutdown.
    #[arg(long, env = "DRAIN_MS", value_name = "MS", default_value_t = 10_000)]
    pub drain_ms: u64,
}

/// What [`serve`] holds every connection to.
#[derive(Debug, Clone)]
pub struct ServeLimits {
    pub connections_max: u32,
    pub connections_max_address: u32,
    /// Exempt from the cap per address.
    pub trusted: Vec<Network>,
    pub header_read: Duration,
    pub keep_alive: Duration,
    pub drain: Duration,
}

impl From<&ServeArgs> for ServeLimits {
    fn from(args: &ServeArgs) -> Self {
        Self {
            connections_max: args.connections,
            connections_max_address: args.connections_per_address,
            trusted: args.trusted_addresses.clone(),
            header_read: Duration::from_millis(args.header_read_ms),
            keep_alive: Duration::from_millis(args.keep_alive_ms),
            drain: Duration::from_millis(args.drain_ms),
        }
    }
}

impl ServeLimits {
    /// For the admin listener, which only operators reach.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            connections_max: 256,
            connections_max_address: 256,
            trusted: Vec::new(),
            header_read: Duration::from_secs(5),
            keep_alive: Duration::from_secs(30),
            drain: Duration::from_secs(1),
        }
    }
}

/// After an accept that failed for want of file descriptors, the loop breathes so long: the error
/// does not go away by asking again at once.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What a connection over a cap is told before it is closed, without reading what it wants.
const SENT_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 176\r\n\r\n\
    {\"type\":\"/problems/overloaded\",\"title\":\"Too busy\",\"status\":503,\
    \"detail\":\"Too many connections are open.\",\"code\":\"overloaded\",\"retryable\":true,\
    \"retry_after_ms\":1000,\"errors\":[]}";

/// Serves HTTP/1.1 with upgrades until the shutdown, then lets requests in flight end (at most
/// `limits.drain`). Sockets that were upgraded belong to whoever upgraded them; they count against
/// the caps until they close, and are not waited for here.
///
/// The router sees the peer as `ConnectInfo<SocketAddr>`. What hyper refuses before there is a
/// request (a broken request line: 400, over 100 headers or 32 KiB of them: 431) is answered with an
/// empty body; all else passes through [`crate::shell`] and is a problem.
///
/// # Errors
/// When the listener's address cannot be read. Errors of single connections end only those.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    raise_open_files(limits.connections_max);
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let seats = Seats::new(&limits);
    let timeouts = Timeouts { header_read: limits.header_read, keep_alive: limits.keep_alive };
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = open.join_next() => note(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match seats.take(peer.ip()) {
                    Ok(seat) => {
                        let connection = connection::run(stream, peer, seat, router.clone(), timeouts, shutdown.clone());
                        open.spawn(connection);
                    }
                    Err(full) => send_away(stream, peer, full),
                },
                Err(error) => breathe(&error).await,
            },
        }
    }
    drop(listener);
    let drained = async {
        while let Some(ended) = open.join_next().await {
            note(ended)
        }
    };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!(%address, connections = open.len(), "closing connections that did not end in time");
        open.shutdown().await;
    }
    Ok(())
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}

/// Says so and closes. One write to a socket's fresh buffer: it does not block, and is not retried.
fn send_away(mut stream: TcpStream, peer: SocketAddr, full: Full) {
    metrics::counter!("connections_refused_total", "cap" => full.as_str()).increment(1);
    tracing::debug!(%peer, cap = full.as_str(), "connection refused");
    if stream.try_write(SENT_AWAY).is_ok() {
        // Shutting down a stream that nothing waits for completes at once.
        let _closed = futures::FutureExt::now_or_never(stream.shutdown());
    }
}

async fn breathe(error: &io::Error) {
    // A client that went away before it was accepted is no news.
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::error!(%error, "accepting a connection failed");
    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
}

/// Raises the soft limit of open files towards what the caps need, as far as the hard limit goes.
fn raise_open_files(connections_max: u32) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Files of our own beside connections: the pools, the log, standard streams.
    let wanted = u64::from(connections_max) + 512;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let reachable = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum: limit.maximum }) {
        tracing::warn!(%error, wanted, "cannot raise the limit of open files");
    } else if reachable < wanted {
        tracing::warn!(reachable, wanted, "the hard limit of open files is below the cap of connections");
    }
}

#[cfg(test)]
mod tests;
