//! In which form does a frame go out? JSON at once; CBOR, and deflated, when the first socket wants it: then for all.

use events::Position;
use flate2::{Compression, write::ZlibEncoder};
use std::{
    io::Write,
    sync::{Arc, OnceLock},
};
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame as Framed,
    coding::{Data, OpCode},
};

/// Frames of more bytes, as JSON, are deflated, for who wants that.
pub(super) const DEFLATED_BYTES_MIN: usize = 1 << 10;

/// How frames are encoded, by the subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Text frames.
    Json,
    /// Binary frames.
    Cbor,
}

/// How a socket has its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) encoding: Encoding,
    /// Whether frames over [`DEFLATED_BYTES_MIN`] come as zlib data in binary frames: they begin with `0x78`, as no CBOR
    /// map does.
    pub(super) deflates: bool,
}

/// One frame. Clones share its bytes, whatever the form.
#[derive(Debug, Clone)]
pub(super) struct Frame(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    /// Who has heard everything up to this frame may resume here.
    p: Option<Position>,
    /// Whether all that was missed stands before it.
    ends_the_catching_up: bool,
    /// Each form is a whole WebSocket frame; this one's text begins behind so many bytes.
    json: Box<[u8]>,
    header: usize,
    cbor: OnceLock<Box<[u8]>>,
    deflated_json: OnceLock<Box<[u8]>>,
    deflated_cbor: OnceLock<Box<[u8]>>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Frame {
    /// Of an object in JSON, which tells what happened at this position.
    pub(super) fn new(json: String, p: Option<Position>) -> Self {
        Self::with(json, p, false)
    }

    /// As [`Frame::new`], behind all that was missed up to this position.
    pub(super) fn caught_up(json: String, p: Position) -> Self {
        Self::with(json, Some(p), true)
    }

    fn with(json: String, p: Option<Position>, ends_the_catching_up: bool) -> Self {
        let length = json.len();
        let json = framed(Data::Text, json.into_bytes());
        Self(Arc::new(Forms {
            p,
            ends_the_catching_up,
            header: json.len() - length,
            json,
            cbor: OnceLock::new(),
            deflated_json: OnceLock::new(),
            deflated_cbor: OnceLock::new(),
        }))
    }

    pub(super) fn json(&self) -> &str {
        str::from_utf8(&self.0.json[self.0.header..]).expect("it was a text")
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.0.p
    }

    pub(super) fn ends_the_catching_up(&self) -> bool {
        self.0.ends_the_catching_up
    }

    /// What it takes of an outbox, whatever its form: its bytes in JSON.
    pub(super) fn len(&self) -> usize {
        self.0.json.len() - self.0.header
    }

    /// As a socket has it, header and all: made for the first that wants it.
    pub(super) fn framed(&self, Form { encoding, deflates }: Form) -> &[u8] {
        let Forms { json, cbor, deflated_json, deflated_cbor, .. } = &*self.0;
        match (encoding, deflates && self.len() > DEFLATED_BYTES_MIN) {
            (Encoding::Json, false) => json,
            (Encoding::Json, true) => {
                deflated_json.get_or_init(|| framed(Data::Binary, deflated(self.json().as_bytes())))
            }
            (Encoding::Cbor, false) => cbor.get_or_init(|| framed(Data::Binary, self.cbor())),
            (Encoding::Cbor, true) => deflated_cbor.get_or_init(|| framed(Data::Binary, deflated(&self.cbor()))),
        }
    }

    fn cbor(&self) -> Vec<u8> {
        let value: serde_json::Value = serde_json::from_str(self.json()).expect("it was written as JSON");
        let mut bytes = Vec::with_capacity(self.len());
        ciborium::into_writer(&value, &mut bytes).expect("memory takes it");
        bytes
    }
}

/// A server's frames are not masked: one socket's bytes are another's.
fn framed(kind: Data, payload: Vec<u8>) -> Box<[u8]> {
    let frame = Framed::message(payload, OpCode::Data(kind), true);
    let mut bytes = Vec::with_capacity(frame.len());
    frame.format(&mut bytes).expect("memory takes it");
    bytes.into()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use serde_json::{Value, json};
    use std::io::Cursor;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameSocket;

    fn frame(text: &str) -> Frame {
        Frame::new(json!({ "t": "message.posted", "d": { "text": text, "n": 7 } }).to_string(), None)
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        std::io::copy(&mut ZlibDecoder::new(bytes), &mut all).expect("zlib");
        all
    }

    fn read(frame: &Frame, form: Form) -> (Value, bool) {
        let mut reader = FrameSocket::new(Cursor::new(frame.framed(form).to_vec()));
        let frame = reader.read(None).expect("a WebSocket frame").expect("a whole one");
        let bytes = frame.payload();
        if frame.header().opcode == OpCode::Data(Data::Text) {
            return (serde_json::from_slice(bytes).expect("JSON"), false);
        }
        let is_deflated = bytes[0] == 0x78;
        let bytes = if is_deflated { inflated(bytes) } else { bytes.to_vec() };
        let value = match form.encoding {
            Encoding::Json => serde_json::from_slice(&bytes).expect("JSON"),
            Encoding::Cbor => ciborium::from_reader(&*bytes).expect("CBOR"),
        };
        (value, is_deflated)
    }

    #[test]
    fn every_form_says_the_same_and_only_what_is_long_is_deflated() {
        for (text, is_long) in [("short".to_owned(), false), ("long ".repeat(1_000), true)] {
            let frame = frame(&text);
            let said: Value = serde_json::from_str(frame.json()).expect("JSON");
            for encoding in [Encoding::Json, Encoding::Cbor] {
                for deflates in [false, true] {
                    let expected = (said.clone(), deflates && is_long);
                    assert_eq!(read(&frame, Form { encoding, deflates }), expected, "{encoding:?}");
                }
            }
        }
    }

    // Red with a form that is made anew each time.
    #[test]
    fn a_form_is_made_once_for_all_that_want_it() {
        let frame = frame(&"long ".repeat(1_000));
        let form = Form { encoding: Encoding::Cbor, deflates: true };
        assert_eq!(frame.framed(form).as_ptr(), frame.clone().framed(form).as_ptr());
    }
}
