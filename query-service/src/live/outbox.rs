//! What waits for one socket? At most so many frames and bytes; the publisher never waits, a slow reader is let go.

mod queue;

use super::{
    batch::Batch,
    close::Close,
    form::{Form, Frame},
};
use events::RoomId;
use platform::serve::Raw;
use queue::{Piece, Queue};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Frames that may wait; one more, and the socket closes 4011, resumable.
const FRAMES_MAX: usize = 1_024;
/// Bytes that may wait.
const BYTES_MAX: usize = 1 << 20;
/// Bytes of the WebSocket layer's own, which only answers pings, that may wait.
const PROTOCOL_BYTES_MAX: usize = 4 << 10;
/// Sockets that are written to by one task, where many are told at once: as many threads as there are share them.
const SOCKETS_PER_TASK: usize = 32;

/// The queue of one socket. Whoever finds that something waits may write it out: where the queue is, there is the line.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    /// A WebSocket's connection; events have none, their reader takes what waits.
    line: Option<Raw>,
}

/// What becomes of a frame that is not kept in the log, where half of the outbox is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// It is not told: a moment later it would not be true.
    Never,
    /// The client is told to read the room's presence anew.
    Presence(RoomId),
    /// The greatest number is told.
    Read(RoomId, u64),
}

impl Outbox {
    /// Of a WebSocket.
    pub(super) fn of(line: Raw, form: Form) -> Self {
        let outbox = Self { line: Some(line), ..Self::default() };
        *outbox.lock().form() = form;
        outbox
    }

    /// The WebSocket's connection.
    pub(super) fn line(&self) -> Option<&Raw> {
        self.line.as_ref()
    }

    /// From here on long frames come deflated.
    pub(super) fn deflate(&self) {
        self.lock().form().deflates = true;
    }

    /// Puts a frame at the end; one of a room with its number.
    pub(super) fn push(&self, frame: Frame, of: Option<(RoomId, u64)>) {
        self.push_all([(frame, of)]);
    }

    /// Puts frames at the end, for which the reader is woken once.
    pub(super) fn push_all(&self, frames: impl IntoIterator<Item = (Frame, Option<(RoomId, u64)>)>) {
        if self.queued(frames.into_iter().map(|(frame, of)| (Piece::Frame(frame), of))) {
            self.wake.notify_one();
        }
    }

    /// Puts frames of a room at the end, and says whether [`write_soon`] has to write them: else somebody does already.
    #[must_use]
    pub(super) fn push_quietly(&self, frames: impl IntoIterator<Item = (Frame, (RoomId, u64))>) -> bool {
        self.queued_quietly(frames.into_iter().map(|(frame, of)| (Piece::Frame(frame), Some(of))))
    }

    /// As [`Outbox::push_quietly`], of a batch and the latest number in it.
    #[must_use]
    pub(super) fn push_batch(&self, batch: &Batch, of: (RoomId, u64)) -> bool {
        self.queued_quietly([(Piece::Batch(batch.clone()), Some(of))])
    }

    fn queued_quietly(&self, pieces: impl IntoIterator<Item = (Piece, Option<(RoomId, u64)>)>) -> bool {
        let is_asleep = self.queued(pieces);
        if is_asleep && self.line.is_none() {
            self.wake.notify_one();
        }
        is_asleep && self.line.is_some()
    }

    /// Where something waited, whoever writes it writes this too; that it is to end now, the socket's own task has to know.
    fn queued(&self, pieces: impl IntoIterator<Item = (Piece, Option<(RoomId, u64)>)>) -> bool {
        let mut queue = self.lock();
        if queue.closes().is_some() {
            return false;
        }
        let is_asleep = queue.is_empty();
        pieces.into_iter().for_each(|(piece, of)| queue.push(piece, of));
        if queue.closes().is_some() {
            self.wake.notify_one();
        }
        is_asleep
    }

    /// Puts frames before all that has not begun to go out. Only the socket's own task does, and writes then.
    pub(super) fn push_ahead(&self, frames: Vec<Frame>) {
        self.lock().push_ahead(frames.into_iter().map(Piece::Ahead));
    }

    /// Puts a frame at the end where less than half is taken; later is said what is to be said then.
    pub(super) fn push_soft(&self, frame: Frame, late: Late) {
        if self.has_room() {
            return self.push(frame, None);
        }
        metrics::counter!("live_frames_late_total").increment(1);
        let mut queue = self.lock();
        match late {
            Late::Never => {}
            Late::Presence(room) => queue.presence_is_late(room),
            Late::Read(room, seq) => queue.read_is_late(room, seq),
        }
    }

    /// Puts an answer at the end that tells the heads of the rooms which changed, as of what stands before it.
    pub(super) fn push_with_heads(&self, answer: impl FnOnce(&BTreeMap<RoomId, u64>) -> Frame) {
        let heads = self.lock().take_heads();
        self.push(answer(&heads), None);
    }

    /// What the WebSocket layer says, at the end; false where too much of that waits already.
    pub(super) fn push_protocol(&self, bytes: &[u8]) -> bool {
        let is_taken = self.lock().push_protocol(bytes, PROTOCOL_BYTES_MAX);
        self.wake.notify_one();
        is_taken
    }

    /// Ends the socket once what waits is written; the first reason counts. A slow reader gets no more.
    pub(super) fn close(&self, why: Close) {
        self.lock().close(why);
        self.wake.notify_one();
    }

    /// Why it ends, once nothing waits any more.
    pub(super) fn ends(&self) -> Option<Close> {
        self.lock().ends()
    }

    /// Drops what has not begun to go out.
    pub(super) fn drop_what_waits(&self) {
        self.lock().drop_what_waits();
    }

    /// Takes up to `count` frames, and the reason to close behind the last one.
    pub(super) fn take(&self, count: usize) -> (Vec<Frame>, Option<Close>) {
        let mut queue = self.lock();
        let frames = queue.take(count);
        if !queue.is_empty() {
            self.wake.notify_one();
        }
        (frames, queue.ends())
    }

    /// Writes what waits to the WebSocket's connection, as far as that takes it without waiting: `true` when all is out.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) fn write_out(&self) -> io::Result<bool> {
        let mut frames = 0;
        let is_out = self.write_counted(&mut frames);
        metrics::counter!("live_frames_total").increment(frames);
        is_out
    }

    fn write_counted(&self, frames: &mut u64) -> io::Result<bool> {
        let Some(line) = &self.line else { return Ok(true) };
        let mut queue = self.lock();
        while !queue.is_empty() {
            let written = queue.write(|slices| match slices {
                [one] => line.stream().try_write(one),
                many => line.stream().try_write_vectored(many),
            });
            match written {
                Ok(whole) => *frames += whole as u64,
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(why) => return Err(why),
            }
        }
        Ok(true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Resolves when there is something to take; for who waits for room, when there is some: somebody else may have
    /// written what took it.
    pub(super) async fn ready(&self, waits_for_room: bool) {
        loop {
            {
                let queue = self.lock();
                if !queue.is_empty() || queue.closes().is_some() || (waits_for_room && queue.has_room()) {
                    return;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Whether less than half is taken. What is caught up fills that half, the other is for what happens meanwhile.
    pub(super) fn has_room(&self) -> bool {
        self.lock().has_room()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to sockets for which something was put, without their own tasks: a write costs less than to wake one. What a
/// connection does not take is left to its socket's task, and so is one that is cut.
pub(super) fn write_soon(mut outboxes: Vec<Arc<Outbox>>) {
    while !outboxes.is_empty() {
        let some = outboxes.split_off(outboxes.len().saturating_sub(SOCKETS_PER_TASK));
        tokio::spawn(async move {
            let mut frames = 0;
            for outbox in some {
                if !matches!(outbox.write_counted(&mut frames), Ok(true)) {
                    outbox.wake.notify_one();
                }
            }
            metrics::counter!("live_frames_total").increment(frames);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::protocol;
    use futures::FutureExt;

    fn frame(text: &str) -> Frame {
        Frame::new(text.to_owned(), None)
    }

    #[test]
    fn a_reader_that_does_not_read_costs_its_outbox_and_is_let_go() {
        let outbox = Outbox::default();
        for _ in 0..=FRAMES_MAX {
            outbox.push(frame("frame"), None);
        }
        assert_eq!(outbox.take(32), (vec![], Some(Close::SlowConsumer)));
        let outbox = Outbox::default();
        outbox.push(frame(&"x".repeat(BYTES_MAX)), None);
        outbox.push(frame("y"), None);
        assert_eq!(outbox.take(32).1, Some(Close::SlowConsumer));
    }

    #[test]
    fn what_waits_is_taken_in_order_and_the_end_comes_behind_it() {
        let outbox = Outbox::default();
        (0..40).for_each(|n| outbox.push(frame(&n.to_string()), None));
        outbox.close(Close::SessionRevoked);
        outbox.close(Close::GoingAway);
        let (first, close) = outbox.take(32);
        assert_eq!((first.len(), first[31].json(), close), (32, "31", None));
        let (rest, close) = outbox.take(32);
        assert_eq!((rest.len(), close), (8, Some(Close::SessionRevoked)));
    }

    // Red with what is late forgotten instead of noted, and with `has_room` left out of `take_up_what_is_late`.
    #[test]
    fn what_is_not_in_the_log_makes_way_and_is_made_good_when_there_is_room() {
        let (outbox, room) = (Outbox::default(), RoomId(uuid::Uuid::from_u128(1)));
        (0..FRAMES_MAX / 2).for_each(|n| outbox.push(frame(&n.to_string()), None));
        outbox.push_soft(frame("typing"), Late::Never);
        for seq in [7, 9, 8] {
            outbox.push_soft(frame("who is there"), Late::Presence(room));
            outbox.push_soft(frame("read"), Late::Read(room, seq));
        }
        let (frames, _) = outbox.take(FRAMES_MAX / 2);
        assert_eq!(frames.last().map(Frame::json), Some((FRAMES_MAX / 2 - 1).to_string().as_str()));
        let (frames, _) = outbox.take(FRAMES_MAX);
        assert_eq!(frames, [protocol::presence_reload(room), protocol::read_marker(room, 9)]);
    }

    // Red with `waits_for_room` not asked in `ready`: what is caught up would stand still.
    #[test]
    fn who_waits_for_room_goes_on_also_when_somebody_else_has_made_it() {
        let outbox = Outbox::default();
        (0..FRAMES_MAX / 2).for_each(|n| outbox.push(frame(&n.to_string()), None));
        assert!(!outbox.has_room());
        outbox.take(FRAMES_MAX);
        assert!(outbox.ready(true).now_or_never().is_some());
        assert!(outbox.ready(false).now_or_never().is_none());
    }
}
