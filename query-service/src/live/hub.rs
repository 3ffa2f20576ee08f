//! Who hears what? One place for what the process follows: heads, ring, members of listened rooms, and their sockets.

mod tell;

use super::{
    close::Close,
    frame::{Name, roomless},
    members::{Loaded, Member},
    outbox::Outbox,
    ring::{EVENTS_MAX, Entry, Ring},
};
use crate::rights::SeenAfter;
use event_log::{Fact, Record};
use events::{Epoch, Event, LoungeId, Membership, Position, Role, RoomId, SessionId, Subject, UserId};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tell::{enter_or_leave, named_in, render, says, taken_back};
use tokio::sync::watch;

/// Frames that a room may still miss when it is attached: they go into the outbox at once.
pub(super) const ATTACH_MAX: usize = 256;

/// A socket, as the hub knows it.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) credential: u32,
    pub(super) outbox: Arc<Outbox>,
}

/// What the process follows. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    state: Arc<Mutex<State>>,
    position: watch::Sender<Option<Position>>,
}

struct State {
    heads: HashMap<RoomId, u64>,
    ring: Ring,
    rooms: HashMap<RoomId, Listened>,
    sockets: BTreeMap<u64, Socket>,
    next_socket: u64,
}

/// A room with a socket here.
struct Listened {
    lounge: Option<LoungeId>,
    members: HashMap<UserId, Member>,
    sockets: HashSet<u64>,
}

/// What comes of an attempt to attach a socket to a room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attached {
    /// From here on it hears what happens.
    Yes,
    /// The person has no right to the room (any more).
    NoMember,
    /// Too much is missing still, or what is missing lies not in the ring: read the feed first.
    NotYet { head: u64 },
    /// These people have to be named first.
    Unnamed(Vec<UserId>),
}

/// Whether the hub knows who is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learned {
    Yes,
    /// Its members have to be read first.
    Unknown,
    /// The read model is further behind than the ring reaches.
    Behind,
}

impl Hub {
    /// Knows nothing until it [begins](Hub::begin).
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                heads: HashMap::new(),
                ring: Ring::after(0, EVENTS_MAX),
                rooms: HashMap::new(),
                sockets: BTreeMap::new(),
                next_socket: 0,
            })),
            position: watch::Sender::new(None),
        }
    }

    /// Takes the read model's heads as of its checkpoint; what comes after it is followed.
    pub(super) fn begin(&self, at: Position, heads: HashMap<RoomId, u64>) {
        let mut state = self.lock();
        state.heads = heads;
        state.ring = Ring::after(at.seq, EVENTS_MAX);
        self.position.send_replace(Some(at));
    }

    /// Where the hub is; `None` before it has begun.
    pub fn position(&self) -> Option<Position> {
        *self.position.borrow()
    }

    /// Waits until the hub is at a position; false when that is of another epoch.
    pub(super) async fn reaches(&self, wanted: Position) -> bool {
        let mut position = self.position.subscribe();
        let there = position.wait_for(|at| at.is_some_and(|at| at.epoch != wanted.epoch || at.seq >= wanted.seq)).await;
        there.is_ok_and(|at| at.is_some_and(|at| at.epoch == wanted.epoch))
    }

    /// Takes the next record: counts it, keeps it, and tells who listens. Gives what was understood.
    pub(super) fn publish(&self, epoch: Epoch, record: &Record) -> Option<Arc<Fact>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Counted from the subject alone, before decoding: so every reader gives the same number.
        let of = record.subject.parse().ok().and_then(|subject: Subject| subject.counted_room()).map(|room| {
            let head = state.heads.entry(room).or_default();
            *head += 1;
            (room, *head)
        });
        let fact = match record.fact() {
            Ok(fact) => Some(Arc::new(fact)),
            Err(why) => {
                tracing::error!(seq = record.seq, %why, "an event that nobody here understands");
                None
            }
        };
        let p = Position { epoch, seq: record.seq };
        state.ring.push(Arc::new(Entry { position: record.seq, of, fact: fact.clone() }));
        match (of, fact.as_deref()) {
            (Some((room, seq)), fact) => state.tell_room(p, room, seq, fact),
            (None, Some(Fact { event: Event::User(change), .. })) => {
                state.tell_of_user(p, &change.event, &change.after)
            }
            (None, Some(Fact { event: Event::Lounge(change), subject: Subject::Lounge(lounge), .. })) => {
                let d = json!({ "lounge": lounge, "name": change.after.name, "description": change.after.description,
                                "active": change.after.active });
                let frame = roomless(change.event.event_type().name, p, &d);
                let rooms = state.rooms.values().filter(|room| room.lounge == Some(*lounge));
                let hearing: HashSet<u64> = rooms.flat_map(|room| room.sockets.iter().copied()).collect();
                state.push_to(hearing.iter(), &frame);
            }
            (None, _) => {}
        }
        self.position.send_replace(Some(p));
        fact
    }

    /// A socket that has identified itself.
    pub(super) fn enter(&self, socket: Socket, per_user_max: usize) -> Option<u64> {
        let mut state = self.lock();
        if state.sockets.values().filter(|other| other.user == socket.user).count() >= per_user_max {
            return None;
        }
        state.next_socket += 1;
        let id = state.next_socket;
        state.sockets.insert(id, socket);
        metrics::gauge!("live_sockets").set(state.sockets.len() as f64);
        Some(id)
    }

    /// A socket that is gone.
    pub(super) fn leave(&self, id: u64) {
        let mut state = self.lock();
        state.sockets.remove(&id);
        state.rooms.retain(|_, room| {
            room.sockets.remove(&id);
            room.sockets.remove(&(WAITING | id));
            !room.sockets.is_empty()
        });
        metrics::gauge!("live_sockets").set(state.sockets.len() as f64);
    }

    /// A room that a socket hears no longer.
    pub(super) fn detach(&self, id: u64, room: RoomId) {
        let mut state = self.lock();
        if let Some(listened) = state.rooms.get_mut(&room) {
            listened.sockets.remove(&id);
            listened.sockets.remove(&(WAITING | id));
            if listened.sockets.is_empty() {
                state.rooms.remove(&room);
            }
        }
    }

    /// Keeps a room's members known for this socket: those that are known already, else what was read of them, overlaid
    /// by what happened since. The hub has to be at `loaded`'s checkpoint by then.
    pub(super) fn learn(&self, id: u64, room: RoomId, loaded: Option<Loaded>) -> Learned {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(listened) = state.rooms.get_mut(&room) {
            listened.sockets.insert(WAITING | id);
            return Learned::Yes;
        }
        let Some(Loaded { checkpoint, lounge, mut members }) = loaded else { return Learned::Unknown };
        if state.ring.is_behind(checkpoint) {
            return Learned::Behind;
        }
        for (user, after) in state.ring.memberships(room, checkpoint) {
            let named =
                state.ring.user(user).map(|user| Name { display_name: user.display_name.clone(), kind: user.kind });
            enter_or_leave(&mut members, user, after, named);
        }
        state.rooms.insert(room, Listened { lounge, members, sockets: HashSet::from([WAITING | id]) });
        Learned::Yes
    }

    /// The number that a room had at a position, where the ring reaches back that far.
    pub(super) fn seq_at(&self, room: RoomId, position: Position) -> Option<u64> {
        let state = self.lock();
        let later = state.ring.count_after(room, position.seq)?;
        state.heads.get(&room).copied().unwrap_or_default().checked_sub(later as u64)
    }

    /// How this person stands in a listened room, and the room's head, in one step.
    pub(super) fn standing(&self, room: RoomId, user: UserId) -> Option<(Role, u64)> {
        let state = self.lock();
        let role = state.rooms.get(&room)?.members.get(&user)?.role;
        Some((role, state.heads.get(&room).copied().unwrap_or_default()))
    }

    /// Attaches a socket to a room behind number `seq`: what is missing goes into its outbox, what comes follows.
    /// Under one lock, so that nothing is in both and nothing in neither.
    pub(super) fn attach(&self, id: u64, room: RoomId, seq: u64, known: &HashMap<UserId, Name>) -> Attached {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(socket) = state.sockets.get(&id) else { return Attached::NoMember };
        let Some(listened) = state.rooms.get_mut(&room) else { return Attached::NoMember };
        let Some(role) = listened.members.get(&socket.user).map(|member| member.role) else {
            return Attached::NoMember;
        };
        let head = state.heads.get(&room).copied().unwrap_or_default();
        let missing = match state.ring.since(room, seq, head) {
            Some(missing) if missing.len() <= ATTACH_MAX.min(socket.outbox.room_left()) => missing,
            _ => return Attached::NotYet { head },
        };
        let name_of = |user: UserId| {
            let member = listened.members.get(&user).map(|member| member.name.clone());
            member.or_else(|| known.get(&user).cloned()).or_else(|| {
                state.ring.user(user).map(|user| Name { display_name: user.display_name.clone(), kind: user.kind })
            })
        };
        let unnamed: Vec<UserId> =
            missing.iter().filter_map(|entry| named_in(entry)).filter(|user| name_of(*user).is_none()).collect();
        if !unnamed.is_empty() {
            return Attached::Unnamed(unnamed);
        }
        let epoch = self.position.borrow().map_or(Epoch(0), |at| at.epoch);
        // As in the feed: what was taken back since is not told once more.
        let taken_back = taken_back(&missing);
        for entry in missing {
            let Some(of) = entry.of else { continue };
            let p = Position { epoch, seq: entry.position };
            let mut telling = render(entry.fact.as_deref(), of.1, |user| name_of(user).unwrap_or_else(Name::unknown));
            if let Some(status) = says(&entry).and_then(|message| taken_back.get(&message)) {
                telling = telling.without_text(*status);
            }
            socket.outbox.push(telling.render(p, of).seen_by(socket.user, role), Some(of));
        }
        listened.sockets.remove(&(WAITING | id));
        listened.sockets.insert(id);
        Attached::Yes
    }

    /// Ends every socket: the log has a hole, or the process ends.
    pub(super) fn close_all(&self, why: Close) {
        self.lock().sockets.values().for_each(|socket| socket.outbox.close(why));
    }

    /// Tells every socket something.
    pub(super) fn tell_all(&self, frame: &axum::extract::ws::Utf8Bytes) {
        self.lock().sockets.values().for_each(|socket| socket.outbox.push(frame.clone(), None));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

/// Marks a socket that keeps a room's members known while it still catches up, and hears nothing of it yet.
const WAITING: u64 = 1 << 63;

impl SeenAfter for Hub {
    fn right_after(&self, room: RoomId, user: UserId, checkpoint: u64) -> Option<Membership> {
        let state = self.lock();
        let last = state.ring.memberships(room, checkpoint).filter(|(of, _)| *of == user).last();
        last.map(|(_, membership)| membership.clone())
    }

    fn behind(&self, checkpoint: u64) -> bool {
        self.lock().ring.is_behind(checkpoint)
    }
}

#[cfg(test)]
mod tests;
