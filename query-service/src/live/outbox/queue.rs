//! In which order does what waits for a socket go out? What is counted against its limits, and what of it is written.

use super::{BYTES_MAX, FRAMES_MAX};
use crate::live::{
    batch::Batch,
    close::Close,
    form::{Encoding, Form, Frame},
    protocol,
};
use events::RoomId;
use std::{
    array,
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::IoSlice,
    mem, slice,
};

/// Pieces in one write.
const PIECES_PER_WRITE: usize = 32;
/// Pieces for which the room is kept when none waits: what a burst took is given back, idle sockets are many.
const PIECES_KEPT: usize = 8;

#[derive(Debug)]
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are out: no other may come before it then.
    written: usize,
    /// What of it counts against the limits.
    frames: usize,
    bytes: usize,
    form: Form,
    /// Heads of the rooms that changed since they were last told, as of what the queue holds; and that of the latest
    /// frame, which is often of the same room as the next.
    heads: BTreeMap<RoomId, u64>,
    latest: Option<(RoomId, u64)>,
    /// What is told as soon as there is room again.
    late_presence: BTreeSet<RoomId>,
    late_reads: BTreeMap<RoomId, u64>,
    close: Option<Close>,
}

/// What goes out whole.
#[derive(Debug)]
pub(super) enum Piece {
    Frame(Frame),
    Batch(Batch),
    /// A frame that the socket's own task puts before what waits.
    Ahead(Frame),
    /// What the WebSocket layer says, as it says it.
    Protocol(Box<[u8]>),
}

impl Piece {
    /// What it takes of the limits: frames and bytes.
    fn cost(&self) -> (usize, usize) {
        match self {
            Self::Frame(frame) => (1, frame.len()),
            Self::Batch(batch) => (batch.frames().len(), batch.len()),
            Self::Ahead(_) | Self::Protocol(_) => (0, 0),
        }
    }

    fn frames(&self) -> &[Frame] {
        match self {
            Self::Frame(frame) | Self::Ahead(frame) => slice::from_ref(frame),
            Self::Batch(batch) => batch.frames(),
            Self::Protocol(_) => &[],
        }
    }

    fn bytes(&self, form: Form) -> &[u8] {
        match self {
            Self::Frame(frame) | Self::Ahead(frame) => frame.framed(form),
            Self::Batch(batch) => batch.framed(form),
            Self::Protocol(bytes) => bytes,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            pieces: VecDeque::new(),
            written: 0,
            frames: 0,
            bytes: 0,
            form: Form { encoding: Encoding::Json, deflates: false },
            heads: BTreeMap::new(),
            latest: None,
            late_presence: BTreeSet::new(),
            late_reads: BTreeMap::new(),
            close: None,
        }
    }
}

impl Queue {
    pub(super) fn form(&mut self) -> &mut Form {
        &mut self.form
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Why it ends behind what waits.
    pub(super) fn closes(&self) -> Option<Close> {
        self.close
    }

    /// As [`Queue::closes`], once nothing waits any more.
    pub(super) fn ends(&self) -> Option<Close> {
        self.close.filter(|_| self.pieces.is_empty())
    }

    /// The first reason counts.
    pub(super) fn close(&mut self, why: Close) {
        if self.close.is_none() {
            self.close = Some(why);
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.frames < FRAMES_MAX / 2 && self.bytes < BYTES_MAX / 2
    }

    /// Puts a piece at the end, unless the socket ends; one of a room with the latest number in it. A reader for whom it
    /// finds no room gets no more: what he has not read, he reads when he resumes.
    pub(super) fn push(&mut self, piece: Piece, of: Option<(RoomId, u64)>) {
        if self.close.is_some() {
            return;
        }
        let (frames, bytes) = piece.cost();
        if self.frames + frames > FRAMES_MAX || self.bytes + bytes > BYTES_MAX {
            self.close = Some(Close::SlowConsumer);
            return self.drop_what_waits();
        }
        self.frames += frames;
        self.bytes += bytes;
        self.pieces.push_back(piece);
        self.note(of);
    }

    /// Puts pieces before all that has not begun to go out.
    pub(super) fn push_ahead(&mut self, pieces: impl DoubleEndedIterator<Item = Piece>) {
        let behind = usize::from(self.written > 0);
        pieces.rev().for_each(|piece| self.pieces.insert(behind, piece));
    }

    /// What the WebSocket layer has to say, at the end: nothing of it once there is so much of it, that is for later.
    pub(super) fn push_protocol(&mut self, bytes: &[u8], bytes_max: usize) -> bool {
        let said = self.pieces.iter().map(|piece| if let Piece::Protocol(bytes) = piece { bytes.len() } else { 0 });
        let has_room = self.pieces.is_empty() || said.sum::<usize>() + bytes.len() <= bytes_max;
        if has_room {
            self.pieces.push_back(Piece::Protocol(bytes.into()));
        }
        has_room
    }

    /// Drops all but what has begun to go out: half a frame would make noise of what comes behind it.
    pub(super) fn drop_what_waits(&mut self) {
        self.pieces.truncate(usize::from(self.written > 0));
        (self.frames, self.bytes) = self.pieces.front().map_or((0, 0), Piece::cost);
    }

    /// Has the bytes that are next written, as many as are taken, and says how many frames are whole with them.
    ///
    /// # Errors
    /// Those of the writing.
    pub(super) fn write<E>(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, E>) -> Result<usize, E> {
        let Self { pieces, written, form, .. } = self;
        let slices: [IoSlice<'_>; PIECES_PER_WRITE] = array::from_fn(|at| match pieces.get(at) {
            Some(piece) => IoSlice::new(&piece.bytes(*form)[if at == 0 { *written } else { 0 }..]),
            None => IoSlice::new(&[]),
        });
        *written += write(&slices[..pieces.len().min(PIECES_PER_WRITE)])?;
        let mut whole = 0;
        while let Some(length) = self.pieces.front().map(|piece| piece.bytes(self.form).len())
            && self.written >= length
        {
            self.written -= length;
            whole += self.pop().map_or(0, |piece| piece.frames().len());
        }
        self.after_taking();
        Ok(whole)
    }

    /// Takes what is next, up to `count` frames, or one piece of more.
    pub(super) fn take(&mut self, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        while frames.len() < count
            && let Some(piece) = self.pop()
        {
            frames.extend_from_slice(piece.frames());
        }
        self.after_taking();
        frames
    }

    pub(super) fn take_heads(&mut self) -> BTreeMap<RoomId, u64> {
        let mut heads = mem::take(&mut self.heads);
        heads.extend(self.latest.take());
        heads
    }

    pub(super) fn presence_is_late(&mut self, room: RoomId) {
        self.late_presence.insert(room);
    }

    pub(super) fn read_is_late(&mut self, room: RoomId, seq: u64) {
        let latest = self.late_reads.entry(room).or_default();
        *latest = seq.max(*latest);
    }

    fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        let (frames, bytes) = piece.cost();
        self.frames -= frames;
        self.bytes -= bytes;
        Some(piece)
    }

    fn note(&mut self, of: Option<(RoomId, u64)>) {
        let Some((room, _)) = of else { return };
        if let Some(before) = mem::replace(&mut self.latest, of).filter(|(before, _)| *before != room) {
            self.heads.extend([before]);
        }
    }

    fn after_taking(&mut self) {
        self.take_up_what_is_late();
        if self.pieces.is_empty() && self.pieces.capacity() > PIECES_KEPT {
            self.pieces = VecDeque::new();
        }
    }

    fn take_up_what_is_late(&mut self) {
        while self.has_room() && self.close.is_none() {
            let frame = if let Some(room) = self.late_presence.pop_first() {
                protocol::presence_reload(room)
            } else if let Some((room, seq)) = self.late_reads.pop_first() {
                protocol::read_marker(room, seq)
            } else {
                return;
            };
            self.push(Piece::Frame(frame), None);
        }
    }
}
