//! Has everybody heard everything, and how long did that take? What all listeners of a crowd tell together.

use anyhow::{Error, Result, bail, ensure};
use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// What has not been heard so long after it was said is lost.
const HEARD_WITHIN: Duration = Duration::from_secs(60);

/// The common account of a crowd. What is said has dense numbers, and each listener hears each.
#[derive(Default)]
pub(super) struct Tally {
    heard: AtomicU64,
    acks: AtomicU64,
    /// What either of them has to reach before the waiting one is woken.
    heard_wanted: AtomicU64,
    acks_wanted: AtomicU64,
    moved: Notify,
    first: OnceLock<u64>,
    sent: Mutex<Vec<Instant>>,
    took: Mutex<Vec<Duration>>,
    sample: OnceLock<Vec<u8>>,
    failure: Mutex<Option<Error>>,
}

impl Tally {
    /// A listener will hear this number first: as all others.
    pub(super) fn begins(&self, first: u64) -> Result<()> {
        let agreed = *self.first.get_or_init(|| first);
        ensure!(agreed == first, "one listener begins with {agreed}, another with {first}");
        Ok(())
    }

    /// So many are said, and were to be at this moment. Before they are said.
    pub(super) fn says(&self, count: usize, listeners: usize, at: Instant) {
        lock(&self.sent).extend(std::iter::repeat_n(at, count));
        self.heard_wanted.fetch_add((count * listeners) as u64, Ordering::SeqCst);
    }

    /// A listener has heard the numbers from `from` to before `to`, in one go.
    pub(super) fn hears(&self, from: u64, to: u64) {
        let now = Instant::now();
        let first = self.first.get().copied().unwrap_or_default();
        {
            let sent = lock(&self.sent);
            let said = (from..to).filter_map(|seq| sent.get(usize::try_from(seq - first).ok()?));
            lock(&self.took).extend(said.map(|at| now.saturating_duration_since(*at)));
        }
        let before = self.heard.fetch_add(to - from, Ordering::SeqCst);
        self.wake(before, before + (to - from), &self.heard_wanted);
    }

    /// A heartbeat of a listener was answered.
    pub(super) fn beats(&self) {
        let before = self.acks.fetch_add(1, Ordering::SeqCst);
        self.wake(before, before + 1, &self.acks_wanted);
    }

    fn wake(&self, before: u64, after: u64, wanted: &AtomicU64) {
        let wanted = wanted.load(Ordering::SeqCst);
        if before < wanted && after >= wanted {
            self.moved.notify_one();
        }
    }

    /// Keeps what the first frame of the room looked like.
    pub(super) fn shows(&self, frame: &[u8]) {
        self.sample.get_or_init(|| frame.to_vec());
    }

    /// A frame of the room, up to its number.
    pub(super) fn sample(&self) -> Option<&[u8]> {
        self.sample.get().map(Vec::as_slice)
    }

    /// A listener is at its end, for this reason; the first counts.
    pub(super) fn fails(&self, why: Error) {
        lock(&self.failure).get_or_insert(why);
        self.moved.notify_one();
    }

    /// Until all has been heard that was said.
    ///
    /// # Errors
    /// When something is lost, out of order or not in time.
    pub(super) async fn all_is_heard(&self) -> Result<()> {
        self.reaches(&self.heard, &self.heard_wanted).await
    }

    /// Until so many more heartbeats have been answered.
    pub(super) async fn all_beat(&self, count: usize) -> Result<()> {
        self.acks_wanted.fetch_add(count as u64, Ordering::SeqCst);
        self.reaches(&self.acks, &self.acks_wanted).await
    }

    async fn reaches(&self, is: &AtomicU64, wanted: &AtomicU64) -> Result<()> {
        let until = Instant::now() + HEARD_WITHIN;
        loop {
            if let Some(why) = lock(&self.failure).take() {
                return Err(why);
            }
            let wanted = wanted.load(Ordering::SeqCst);
            let now = is.load(Ordering::SeqCst);
            if now >= wanted {
                ensure!(now == wanted, "{} deliveries too many", now - wanted);
                return Ok(());
            }
            if timeout_at(until, self.moved.notified()).await.is_err() {
                // Looked at anew: what came meanwhile without being the last woke nobody.
                bail!("lost {} of {wanted} deliveries", wanted.saturating_sub(is.load(Ordering::SeqCst)));
            }
        }
    }

    /// How long each delivery took since this was last asked, from when it was to be said, in no order.
    pub(super) fn take_times(&self) -> Vec<Duration> {
        std::mem::take(&mut *lock(&self.took))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Red without the comparison in `begins`, and without `ensure!` in `reaches`.
    #[tokio::test(start_paused = true)]
    async fn what_is_missing_or_too_much_is_an_error() {
        let tally = Tally::default();
        tally.begins(5).expect("the first");
        assert!(tally.begins(6).is_err());
        tally.says(2, 1, Instant::now());
        tally.hears(5, 6);
        assert_eq!(tally.all_is_heard().await.expect_err("one is missing").to_string(), "lost 1 of 2 deliveries");
        tally.hears(6, 7);
        tally.all_is_heard().await.expect("both are there");
        assert_eq!(tally.take_times().len(), 2);
        tally.hears(7, 8);
        assert!(tally.all_is_heard().await.is_err());
    }
}
