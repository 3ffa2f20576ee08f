//! What is kept when not all can be? At most so many entries; who was not asked for since his last turn goes first.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A bounded map. An entry is put out by another one that needs its place, in the order of coming; one that was asked
/// for meanwhile stays for another round.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    entries: HashMap<K, Entry<V>>,
    turns: VecDeque<K>,
    max: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    was_asked_for: bool,
}

impl<K: Copy + Eq + Hash, V> Shelf<K, V> {
    /// For so many entries; with none nothing is ever kept.
    pub(super) fn of(max: usize) -> Self {
        Self { entries: HashMap::new(), turns: VecDeque::new(), max }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        entry.was_asked_for = true;
        Some(&entry.value)
    }

    /// Keeps a value, in place of the one before it.
    pub(super) fn put(&mut self, key: K, value: V) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.value = value;
            return;
        }
        if self.max == 0 {
            return;
        }
        while self.entries.len() >= self.max {
            self.put_one_out();
        }
        self.entries.insert(key, Entry { value, was_asked_for: false });
        self.turns.push_back(key);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn put_one_out(&mut self) {
        let oldest = self.turns.pop_front().expect("each entry has its turn");
        match self.entries.get_mut(&oldest) {
            Some(entry) if entry.was_asked_for => {
                entry.was_asked_for = false;
                self.turns.push_back(oldest);
            }
            Some(_) | None => drop(self.entries.remove(&oldest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Red without the `while` in `put`, and without `was_asked_for = true` in `get`.
    #[test]
    fn who_is_asked_for_stays_and_there_are_never_too_many() {
        let mut shelf = Shelf::of(2);
        shelf.put(1, "one");
        shelf.put(2, "two");
        assert_eq!(shelf.get(&1), Some(&"one"));
        for n in 3..100 {
            shelf.put(n, "more");
            assert!(shelf.len() <= 2);
            assert_eq!(shelf.get(&1), Some(&"one"), "{n}");
        }
        shelf.put(1, "another");
        assert_eq!(shelf.get(&1), Some(&"another"));
        assert_eq!(shelf.get(&2), None);
        let mut none = Shelf::of(0);
        none.put(1, "one");
        assert_eq!(none.len(), 0);
    }
}
