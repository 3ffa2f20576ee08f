//! How do frames reach a WebSocket? As bytes that are framed once for all sockets, many in one write.

use super::form::{Form, Frame};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::{
    array,
    io::{self, IoSlice},
};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, protocol::CloseFrame},
};

/// A connection that was upgraded.
pub(super) type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// Frames in one write.
const FRAMES_PER_WRITE: usize = 32;

/// A client's connection. The WebSocket layer reads, and says what is the protocol's own; frames go past it.
pub(super) struct Socket {
    stream: Stream,
    pub(super) form: Form,
    /// What is being written, and what of the first of it has been: a write that was given up may have torn a frame.
    frames: Vec<Frame>,
    written: usize,
}

impl Socket {
    pub(super) fn new(stream: Stream, form: Form) -> Self {
        Self { stream, form, frames: Vec::new(), written: 0 }
    }

    /// The next thing of the client's; `None` when it is gone.
    pub(super) async fn hear(&mut self) -> Option<tungstenite::Result<Message>> {
        self.stream.next().await
    }

    /// Writes frames. Where it is given up midway, only [`Socket::close`] may follow.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) async fn write(&mut self, frames: Vec<Frame>) -> io::Result<()> {
        self.frames = frames;
        self.write_out().await
    }

    /// Says why it ends, behind what was begun: half a frame would make noise of it.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) async fn close(&mut self, frame: CloseFrame) -> tungstenite::Result<()> {
        self.frames.truncate(usize::from(self.written > 0));
        self.write_out().await?;
        self.stream.send(Message::Close(Some(frame))).await
    }

    async fn write_out(&mut self) -> io::Result<()> {
        let Self { stream, form, frames, written } = self;
        // What the WebSocket layer has to say goes first: it may have written a part of it.
        stream.flush().await.map_err(io::Error::other)?;
        while !frames.is_empty() {
            let slices: [IoSlice<'_>; FRAMES_PER_WRITE] = array::from_fn(|at| match frames.get(at) {
                Some(frame) => IoSlice::new(&frame.framed(*form)[if at == 0 { *written } else { 0 }..]),
                None => IoSlice::new(&[]),
            });
            let slices = &slices[..frames.len().min(FRAMES_PER_WRITE)];
            match stream.get_mut().write_vectored(slices).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => *written += count,
            }
            let mut out = 0;
            while let Some(length) = frames.get(out).map(|frame| frame.framed(*form).len())
                && *written >= length
            {
                *written -= length;
                out += 1;
            }
            frames.drain(..out);
        }
        Ok(())
    }
}
