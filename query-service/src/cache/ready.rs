//! Who reads what nobody holds? One asker for each key; the others wait for him, and none for ever.

use platform::Problem;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

use super::shelf::Shelf;
use crate::wait;

/// Answers that are kept, and readings of such under way.
pub(crate) struct Ready<K: Copy + Eq + Hash, V> {
    /// In metrics.
    name: &'static str,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    kept: Shelf<K, Arc<V>>,
    /// At most one a key, so never more than there are requests.
    readings: HashMap<K, watch::Receiver<Outcome<V>>>,
}

/// `None` while it is being read.
type Outcome<V> = Option<Result<Arc<V>, Problem>>;

enum Turn<'a, K: Copy + Eq + Hash, V> {
    Kept(Arc<V>),
    /// Somebody reads.
    Wait(watch::Receiver<Outcome<V>>),
    Read(Reading<'a, K, V>),
}

/// Who reads for all. Dropped without an outcome (his client went away), one of those who wait takes his place.
struct Reading<'a, K: Copy + Eq + Hash, V> {
    of: &'a Ready<K, V>,
    key: K,
    tell: watch::Sender<Outcome<V>>,
    has_landed: bool,
}

impl<K: Copy + Eq + Hash, V> Ready<K, V> {
    pub(super) fn of(name: &'static str, max: usize) -> Self {
        let state = Mutex::new(State { kept: Shelf::of(max), readings: HashMap::new() });
        Self { name, state }
    }

    /// What is kept of this key where `is_current`, else what is read of it now. What was read is kept where
    /// `is_current` says so of it as well.
    ///
    /// A reading that began before its asker came is as good as his own only where it is current; one that began
    /// after he came is his own in any case. So he waits for two at most.
    ///
    /// What a reader's own request needs is not compared here: [`crate::app::App::given_out`] does.
    ///
    /// # Errors
    /// Those of the reading, for all who waited for it.
    pub(crate) async fn get(
        &self,
        key: K,
        is_current: impl Fn(&V) -> bool,
        read: impl Future<Output = Result<V, Problem>>,
    ) -> Result<Arc<V>, Problem> {
        let mut began_before = true;
        loop {
            match self.turn(key, &is_current) {
                Turn::Kept(value) => return Ok(value),
                Turn::Wait(mut outcome) => {
                    // Who reads may be gone without an outcome.
                    let Ok(landed) = outcome.wait_for(Option::is_some).await.map(|landed| landed.clone()) else {
                        continue;
                    };
                    match landed {
                        Some(Ok(value)) if began_before && !is_current(&value) => began_before = false,
                        Some(outcome) => return outcome,
                        None => {}
                    }
                }
                Turn::Read(reading) => {
                    let outcome = wait::for_all(read).await.map(Arc::new);
                    reading.lands(outcome.clone(), &is_current);
                    return outcome;
                }
            }
        }
    }

    /// Keeps what was read elsewhere.
    pub(crate) fn keep(&self, key: K, value: Arc<V>) {
        let mut state = self.lock();
        state.kept.put(key, value);
        metrics::gauge!("cache_entries", "cache" => self.name).set(state.kept.len() as f64);
    }

    /// Under one lock, so that of those who find nothing exactly one reads.
    fn turn(&self, key: K, is_current: &impl Fn(&V) -> bool) -> Turn<'_, K, V> {
        let mut state = self.lock();
        if let Some(kept) = state.kept.get(&key).filter(|kept| is_current(kept)) {
            self.count("hit");
            return Turn::Kept(Arc::clone(kept));
        }
        if let Some(outcome) = state.readings.get(&key) {
            self.count("wait");
            return Turn::Wait(outcome.clone());
        }
        self.count("miss");
        let (tell, outcome) = watch::channel(None);
        state.readings.insert(key, outcome);
        Turn::Read(Reading { of: self, key, tell, has_landed: false })
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("cache_lookups_total", "cache" => self.name, "outcome" => outcome).increment(1);
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Reading<'_, K, V> {
    fn lands(mut self, outcome: Result<Arc<V>, Problem>, is_current: &impl Fn(&V) -> bool) {
        // What changed since the statement ran is not kept: whoever saw the change looked here before, and would not
        // come again.
        if let Ok(value) = &outcome
            && is_current(value)
        {
            self.of.keep(self.key, Arc::clone(value));
        }
        self.of.lock().readings.remove(&self.key);
        self.has_landed = true;
        self.tell.send_replace(Some(outcome));
    }
}

impl<K: Copy + Eq + Hash, V> Drop for Reading<'_, K, V> {
    fn drop(&mut self) {
        if !self.has_landed {
            self.of.lock().readings.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
