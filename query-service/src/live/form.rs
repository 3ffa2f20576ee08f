//! In which form does a frame go out? JSON at once; CBOR, and deflated, when the first socket wants it: then for all.

use axum::extract::ws::{Message, Utf8Bytes};
use bytes::Bytes;
use events::Position;
use flate2::{Compression, write::ZlibEncoder};
use std::{
    io::Write,
    sync::{Arc, OnceLock},
};

/// Frames of more bytes are deflated, for who wants that.
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
    json: Utf8Bytes,
    cbor: OnceLock<Bytes>,
    deflated_json: OnceLock<Bytes>,
    deflated_cbor: OnceLock<Bytes>,
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
        Self(Arc::new(Forms {
            p,
            ends_the_catching_up,
            json: json.into(),
            cbor: OnceLock::new(),
            deflated_json: OnceLock::new(),
            deflated_cbor: OnceLock::new(),
        }))
    }

    pub(super) fn json(&self) -> &str {
        &self.0.json
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.0.p
    }

    pub(super) fn ends_the_catching_up(&self) -> bool {
        self.0.ends_the_catching_up
    }

    /// What it takes of an outbox, whatever its form: its bytes in JSON.
    pub(super) fn len(&self) -> usize {
        self.0.json.len()
    }

    /// As a socket has it.
    pub(super) fn message(&self, Form { encoding, deflates }: Form) -> Message {
        let Forms { json, deflated_json, deflated_cbor, .. } = &*self.0;
        match encoding {
            Encoding::Json if deflates && json.len() > DEFLATED_BYTES_MIN => {
                Message::Binary(deflated_json.get_or_init(|| deflated(json.as_bytes())).clone())
            }
            Encoding::Json => Message::Text(json.clone()),
            Encoding::Cbor if deflates && self.cbor().len() > DEFLATED_BYTES_MIN => {
                Message::Binary(deflated_cbor.get_or_init(|| deflated(self.cbor())).clone())
            }
            Encoding::Cbor => Message::Binary(self.cbor().clone()),
        }
    }

    fn cbor(&self) -> &Bytes {
        self.0.cbor.get_or_init(|| {
            let value: serde_json::Value = serde_json::from_str(&self.0.json).expect("it was written as JSON");
            let mut bytes = Vec::with_capacity(self.0.json.len());
            ciborium::into_writer(&value, &mut bytes).expect("memory takes it");
            bytes.into()
        })
    }
}

fn deflated(bytes: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use serde_json::{Value, json};

    fn frame(text: &str) -> Frame {
        Frame::new(json!({ "t": "message.posted", "d": { "text": text, "n": 7 } }).to_string(), None)
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        std::io::copy(&mut ZlibDecoder::new(bytes), &mut all).expect("zlib");
        all
    }

    fn read(frame: &Frame, form: Form) -> (Value, bool) {
        match frame.message(form) {
            Message::Text(text) => (serde_json::from_str(&text).expect("JSON"), false),
            Message::Binary(bytes) => {
                let is_deflated = bytes[0] == 0x78;
                let bytes = if is_deflated { inflated(&bytes) } else { bytes.to_vec() };
                let value = match form.encoding {
                    Encoding::Json => serde_json::from_slice(&bytes).expect("JSON"),
                    Encoding::Cbor => ciborium::from_reader(&*bytes).expect("CBOR"),
                };
                (value, is_deflated)
            }
            other => panic!("no frame but {other:?}"),
        }
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
        let bytes = |frame: &Frame| match frame.message(form) {
            Message::Binary(bytes) => bytes.as_ptr(),
            other => panic!("not binary: {other:?}"),
        };
        assert_eq!(bytes(&frame), bytes(&frame.clone()));
    }
}
