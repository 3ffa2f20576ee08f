//! What waits for one socket? At most so many frames and bytes; the publisher never waits, a slow reader is let go.

use super::close::Close;
use axum::extract::ws::Utf8Bytes;
use events::RoomId;
use std::{
    collections::{BTreeMap, VecDeque},
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
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// Heads of the rooms that changed since they were last told, as of what the queue holds.
    heads: BTreeMap<RoomId, u64>,
    close: Option<Close>,
}

impl Outbox {
    /// Puts a frame at the end; one of a room with its number.
    pub(super) fn push(&self, frame: Utf8Bytes, of: Option<(RoomId, u64)>) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        if queue.frames.len() == FRAMES_MAX || queue.bytes + frame.len() > BYTES_MAX {
            queue.close = Some(Close::SlowConsumer);
        } else {
            queue.bytes += frame.len();
            queue.frames.push_back(frame);
            queue.heads.extend(of);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Ends the socket once what waits is written; the first reason counts. A slow reader gets no more.
    pub(super) fn close(&self, why: Close) {
        self.lock().close.get_or_insert(why);
        self.wake.notify_one();
    }

    /// Puts an answer at the end that tells the heads of the rooms which changed, as of what stands before it.
    pub(super) fn push_with_heads(&self, answer: impl FnOnce(&BTreeMap<RoomId, u64>) -> Utf8Bytes) {
        let heads = std::mem::take(&mut self.lock().heads);
        self.push(answer(&heads), None);
    }

    /// Takes up to `count` frames, and the reason to close behind the last one.
    pub(super) fn take(&self, count: usize) -> (Vec<Utf8Bytes>, Option<Close>) {
        let mut queue = self.lock();
        let close = queue.close;
        // What a slow reader has not read, he reads when he resumes.
        if close == Some(Close::SlowConsumer) {
            queue.frames.clear();
        }
        let ready = queue.frames.len().min(count);
        let frames: Vec<Utf8Bytes> = queue.frames.drain(..ready).collect();
        queue.bytes -= frames.iter().map(|frame| frame.len()).sum::<usize>().min(queue.bytes);
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
        let queue = self.lock();
        queue.frames.len() < FRAMES_MAX / 2 && queue.bytes < BYTES_MAX / 2
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_does_not_read_costs_its_outbox_and_is_let_go() {
        let outbox = Outbox::default();
        for _ in 0..=FRAMES_MAX {
            outbox.push("frame".into(), None);
        }
        assert_eq!(outbox.take(32), (vec![], Some(Close::SlowConsumer)));
        let outbox = Outbox::default();
        outbox.push("x".repeat(BYTES_MAX).into(), None);
        outbox.push("y".into(), None);
        assert_eq!(outbox.take(32).1, Some(Close::SlowConsumer));
    }

    #[test]
    fn what_waits_is_taken_in_order_and_the_end_comes_behind_it() {
        let outbox = Outbox::default();
        (0..40).for_each(|n| outbox.push(n.to_string().into(), None));
        outbox.close(Close::SessionRevoked);
        outbox.close(Close::GoingAway);
        let (first, close) = outbox.take(32);
        assert_eq!((first.len(), first[31].as_str(), close), (32, "31", None));
        let (rest, close) = outbox.take(32);
        assert_eq!((rest.len(), close), (8, Some(Close::SessionRevoked)));
    }
}
