//! What is left of a connection that was upgraded? Its stream, its seat, and what was read behind the request.

use axum::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::activity::Socket;
use super::seats::Seat;

/// A connection that speaks HTTP no more. It counts against the caps as long as this lives.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    _seat: Option<Seat>,
}

impl Raw {
    /// The connection of an upgrade, and what was read of it already; `None` unless [`super::serve`] accepted it.
    #[must_use]
    pub fn of(upgraded: Upgraded) -> Option<(Self, Bytes)> {
        let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
        let (stream, seat) = parts.io.into_inner().into_parts();
        Some((Self { stream, _seat: Some(seat) }, parts.read_buf))
    }

    /// Where both sides read and write.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// One that was not accepted by [`super::serve`]: it counts against no cap.
impl From<TcpStream> for Raw {
    fn from(stream: TcpStream) -> Self {
        Self { stream, _seat: None }
    }
}
