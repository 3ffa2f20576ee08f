//! How does an instance remember much, and never too much? In two generations: the younger fills, the older is dropped.

use std::collections::HashMap;
use std::hash::Hash;

/// A bounded map. What is looked up stays; what nobody asked for while a whole generation filled is forgotten.
/// It holds at most twice `generation_max` entries.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation_max: usize,
}

impl<K: Eq + Hash + Clone, V> Generations<K, V> {
    pub(crate) fn new(generation_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_max }
    }

    /// The entry, which is young again.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The entry, where it is; it grows no younger by that.
    pub(crate) fn peek(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.young.values().chain(self.old.values())
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked_for() {
        let mut memory = Generations::new(10);
        memory.insert(0, "kept");
        for key in 1..1_000 {
            memory.insert(key, "passing");
            assert!(memory.get(&0).is_some());
            assert!(memory.young.len() + memory.old.len() <= 20);
        }
        assert!(memory.get(&1).is_none());
        memory.remove(&0);
        assert!(memory.peek(&0).is_none());
    }
}
