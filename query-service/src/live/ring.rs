//! What happened lately? The last events of the process, by position and by room.

use super::texts::Texts;
use event_log::Fact;
use events::{
    Event, Lounge, LoungeId, Membership, MessageEvent, MessageId, RoomId, Subject, User, UserId, message::MessageStatus,
};
use std::{
    collections::{HashMap, VecDeque, vec_deque},
    hash::Hash,
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

/// The last state of each, and the position of that, as long as it is held.
type Latest<K, S> = HashMap<K, (u64, S)>;

#[derive(Debug)]
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    rooms: HashMap<RoomId, VecDeque<Arc<Entry>>>,
    users: Latest<UserId, User>,
    lounges: Latest<LoungeId, Lounge>,
    memberships: Latest<(RoomId, UserId), Membership>,
    /// Who came, went or changed his role in any room.
    movers: Latest<UserId, ()>,
    /// Where any room was last made or changed, and any lounge.
    rooms_changed: u64,
    lounges_changed: u64,
    texts: Texts,
    /// Everything after this position is held.
    floor: u64,
    max: usize,
}

impl Ring {
    pub(super) fn after(floor: u64, max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            rooms: HashMap::new(),
            users: HashMap::new(),
            lounges: HashMap::new(),
            memberships: HashMap::new(),
            movers: HashMap::new(),
            rooms_changed: 0,
            lounges_changed: 0,
            texts: Texts::default(),
            floor,
            max,
        }
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
        if let Some((lounge, state)) = lounge_of(&entry) {
            self.lounges.insert(lounge, (entry.position, state.clone()));
            self.lounges_changed = entry.position;
        }
        if let (Some((room, _)), Some((user, state))) = (entry.of, membership_of(&entry)) {
            self.memberships.insert((room, user), (entry.position, state.clone()));
            self.movers.insert(user, (entry.position, ()));
        }
        if is_of_room(&entry) {
            self.rooms_changed = entry.position;
        }
        if let Some(event) = said_in(&entry) {
            self.texts.follow(entry.position, event);
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
        if let Some((user, _)) = user_of(oldest) {
            forget_at(&mut self.users, user, oldest.position);
        }
        if let Some((lounge, _)) = lounge_of(oldest) {
            forget_at(&mut self.lounges, lounge, oldest.position);
        }
        if let (Some((room, _)), Some((user, _))) = (oldest.of, membership_of(oldest)) {
            forget_at(&mut self.memberships, (room, user), oldest.position);
            forget_at(&mut self.movers, user, oldest.position);
        }
        if let Some(event) = said_in(oldest) {
            self.texts.forget(oldest.position, event);
        }
    }

    /// Whether something after this position may have been forgotten.
    pub(super) fn is_behind(&self, position: u64) -> bool {
        position < self.floor
    }

    /// A room's entries after number `seq`, if every one of them is held.
    pub(super) fn since(&self, room: RoomId, seq: u64, head: u64) -> Option<vec_deque::Iter<'_, Arc<Entry>>> {
        let missing = usize::try_from(head.checked_sub(seq)?).ok()?;
        let Some(entries) = self.rooms.get(&room) else { return (missing == 0).then(Default::default) };
        Some(entries.range(entries.len().checked_sub(missing)?..))
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

    /// The last state of a membership that changed after a position.
    pub(super) fn membership(&self, room: RoomId, user: UserId, after: u64) -> Option<&Membership> {
        self.memberships.get(&(room, user)).filter(|(at, _)| *at > after).map(|(_, state)| state)
    }

    /// Whether anything of a room happened after a position, as far as that is held.
    pub(super) fn room_moved(&self, room: RoomId, after: u64) -> bool {
        self.rooms.get(&room).and_then(VecDeque::back).is_some_and(|last| last.position > after)
    }

    /// Whether a person changed after a position, as far as that is held.
    pub(super) fn user_changed(&self, user: UserId, after: u64) -> bool {
        self.users.get(&user).is_some_and(|(at, _)| *at > after)
    }

    /// Whether a person's place in any room changed after a position, as far as that is held.
    pub(super) fn user_moved(&self, user: UserId, after: u64) -> bool {
        self.movers.get(&user).is_some_and(|(at, ())| *at > after)
    }

    /// Whether any room was made or changed after a position.
    pub(super) fn rooms_changed(&self, after: u64) -> bool {
        self.rooms_changed > after
    }

    /// Whether any lounge was made or changed after a position.
    pub(super) fn lounges_changed(&self, after: u64) -> bool {
        self.lounges_changed > after
    }

    /// Who changed after a position, where, and to what.
    pub(super) fn users_after(&self, position: u64) -> impl Iterator<Item = (UserId, u64, &User)> {
        after(&self.users, position)
    }

    /// Which lounges changed after a position, where, and to what.
    pub(super) fn lounges_after(&self, position: u64) -> impl Iterator<Item = (LoungeId, u64, &Lounge)> {
        after(&self.lounges, position)
    }

    /// A person as lately changed.
    pub(super) fn user(&self, user: UserId) -> Option<&User> {
        self.users.get(&user).map(|(_, state)| state)
    }

    /// What became of a message by now; `None` where its posting is not held.
    pub(super) fn status(&self, message: MessageId) -> Option<MessageStatus> {
        self.texts.status(message)
    }
}

fn forget_at<K: Eq + Hash, S>(latest: &mut Latest<K, S>, key: K, position: u64) {
    if latest.get(&key).is_some_and(|(last, _)| *last == position) {
        latest.remove(&key);
    }
}

fn after<K: Copy, S>(latest: &Latest<K, S>, position: u64) -> impl Iterator<Item = (K, u64, &S)> {
    latest.iter().filter(move |(_, (last, _))| *last > position).map(|(key, (last, state))| (*key, *last, state))
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

fn lounge_of(entry: &Entry) -> Option<(LoungeId, &Lounge)> {
    match entry.fact.as_deref() {
        Some(Fact { subject: Subject::Lounge(lounge), event: Event::Lounge(change), .. }) => {
            Some((*lounge, &change.after))
        }
        _ => None,
    }
}

fn is_of_room(entry: &Entry) -> bool {
    matches!(entry.fact.as_deref(), Some(Fact { event: Event::Room(_), .. }))
}

fn said_in(entry: &Entry) -> Option<&MessageEvent> {
    match entry.fact.as_deref() {
        Some(Fact { event: Event::Message(event), .. }) => Some(event),
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
        let numbers = |ring: &Ring, seq| {
            let entries = ring.since(A, seq, 4)?;
            Some(entries.filter_map(|entry| entry.of).map(|of| of.1).collect::<Vec<_>>())
        };
        assert_eq!(numbers(&ring, 2), Some(vec![3, 4]));
        assert_eq!(numbers(&ring, 4), Some(vec![]));
        ring.push(entry(105, B, 1));
        assert_eq!(numbers(&ring, 0), None, "the first is forgotten");
        assert_eq!(numbers(&ring, 1), Some(vec![2, 3, 4]));
        assert!(ring.is_behind(100) && !ring.is_behind(101));
    }
}
