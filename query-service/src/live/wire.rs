//! How is a frame written to whoever listens, and how is one heard? Over a WebSocket, or as server-sent events, which only go one way.

use super::{
    close::Close,
    form::{Encoding, Form, Frame},
    protocol::{self, INBOUND_BYTES_MAX, Said},
    socket::{Socket, Stream},
};
use axum::response::sse::Event;
use serde_json::json;
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};

/// A write that is blocked for longer ends the socket, resumably.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// One client's end.
pub(super) enum Wire {
    Socket(Box<Socket>),
    /// Events that wait until the response takes them. Where all is caught up, each says with its `id` where to resume.
    Events {
        to: mpsc::Sender<Event>,
        is_caught_up: bool,
    },
}

impl Wire {
    pub(super) fn socket(stream: Stream, encoding: Encoding) -> Self {
        Self::Socket(Box::new(Socket::new(stream, Form { encoding, deflates: false })))
    }

    pub(super) fn events(to: mpsc::Sender<Event>) -> Self {
        Self::Events { to, is_caught_up: false }
    }

    /// From here on long frames come deflated.
    pub(super) fn deflate(&mut self) {
        if let Self::Socket(socket) = self {
            socket.form.deflates = true;
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

    /// Writes frames, in as few writes as it takes.
    pub(super) async fn write(&mut self, frames: Vec<Frame>) -> Result<(), Close> {
        let count = frames.len() as u64;
        let writing = async {
            match self {
                Self::Socket(socket) => socket.write(frames).await.map_err(drop),
                Self::Events { to, is_caught_up } => {
                    for frame in frames {
                        *is_caught_up |= frame.ends_the_catching_up();
                        to.send(event(&frame, *is_caught_up)).await.map_err(drop)?;
                    }
                    Ok(())
                }
            }
        };
        let ended = timeout(WRITE_WITHIN, writing).await;
        match ended {
            Ok(Ok(())) => {
                metrics::counter!("live_frames_total").increment(count);
                Ok(())
            }
            // Cut: it resumes, if it can.
            Ok(Err(())) => Err(Close::GoingAway),
            Err(_) => Err(Close::SlowConsumer),
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
        match (socket.hear().await, socket.form.encoding) {
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
