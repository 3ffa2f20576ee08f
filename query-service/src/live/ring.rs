//! What happened lately? The last events of the process, by position and by room.

use event_log::Fact;
use events::{Event, Membership, RoomId, Subject, User, UserId};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Events that are held.
pub(super) const EVENTS_MAX: usize = 65_536;

/// One event as it came: `None` where it could not be decoded.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) position: u64,
    pub(super) of: Option<(RoomId, u64)>,
    pub(super) fact: Option<Arc<Fact>>,
}

#[derive(Debug)]
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    rooms: HashMap<RoomId, VecDeque<Arc<Entry>>>,
    users: HashMap<UserId, (u64, User)>,
    /// Everything after this position is held.
    floor: u64,
    max: usize,
}

impl Ring {
    pub(super) fn after(floor: u64, max: usize) -> Self {
        Self { entries: VecDeque::new(), rooms: HashMap::new(), users: HashMap::new(), floor, max }
    }

    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        if self.entries.len() == self.max
            && let Some(oldest) = self.entries.pop_front()
        {
            self.forget(&oldest);
        }
        if let Some((room, _)) = entry.of {
            self.rooms.entry(room).or_default().push_back(Arc::clone(&entry));
        }
        if let Some((user, state)) = user_of(&entry) {
            self.users.insert(user, (entry.position, state.clone()));
        }
        self.entries.push_back(entry);
    }

    fn forget(&mut self, oldest: &Entry) {
        self.floor = oldest.position;
        if let Some((room, _)) = oldest.of
            && let Some(entries) = self.rooms.get_mut(&room)
        {
            entries.pop_front();
            if entries.is_empty() {
                self.rooms.remove(&room);
            }
        }
        if let Some((user, _)) = user_of(oldest)
            && self.users.get(&user).is_some_and(|(position, _)| *position == oldest.position)
        {
            self.users.remove(&user);
        }
    }

    /// Whether something after this position may have been forgotten.
    pub(super) fn is_behind(&self, position: u64) -> bool {
        position < self.floor
    }

    /// A room's entries after number `seq`, if every one of them is held.
    pub(super) fn since(&self, room: RoomId, seq: u64, head: u64) -> Option<Vec<Arc<Entry>>> {
        let missing = usize::try_from(head.checked_sub(seq)?).ok()?;
        let entries = self.rooms.get(&room).map_or(0, VecDeque::len);
        if missing == 0 {
            return Some(Vec::new());
        }
        let from = entries.checked_sub(missing)?;
        Some(self.rooms.get(&room)?.range(from..).cloned().collect())
    }

    /// How many of a room's entries are after a position, if every one of them is held.
    pub(super) fn count_after(&self, room: RoomId, position: u64) -> Option<usize> {
        let entries = self.rooms.get(&room).into_iter().flatten();
        (!self.is_behind(position)).then(|| entries.filter(|entry| entry.position > position).count())
    }

    /// Memberships of a room that changed after a position, oldest first.
    pub(super) fn memberships(&self, room: RoomId, after: u64) -> impl Iterator<Item = (UserId, &Membership)> {
        let entries = self.rooms.get(&room).into_iter().flatten().filter(move |entry| entry.position > after);
        entries.filter_map(|entry| membership_of(entry))
    }

    /// A person as lately changed.
    pub(super) fn user(&self, user: UserId) -> Option<&User> {
        self.users.get(&user).map(|(_, state)| state)
    }
}

fn membership_of(entry: &Entry) -> Option<(UserId, &Membership)> {
    match entry.fact.as_deref() {
        Some(Fact { subject: Subject::Member(_, user), event: Event::Membership(change), .. }) => {
            Some((*user, &change.after))
        }
        _ => None,
    }
}

fn user_of(entry: &Entry) -> Option<(UserId, &User)> {
    match entry.fact.as_deref() {
        Some(Fact { subject: Subject::User(user), event: Event::User(change), .. }) => Some((*user, &change.after)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const A: RoomId = RoomId(Uuid::from_u128(1));
    const B: RoomId = RoomId(Uuid::from_u128(2));

    fn entry(position: u64, room: RoomId, seq: u64) -> Arc<Entry> {
        Arc::new(Entry { position, of: Some((room, seq)), fact: None })
    }

    #[test]
    fn a_room_is_taken_up_whole_or_not_at_all() {
        let mut ring = Ring::after(100, 4);
        (1..=4).for_each(|n| ring.push(entry(100 + n, A, n)));
        let numbers = |entries: Vec<Arc<Entry>>| entries.iter().filter_map(|e| e.of).map(|of| of.1).collect::<Vec<_>>();
        assert_eq!(ring.since(A, 2, 4).map(numbers), Some(vec![3, 4]));
        assert_eq!(ring.since(A, 4, 4).map(numbers), Some(vec![]));
        ring.push(entry(105, B, 1));
        assert!(ring.since(A, 0, 4).is_none(), "the first is forgotten");
        assert_eq!(ring.since(A, 1, 4).map(numbers), Some(vec![2, 3, 4]));
        assert!(ring.is_behind(100) && !ring.is_behind(101));
    }
}
