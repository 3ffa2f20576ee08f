//! What waits for one socket? At most so many frames and bytes; the publisher never waits, a slow reader is let go.

use super::{close::Close, form::Frame, protocol};
use events::RoomId;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Frames that may wait; one more, and the socket closes 4011, resumable.
const FRAMES_MAX: usize = 1_024;
/// Bytes that may wait.
const BYTES_MAX: usize = 1 << 20;

/// The queue of one socket.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Heads of the rooms that changed since they were last told, as of what the queue holds; and that of the latest
    /// frame, which is often of the same room as the next.
    heads: BTreeMap<RoomId, u64>,
    latest: Option<(RoomId, u64)>,
    /// What is told as soon as there is room again.
    late_presence: BTreeSet<RoomId>,
    late_reads: BTreeMap<RoomId, u64>,
    close: Option<Close>,
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
    /// Puts a frame at the end; one of a room with its number.
    pub(super) fn push(&self, frame: Frame, of: Option<(RoomId, u64)>) {
        self.push_all([(frame, of)]);
    }

    /// Puts frames at the end, for which the reader is woken once.
    pub(super) fn push_all(&self, frames: impl IntoIterator<Item = (Frame, Option<(RoomId, u64)>)>) {
        let mut queue = self.lock();
        // Where something waited, whoever takes it takes this too.
        let is_asleep = queue.frames.is_empty() && queue.close.is_none();
        for (frame, of) in frames {
            queue.push(frame, of);
        }
        drop(queue);
        if is_asleep {
            self.wake.notify_one();
        }
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
            Late::Presence(room) => _ = queue.late_presence.insert(room),
            Late::Read(room, seq) => {
                let latest = queue.late_reads.entry(room).or_default();
                *latest = seq.max(*latest);
            }
        }
    }

    /// Ends the socket once what waits is written; the first reason counts. A slow reader gets no more.
    pub(super) fn close(&self, why: Close) {
        self.lock().close.get_or_insert(why);
        self.wake.notify_one();
    }

    /// Puts an answer at the end that tells the heads of the rooms which changed, as of what stands before it.
    pub(super) fn push_with_heads(&self, answer: impl FnOnce(&BTreeMap<RoomId, u64>) -> Frame) {
        let heads = self.lock().take_heads();
        self.push(answer(&heads), None);
    }

    /// Takes up to `count` frames, and the reason to close behind the last one.
    pub(super) fn take(&self, count: usize) -> (Vec<Frame>, Option<Close>) {
        let mut queue = self.lock();
        let close = queue.close;
        // What a slow reader has not read, he reads when he resumes.
        if close == Some(Close::SlowConsumer) {
            queue.frames.clear();
        }
        let ready = queue.frames.len().min(count);
        let frames: Vec<Frame> = queue.frames.drain(..ready).collect();
        queue.bytes -= frames.iter().map(|frame| frame.len()).sum::<usize>().min(queue.bytes);
        queue.take_up_what_is_late();
        let is_last = queue.frames.is_empty();
        if !is_last {
            self.wake.notify_one();
        }
        (frames, close.filter(|_| is_last))
    }

    /// Resolves when there is something to take.
    pub(super) async fn ready(&self) {
        loop {
            {
                let queue = self.lock();
                if !queue.frames.is_empty() || queue.close.is_some() {
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

impl Queue {
    fn has_room(&self) -> bool {
        self.frames.len() < FRAMES_MAX / 2 && self.bytes < BYTES_MAX / 2
    }

    fn push(&mut self, frame: Frame, of: Option<(RoomId, u64)>) {
        if self.close.is_some() {
            return;
        }
        if self.frames.len() == FRAMES_MAX || self.bytes + frame.len() > BYTES_MAX {
            self.close = Some(Close::SlowConsumer);
        } else {
            self.bytes += frame.len();
            self.frames.push_back(frame);
            self.note(of);
        }
    }

    fn note(&mut self, of: Option<(RoomId, u64)>) {
        let Some((room, _)) = of else { return };
        if let Some(before) = std::mem::replace(&mut self.latest, of).filter(|(before, _)| *before != room) {
            self.heads.extend([before]);
        }
    }

    fn take_heads(&mut self) -> BTreeMap<RoomId, u64> {
        let mut heads = std::mem::take(&mut self.heads);
        heads.extend(self.latest.take());
        heads
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
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
