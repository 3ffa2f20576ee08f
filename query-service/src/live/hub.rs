//! Who hears what? One place for what the process follows: heads, ring, members of listened rooms, and their sockets.

mod ask;
mod attach;
mod beside;
mod tell;

pub(super) use ask::Standing;
pub(super) use attach::{Attached, Learned};

use super::{
    close::Close,
    form::Frame,
    frame::{lounge_state, of_lounge},
    markers::Markers,
    members::Member,
    outbox::Outbox,
    ring::{EVENTS_MAX, Entry, Ring},
};
use beside::There;
use event_log::{Fact, Record};
use events::{Epoch, Event, LoungeId, Position, RoomId, SessionId, Subject, UserId};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tell::Run;
use tokio::sync::watch;

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
    sockets: BTreeMap<u64, Arc<Socket>>,
    /// The sockets of each person.
    of_people: HashMap<UserId, Vec<u64>>,
    next_socket: u64,
    there: There,
    markers: Markers,
}

/// A room with a socket here.
struct Listened {
    lounge: Option<LoungeId>,
    members: HashMap<UserId, Member>,
    /// The sockets of members, by their ids; those of [`WAITING`] hear nothing yet.
    sockets: HashMap<u64, Arc<Socket>>,
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
                of_people: HashMap::new(),
                next_socket: 0,
                there: There::default(),
                markers: Markers::default(),
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

    /// Takes the next records: counts them, keeps them, and tells who listens. Gives what was understood.
    pub(super) fn publish<'a>(&self, epoch: Epoch, records: impl IntoIterator<Item = &'a Record>) -> Vec<Arc<Fact>> {
        let mut state = self.lock();
        let (mut facts, mut run, mut last) = (Vec::new(), Run::default(), None);
        for record in records {
            let p = Position { epoch, seq: record.seq };
            facts.extend(state.take(p, record, &mut run));
            last = Some(p);
        }
        state.deliver(&mut run);
        if last.is_some() {
            self.position.send_replace(last);
        }
        facts
    }

    /// A socket that has identified itself.
    pub(super) fn enter(&self, socket: Socket, per_user_max: usize) -> Option<u64> {
        let mut state = self.lock();
        let id = state.next_socket + 1;
        let theirs = state.of_people.entry(socket.user).or_default();
        if theirs.len() >= per_user_max {
            return None;
        }
        theirs.push(id);
        state.next_socket = id;
        state.sockets.insert(id, Arc::new(socket));
        metrics::gauge!("live_sockets").set(state.sockets.len() as f64);
        Some(id)
    }

    /// A socket that is gone.
    pub(super) fn leave(&self, id: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(socket) = state.sockets.remove(&id)
            && let Some(theirs) = state.of_people.get_mut(&socket.user)
        {
            theirs.retain(|other| *other != id);
            if theirs.is_empty() {
                state.of_people.remove(&socket.user);
            }
        }
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

    /// Ends every socket: the log has a hole, or the process ends.
    pub(super) fn close_all(&self, why: Close) {
        self.lock().sockets.values().for_each(|socket| socket.outbox.close(why));
    }

    /// Tells every socket something.
    pub(super) fn tell_all(&self, frame: &Frame) {
        self.lock().sockets.values().for_each(|socket| socket.outbox.push(frame.clone(), None));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes one record. What it tells a room waits in `run` for more of that room.
    fn take(&mut self, p: Position, record: &Record, run: &mut Run) -> Option<Arc<Fact>> {
        // Counted from the subject alone, before decoding: so every reader gives the same number.
        let of = record.subject.parse().ok().and_then(|subject: Subject| subject.counted_room()).map(|room| {
            let head = self.heads.entry(room).or_default();
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
        self.ring.push(Arc::new(Entry { position: record.seq, of, fact: fact.clone() }));
        if !run.goes_on(of, fact.as_deref()) {
            self.deliver(run);
        }
        match (of, fact.as_deref()) {
            (Some(of), fact) => self.tell_room(p, of, fact, run),
            (None, Some(Fact { event: Event::User(change), .. })) => self.tell_of_user(p, &change.event, &change.after),
            (None, Some(Fact { event: Event::Lounge(change), subject: Subject::Lounge(lounge), .. })) => {
                let frame = of_lounge(change.event.event_type().name, p, *lounge, lounge_state(&change.after));
                let rooms = self.rooms.values().filter(|room| room.lounge == Some(*lounge));
                let hearing = rooms.flat_map(Listened::hearing).collect();
                self.push_to(&hearing, &frame);
            }
            (None, _) => {}
        }
        fact
    }

    fn sockets_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Socket>> {
        self.of_people.get(&user).into_iter().flatten().filter_map(|id| self.sockets.get(id))
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

/// Marks a socket that keeps a room's members known while it still catches up, and hears nothing of it yet.
const WAITING: u64 = 1 << 63;

#[cfg(test)]
mod tests;
