//! Frames that many sockets are told together: their bytes stand behind one another, once for all of these sockets.

use super::form::{Encoding, Form, Frame};
use std::sync::{Arc, OnceLock};

/// Frames in their order. Clones share them, and their bytes.
#[derive(Debug, Clone)]
pub(super) struct Batch(Arc<Frames>);

#[derive(Debug)]
struct Frames {
    frames: Box<[Frame]>,
    /// What they take of an outbox.
    len: usize,
    /// By form, made for the first socket that wants it.
    framed: [OnceLock<Box<[u8]>>; 4],
}

impl Batch {
    pub(super) fn new(frames: Vec<Frame>) -> Self {
        let len = frames.iter().map(Frame::len).sum();
        Self(Arc::new(Frames { frames: frames.into(), len, framed: Default::default() }))
    }

    pub(super) fn frames(&self) -> &[Frame] {
        &self.0.frames
    }

    /// As [`Frame::len`].
    pub(super) fn len(&self) -> usize {
        self.0.len
    }

    /// As [`Frame::framed`], of one after the other.
    pub(super) fn framed(&self, form: Form) -> &[u8] {
        let all = || self.0.frames.iter().flat_map(|frame| frame.framed(form)).copied().collect();
        self.0.framed[usize::from(form.encoding == Encoding::Cbor) * 2 + usize::from(form.deflates)].get_or_init(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Red with a form's place that does not tell deflated from plain.
    #[test]
    fn a_batch_is_its_frames_one_after_the_other_in_every_form() {
        let frames = ["1".to_owned(), format!("\"{}\"", "long ".repeat(1_000)), "3".to_owned()];
        let frames: Vec<Frame> = frames.into_iter().map(|text| Frame::new(text, None)).collect();
        let batch = Batch::new(frames.clone());
        for encoding in [Encoding::Json, Encoding::Cbor] {
            for deflates in [false, true] {
                let form = Form { encoding, deflates };
                let each: Vec<u8> = frames.iter().flat_map(|frame| frame.framed(form)).copied().collect();
                assert_eq!(batch.framed(form), each, "{form:?}");
            }
        }
        assert_eq!(batch.len(), frames.iter().map(Frame::len).sum::<usize>());
    }
}
