//! How does a cheap listener listen? It reads raw WebSocket frames, looks at their numbers alone, and tells its crowd's tally.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use events::RoomId;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::tally::Tally;
use crate::client::SUBPROTOCOL;

/// What is asked for from the kernel at once; a longer frame makes the buffer grow.
const READ_BYTES: usize = 4 << 10;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// A socket that has identified itself and caught up.
pub(super) struct Opened {
    stream: TcpStream,
    buffer: BytesMut,
    /// What will be heard first of its first room.
    pub(super) first: u64,
}

/// Opens a socket and says who is there and what to hear. With a receive buffer of so many bytes, if that is given.
pub(super) async fn open(
    address: SocketAddr,
    token: &str,
    rooms: &[RoomId],
    receive_bytes: Option<u32>,
) -> Result<Opened> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    let mut stream = socket.connect(address).await.context("connecting a listener")?;
    stream.set_nodelay(true)?;
    let upgrade = format!(
        "GET /v1/ws HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await?;
    let mut opened = Opened { stream, buffer: BytesMut::new(), first: 0 };
    opened.is_upgraded().await?;
    let rooms: Vec<_> = rooms.iter().map(|room| json!({ "room": room })).collect();
    let identify = json!({ "t": "identify", "d": { "token": token, "rooms": rooms } }).to_string();
    opened.stream.write_all(&said(identify.as_bytes())).await?;
    loop {
        let (t, d) = opened.control().await?;
        match t.as_str() {
            "ready" => {
                ensure!(d["rooms"].as_array().map(Vec::len) == Some(rooms.len()), "not every room is heard: {d}");
                opened.first = d["rooms"][0]["head"].as_u64().context("a room's head")? + 1;
            }
            "caught_up" => return Ok(opened),
            "reset" | "room_gone" => bail!("not every room is heard: {t} {d}"),
            // Hello, and who comes and goes meanwhile.
            _ => {}
        }
    }
}

impl Opened {
    /// Over a connection that says nothing but frames of a room, from this number on.
    pub(super) fn plain(stream: TcpStream, first: u64) -> Self {
        Self { stream, buffer: BytesMut::new(), first }
    }

    async fn is_upgraded(&mut self) -> Result<()> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                ensure!(head.starts_with(b"HTTP/1.1 101 "), "no upgrade: {}", String::from_utf8_lossy(&head));
                return Ok(());
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "no upgrade");
        }
    }

    async fn control(&mut self) -> Result<(String, Value)> {
        loop {
            if let Some(frame) = Frame::first(&self.buffer) {
                ensure!(frame.opcode == TEXT, "{}", frame.why_closed());
                let mut said: Value = serde_json::from_slice(frame.payload).context("a frame")?;
                let length = frame.length;
                self.buffer.advance(length);
                return Ok((said["t"].as_str().unwrap_or_default().to_owned(), said["d"].take()));
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "cut while it was opened");
        }
    }

    /// Reads nothing more, and keeps the connection.
    pub(super) fn deaf(self) -> TcpStream {
        self.stream
    }

    /// Listens in a future of its own; gives it with the half that speaks.
    pub(super) fn listen(
        self,
        tally: Arc<Tally>,
    ) -> Result<(impl Future<Output = ()> + Send + 'static, OwnedWriteHalf)> {
        let Self { stream, buffer, first } = self;
        tally.begins(first)?;
        let (read, write) = stream.into_split();
        let listening = async move {
            if let Err(why) = hear(read, buffer, first, &tally).await {
                tally.fails(why.context("a listener"));
            }
        };
        Ok((listening, write))
    }
}

/// Until the connection ends, which is an error.
async fn hear(mut stream: OwnedReadHalf, mut buffer: BytesMut, mut next: u64, tally: &Tally) -> Result<()> {
    loop {
        let from = next;
        let mut read = 0;
        while let Some(frame) = Frame::first(&buffer[read..]) {
            read += frame.length;
            ensure!(frame.opcode == TEXT, "{}", frame.why_closed());
            match frame.seq() {
                Some((seq, before)) => {
                    ensure!(seq == next, "number {seq} in place of {next}");
                    next += 1;
                    tally.shows(before);
                }
                None if frame.payload.starts_with(br#"{"t":"hb_ack""#) || is_ack(frame.payload) => tally.beats(),
                None => {}
            }
        }
        buffer.advance(read);
        if next > from {
            tally.hears(from, next);
        }
        buffer.reserve(READ_BYTES);
        ensure!(stream.read_buf(&mut buffer).await? > 0, "cut at number {next}");
    }
}

/// Objects are written in the order of their names: `d` is before `t`.
fn is_ack(payload: &[u8]) -> bool {
    payload.ends_with(br#""t":"hb_ack"}"#)
}

/// A heartbeat, ready to be written.
pub(super) fn heartbeat() -> Vec<u8> {
    said(br#"{"t":"hb"}"#)
}

/// A client's frame, masked with zeros.
fn said(payload: &[u8]) -> Vec<u8> {
    framed(payload, 0x80, &[0; 4])
}

/// A server's frame.
pub(super) fn told(payload: &[u8]) -> Vec<u8> {
    framed(payload, 0, &[])
}

fn framed(payload: &[u8], mask: u8, key: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | TEXT];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..=125), _) => frame.push(mask | length),
        (_, Ok(length)) => {
            frame.push(mask | 126);
            frame.extend(length.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.push(mask | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload);
    frame
}

/// A frame of a server at the front of what was read.
struct Frame<'a> {
    opcode: u8,
    payload: &'a [u8],
    /// Of all of it.
    length: usize,
}

impl<'a> Frame<'a> {
    /// `None` until all of it is there.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (start, length) = match *bytes.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
            length => (2, usize::from(length)),
        };
        let payload = bytes.get(start..start + length)?;
        Some(Self { opcode: bytes[0] & 0x0f, payload, length: start + length })
    }

    /// The number in its room, and what stands before it: the last field of such a frame.
    fn seq(&self) -> Option<(u64, &'a [u8])> {
        let digits = self.payload.strip_suffix(b"}")?;
        let start = digits.iter().rposition(|byte| !byte.is_ascii_digit())? + 1;
        let (before, digits) = digits.split_at(start);
        let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
        before.ends_with(br#","seq":"#).then_some((seq, before))
    }

    fn why_closed(&self) -> String {
        match (self.opcode, self.payload) {
            (CLOSE, [high, low, why @ ..]) => {
                format!("closed with {} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(why))
            }
            (opcode, _) => format!("a frame of type {opcode}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_read_once_they_are_whole() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let bytes = told(&vec![b'x'; length]);
            assert!(Frame::first(&bytes[..bytes.len() - 1]).is_none(), "{length}");
            let frame = Frame::first(&bytes).expect("whole");
            assert_eq!((frame.opcode, frame.payload.len(), frame.length), (TEXT, length, bytes.len()));
        }
    }

    #[test]
    fn the_number_is_the_frames_own_and_not_one_that_it_tells_of() {
        let seq = |payload: &[u8]| Frame { opcode: TEXT, payload, length: 0 }.seq().map(|(seq, _)| seq);
        assert_eq!(seq(br#"{"t":"message.posted","d":{},"p":"x","room":"y","seq":42}"#), Some(42));
        assert_eq!(seq(br#"{"d":{"room":"y","seq":42},"t":"read"}"#), None);
        assert_eq!(seq(br#"{"t":"read","d":{"room":"y","seq":42}}"#), None);
    }
}
