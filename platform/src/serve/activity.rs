//! What is a connection doing? Sending headers, being answered, or nothing; each has its deadline.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection::Timeouts;
use super::seats::Seat;

/// What a connection is doing, and since when. Shared by its socket, its requests and its watch.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<Phase>>);

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// A request's first byte (or a connection) has come, not yet all of its headers.
    Headers { since: Instant },
    /// A request is being answered.
    Answering,
    /// The last answer is out and nothing has come since.
    Idle { since: Instant },
}

impl Activity {
    pub(super) fn connected() -> Self {
        Self(Arc::new(Mutex::new(Phase::Headers { since: Instant::now() })))
    }

    /// When the connection is to be closed if nothing changes; `None` while it is being answered.
    pub(super) fn deadline(&self, timeouts: Timeouts) -> Option<Instant> {
        match *self.phase() {
            Phase::Headers { since } => Some(since + timeouts.header_read),
            Phase::Idle { since } => Some(since + timeouts.keep_alive),
            Phase::Answering => None,
        }
    }

    /// The headers are there; the answer lasts until the guard is dropped.
    pub(super) fn answering(&self) -> Answering {
        *self.phase() = Phase::Answering;
        Answering(self.clone())
    }

    fn received(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Idle { .. }) {
            *phase = Phase::Headers { since: Instant::now() };
        }
    }

    fn phase(&self) -> std::sync::MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is being answered as long as this lives.
pub(super) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.phase() = Phase::Idle { since: Instant::now() };
    }
}

/// An answer's body, which keeps its connection from being idle until all of it is out.
pub(super) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl AnswerBody {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The socket: notes when bytes come, and holds the connection's seat also after an upgrade.
pub(super) struct Socket {
    stream: TcpStream,
    activity: Activity,
    seat: Seat,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Activity, seat: Seat) -> Self {
        Self { stream, activity, seat }
    }

    /// Once it speaks HTTP no more.
    pub(super) fn into_parts(self) -> (TcpStream, Seat) {
        (self.stream, self.seat)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
