//! How is a frame written to whoever listens, and how is one heard? Over a WebSocket, or as server-sent events, which only go one way.

use super::{
    close::Close,
    form::{Encoding, Frame},
    outbox::Outbox,
    protocol::{self, INBOUND_BYTES_MAX, Said},
    socket::Socket,
};
use axum::response::sse::Event;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};

/// A connection that takes nothing for longer ends the socket, resumably.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Frames that are taken from the outbox at once, to become events.
const FRAMES_AT_ONCE: usize = 32;

/// One client's end.
pub(super) enum Wire {
    Socket(Box<Socket>),
    /// Events that wait until the response takes them. Where all is caught up, each says with its `id` where to resume.
    Events {
        outbox: Arc<Outbox>,
        to: mpsc::Sender<Event>,
        is_caught_up: bool,
    },
}

impl Wire {
    pub(super) fn socket(socket: Socket) -> Self {
        Self::Socket(Box::new(socket))
    }

    pub(super) fn events(to: mpsc::Sender<Event>) -> Self {
        Self::Events { outbox: Arc::default(), to, is_caught_up: false }
    }

    /// Where what goes out waits.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        match self {
            Self::Socket(socket) => socket.outbox(),
            Self::Events { outbox, .. } => outbox,
        }
    }

    /// Whether silence means that the client is gone: it can speak.
    pub(super) fn is_spoken_on(&self) -> bool {
        matches!(self, Self::Socket(..))
    }

    /// The next thing that the client says; `None` when it is gone.
    pub(super) async fn hear(&mut self) -> Result<Option<Said>, Close> {
        match self {
            Self::Socket(socket) => hear(socket).await,
            Self::Events { to, .. } => {
                to.closed().await;
                Ok(None)
            }
        }
    }

    /// Writes frames before all that waits, and what does.
    pub(super) async fn write(&mut self, frames: Vec<Frame>) -> Result<(), Close> {
        self.outbox().push_ahead(frames);
        while !self.write_some().await? {}
        Ok(())
    }

    /// Writes what waits until the client has to take some of it first; `true` when all is out.
    pub(super) async fn write_some(&mut self) -> Result<bool, Close> {
        match self {
            Self::Socket(socket) => {
                // Cut: it resumes, if it can.
                let is_out = socket.outbox().write_out().map_err(|_| Close::GoingAway)?;
                if !is_out {
                    in_time(socket.writable()).await?;
                }
                Ok(is_out)
            }
            Self::Events { outbox, to, is_caught_up } => {
                let (frames, _) = outbox.take(FRAMES_AT_ONCE);
                metrics::counter!("live_frames_total").increment(frames.len() as u64);
                for frame in frames {
                    *is_caught_up |= frame.ends_the_catching_up();
                    in_time(to.send(event(&frame, *is_caught_up))).await?;
                }
                Ok(outbox.is_empty())
            }
        }
    }

    /// Says why it ends. A client that is gone does not hear it.
    pub(super) async fn close(mut self, why: Close) {
        let (code, reason) = (why.code(), why.reason());
        let closing = async {
            match &mut self {
                Self::Socket(socket) => {
                    let _ = socket.close(CloseFrame { code: code.into(), reason: reason.into() }).await;
                }
                Self::Events { to, .. } => {
                    let close = json!({ "code": code, "reason": reason }).to_string();
                    let _ = to.send(Event::default().event("close").data(close)).await;
                }
            }
        };
        let _ = timeout(WRITE_WITHIN, closing).await;
    }
}

async fn in_time<E>(writing: impl Future<Output = Result<(), E>>) -> Result<(), Close> {
    match timeout(WRITE_WITHIN, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Close::GoingAway),
        Err(_) => Err(Close::SlowConsumer),
    }
}

/// While rooms are being caught up one after the other, who went away at a frame's position would miss what the others had
/// before it: only `caught_up`, and what comes after it, has an id.
fn event(frame: &Frame, is_caught_up: bool) -> Event {
    let event = Event::default().data(frame.json());
    match frame.position().filter(|_| is_caught_up) {
        Some(position) => event.id(position.to_string()),
        None => event,
    }
}

async fn hear(socket: &mut Socket) -> Result<Option<Said>, Close> {
    loop {
        match (socket.hear().await, socket.encoding) {
            (Some(Ok(Message::Text(text))), Encoding::Json) => return read(Encoding::Json, text.as_bytes()),
            (Some(Ok(Message::Binary(bytes))), Encoding::Cbor) => return read(Encoding::Cbor, &bytes),
            (Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))), _) => {}
            (Some(Ok(Message::Text(_) | Message::Binary(_))), _) => return Err(Close::ProtocolError),
            (Some(Err(tungstenite::Error::Capacity(_))), _) => return Err(Close::FrameTooBig),
            (Some(Ok(Message::Close(_)) | Err(_)) | None, _) => return Ok(None),
        }
    }
}

fn read(encoding: Encoding, bytes: &[u8]) -> Result<Option<Said>, Close> {
    if bytes.len() > INBOUND_BYTES_MAX {
        return Err(Close::FrameTooBig);
    }
    protocol::read(encoding, bytes).map(Some)
}
