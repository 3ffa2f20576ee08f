//! How does a socket come to hear a room? Its members are learned, what is missing is copied, and from there on it hears.

use super::{
    Hub, Listened, State, WAITING,
    tell::{enter_or_leave, render},
};
use crate::live::{frame::Name, members::Loaded, protocol, ring::Entry};
use events::{Epoch, Event, MessageEvent, Position, RoomId, UserId};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Frames that are made of one room's past under the hub's lock: meanwhile nobody hears anything.
const FRAMES_AT_ONCE: usize = 256;

/// What comes of an attempt to attach a socket to a room.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::live) enum Attached {
    /// From here on it hears what happens.
    Yes,
    /// The outbox holds what it missed up to this number; the rest fits once that is written.
    UpTo(u64),
    /// The person has no right to the room (any more).
    NoMember,
    /// What is missing lies not in the ring: read the feed first.
    NotYet,
    /// These people have to be named first.
    Unnamed(Vec<UserId>),
}

/// Whether the hub knows who is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::live) enum Learned {
    Yes,
    /// Its members have to be read first.
    Unknown,
    /// The read model is further behind than the ring reaches.
    Behind,
}

impl Hub {
    /// Keeps a room's members known for this socket, which hears nothing of it until it is attached (again): those that
    /// are known already, else what was read of them, overlaid by what happened since. The hub has to be at `loaded`'s
    /// checkpoint by then.
    pub(in crate::live) fn learn(&self, id: u64, room: RoomId, loaded: Option<Loaded>) -> Learned {
        let mut guard = self.lock();
        let State { ring, rooms, sockets, .. } = &mut *guard;
        let socket = sockets.get(&id).map(|socket| (WAITING | id, Arc::clone(socket)));
        if let Some(listened) = rooms.get_mut(&room) {
            listened.sockets.remove(&id);
            listened.sockets.extend(socket);
            return Learned::Yes;
        }
        let Some(Loaded { checkpoint, lounge, mut members }) = loaded else { return Learned::Unknown };
        if ring.is_behind(checkpoint) {
            return Learned::Behind;
        }
        for (user, after) in ring.memberships(room, checkpoint) {
            enter_or_leave(&mut members, user, after, ring.user(user).map(Name::from));
        }
        rooms.insert(room, Listened { lounge, members, sockets: socket.into_iter().collect() });
        Learned::Yes
    }

    /// Attaches a socket to a room behind number `seq`: what is missing goes into its outbox, what comes follows.
    /// Under one lock, so that nothing is in both and nothing in neither.
    pub(in crate::live) fn attach(&self, id: u64, room: RoomId, seq: u64, known: &HashMap<UserId, Name>) -> Attached {
        let mut guard = self.lock();
        let State { heads, ring, rooms, sockets, .. } = &mut *guard;
        let Some((socket, listened)) = sockets.get(&id).zip(rooms.get_mut(&room)) else { return Attached::NoMember };
        let Some(role) = listened.members.get(&socket.user).map(|member| member.role) else {
            return Attached::NoMember;
        };
        let head = heads.get(&room).copied().unwrap_or_default();
        let Some(missing) = ring.since(room, seq, head) else { return Attached::NotYet };
        let first = missing.take(FRAMES_AT_ONCE);
        let name_of = |user: UserId| {
            let member = listened.members.get(&user).map(|member| member.name.clone());
            member.or_else(|| known.get(&user).cloned()).or_else(|| ring.user(user).map(Name::from))
        };
        let named = first.clone().filter_map(|entry| named_in(entry));
        let unnamed: HashSet<UserId> = named.filter(|user| name_of(*user).is_none()).collect();
        if !unnamed.is_empty() {
            return Attached::Unnamed(unnamed.into_iter().collect());
        }
        let epoch = self.position().map_or(Epoch(0), |at| at.epoch);
        let mut last = seq;
        for (entry, of) in first.filter_map(|entry| Some((entry, entry.of?))) {
            if !socket.outbox.has_room() {
                break;
            }
            let named = |user| name_of(user).unwrap_or_else(Name::unknown);
            let telling = render(entry.fact.as_deref(), of.1, ring, named);
            let p = Position { epoch, seq: entry.position };
            socket.outbox.push(telling.render(p, of).seen_by(socket.user, || role), Some(of));
            last = of.1;
        }
        if last < head {
            return Attached::UpTo(last);
        }
        listened.sockets.remove(&(WAITING | id));
        listened.sockets.insert(id, Arc::clone(socket));
        Attached::Yes
    }
}

impl Hub {
    /// Says to a socket that it has all up to the hub's position: under the lock, so that nothing later stands before it.
    pub(in crate::live) fn caught_up(&self, id: u64, of: Option<RoomId>) {
        let state = self.lock();
        if let Some((socket, at)) = state.sockets.get(&id).zip(self.position()) {
            socket.outbox.push(protocol::caught_up(of, at), None);
        }
    }
}

/// Who has to be named in the frame of an entry.
fn named_in(entry: &Entry) -> Option<UserId> {
    match &entry.fact.as_deref()?.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.author),
        _ => None,
    }
}
