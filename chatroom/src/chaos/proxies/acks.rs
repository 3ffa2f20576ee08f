//! How does an ack get lost? What the server sends is cut into the frames of the NATS protocol, and those that answer a
//! publish are looked at.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::{Deserialize, de::IgnoredAny};
use std::io;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::{Decoder, FramedRead};

use super::passing::{Fate, Lot};

/// The longest line that is no message: INFO, which has some hundred bytes.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The longest message: nats-server takes 1 MiB, headers included.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
const END: &[u8] = b"\r\n";

/// Carries both directions until one of them ends or the connection is cut.
pub(super) async fn carry(client: TcpStream, server: TcpStream, fate: &Fate) -> io::Result<()> {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = publishes(from_client, to_server) => ended,
        ended = acks(from_server, to_client, fate) => ended,
    }
}

async fn publishes(mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> io::Result<()> {
    tokio::io::copy(&mut client, &mut server).await.map(drop)
}

async fn acks(server: OwnedReadHalf, mut client: OwnedWriteHalf, fate: &Fate) -> io::Result<()> {
    let mut frames = FramedRead::new(server, Frames);
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        let lot = if frame.is_ack() { fate.draw() } else { Lot::Passed };
        match lot {
            Lot::Passed => client.write_all(&frame.bytes).await?,
            Lot::Swallowed => {}
            Lot::Cut => return Ok(()),
        }
    }
    Ok(())
}

/// One protocol line, with what belongs to it.
struct Frame {
    bytes: Bytes,
    /// Where the payload begins. It ends before the last line end.
    head: usize,
}

/// What JetStream says of a publish that it took. Its API's answers have a type, and its refusals no sequence.
#[derive(Deserialize)]
struct Ack {
    #[serde(rename = "stream")]
    _stream: IgnoredAny,
    seq: u64,
    r#type: Option<IgnoredAny>,
}

impl Frame {
    fn is_ack(&self) -> bool {
        let payload = self.bytes.get(self.head..self.bytes.len().saturating_sub(END.len())).unwrap_or_default();
        self.bytes.starts_with(b"MSG ")
            && serde_json::from_slice::<Ack>(payload).is_ok_and(|ack| ack.seq > 0 && ack.r#type.is_none())
    }
}

struct Frames;

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, read: &mut BytesMut) -> io::Result<Option<Frame>> {
        let Some(line) = read.windows(END.len()).position(|end| end == END) else {
            return if read.len() > LINE_BYTES_MAX { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) };
        };
        let head = line + END.len();
        let length = match payload_bytes(&read[..line])? {
            Some(payload) => head + payload + END.len(),
            None => head,
        };
        if read.len() < length {
            read.reserve(length - read.len());
            return Ok(None);
        }
        Ok(Some(Frame { bytes: read.split_to(length).freeze(), head }))
    }
}

/// `MSG <subject> <sid> [reply] <bytes>` and `HMSG <subject> <sid> [reply] <header bytes> <bytes>`.
fn payload_bytes(line: &[u8]) -> io::Result<Option<usize>> {
    if !line.starts_with(b"MSG ") && !line.starts_with(b"HMSG ") {
        return Ok(None);
    }
    let told = line.rsplit(|byte| *byte == b' ').next().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let bytes = told.and_then(|bytes| bytes.parse().ok()).filter(|bytes| *bytes <= MESSAGE_BYTES_MAX);
    bytes.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(mut pieces: Vec<&[u8]>) -> Vec<Frame> {
        let (mut read, mut frames) = (BytesMut::new(), Vec::new());
        pieces.drain(..).for_each(|piece| {
            read.extend_from_slice(piece);
            while let Some(frame) = Frames.decode(&mut read).expect("the protocol") {
                frames.push(frame);
            }
        });
        assert!(read.is_empty(), "nothing is kept back");
        frames
    }

    fn message(payload: &str) -> Vec<u8> {
        format!("MSG _INBOX.c.1 1 {}\r\n{payload}\r\n", payload.len()).into_bytes()
    }

    // Red with `is_ack` true of every answer that has a stream and a sequence, and with `length` without the last line end.
    #[test]
    fn an_ack_is_told_from_all_else_wherever_the_stream_is_cut() {
        let ack = message(r#"{"stream":"CHAT","seq":7}"#);
        let others = [
            b"INFO {\"server_id\":\"x\"}\r\n".to_vec(),
            b"PING\r\n".to_vec(),
            message("\r\n\r\n"),
            message(r#"{"error":{"err_code":10071},"stream":"CHAT","seq":0}"#),
            message(r#"{"type":"io.nats.jetstream.api.v1.x","stream":"A","seq":1}"#),
            b"HMSG _INBOX.c.4 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n".to_vec(),
        ];
        let all = [others.concat(), ack, others.concat()].concat();
        for at in 0..all.len() {
            let (before, behind) = all.split_at(at);
            let frames = decoded(vec![before, behind]);
            let acks: Vec<usize> = (0..frames.len()).filter(|n| frames[*n].is_ack()).collect();
            assert_eq!((frames.len(), acks), (13, vec![6]), "cut at {at}");
        }
    }
}
