//! What does the hub know? How people stand, where rooms are, and who or what changed lately.

use super::{Hub, Listened};
use crate::{
    live::{
        form::Frame,
        frame::{lounge_state, of_lounge, of_user},
    },
    rights::{SeenAfter, Shown},
};
use events::{Epoch, Membership, Position, Role, RoomId, UserId};

/// A person's role in a room, and the room's head.
pub(in crate::live) type Standing = (Role, u64);

impl Hub {
    /// How this person stands in each of these listened rooms, and the hub's position, in one step: else a room's head
    /// could be ahead of the position that the client loads its page with, and what lies between would be in neither.
    pub(in crate::live) fn standings(
        &self,
        rooms: &[RoomId],
        user: UserId,
    ) -> Option<(Position, Vec<Option<Standing>>)> {
        let state = self.lock();
        let at = self.position()?;
        let standing = |room: &RoomId| {
            let role = state.rooms.get(room)?.members.get(&user)?.role;
            Some((role, state.heads.get(room).copied().unwrap_or_default()))
        };
        Some((at, rooms.iter().map(standing).collect()))
    }

    /// How this person stands in a listened room, and the room's head, in one step.
    pub(in crate::live) fn standing(&self, room: RoomId, user: UserId) -> Option<Standing> {
        self.standings(&[room], user)?.1.pop()?
    }

    /// The number that a room had at a position, where the ring reaches back that far.
    pub(in crate::live) fn seq_at(&self, room: RoomId, position: Position) -> Option<u64> {
        let state = self.lock();
        let later = state.ring.count_after(room, position.seq)?;
        state.heads.get(&room).copied().unwrap_or_default().checked_sub(later as u64)
    }

    /// The latest state of the members and lounges of these listened rooms that changed after a position, as far as
    /// the ring knows; and whether it knows all of it.
    pub(in crate::live) fn changed_since(&self, rooms: &[RoomId], position: Position) -> (Vec<Frame>, bool) {
        let state = self.lock();
        let rooms: Vec<&Listened> = rooms.iter().filter_map(|room| state.rooms.get(room)).collect();
        let p = |seq: u64| Position { epoch: self.position().map_or(Epoch(0), |at| at.epoch), seq };
        let users = state.ring.users_after(position.seq);
        let users = users.filter(|(user, ..)| rooms.iter().any(|room| room.members.contains_key(user)));
        let mut frames: Vec<Frame> =
            users.map(|(user, seq, state)| of_user("user.changed", p(seq), user, &state.into())).collect();
        let lounges = state.ring.lounges_after(position.seq);
        let lounges = lounges.filter(|(lounge, ..)| rooms.iter().any(|room| room.lounge == Some(*lounge)));
        frames.extend(
            lounges.map(|(lounge, seq, state)| of_lounge("lounge.changed", p(seq), lounge, lounge_state(state))),
        );
        (frames, !state.ring.is_behind(position.seq))
    }
}

impl SeenAfter for Hub {
    fn right_after(&self, room: RoomId, user: UserId, checkpoint: u64) -> Option<Membership> {
        self.lock().ring.membership(room, user, checkpoint).cloned()
    }

    fn behind(&self, checkpoint: u64) -> bool {
        self.lock().ring.is_behind(checkpoint)
    }

    fn unchanged_to(&self, shown: Shown<'_>, at: Position) -> Option<Position> {
        let state = self.lock();
        let here = self.position().filter(|here| here.epoch == at.epoch)?;
        let (ring, after) = (&state.ring, at.seq);
        let is_known = !ring.is_behind(after);
        let changed = match shown {
            Shown::Standing => false,
            Shown::Page { room, authors } => {
                ring.room_moved(room, after) || authors.iter().any(|author| ring.user_changed(*author, after))
            }
            Shown::Lounges => ring.lounges_changed(after) || ring.rooms_changed(after),
            Shown::Rooms { rooms } => {
                ring.rooms_changed(after) || rooms.iter().any(|room| ring.room_moved(*room, after))
            }
            Shown::Stranger(user) => ring.user_moved(user, after),
        };
        (is_known && !changed).then_some(if here.seq > after { here } else { at })
    }
}
