//! What is told besides the rooms' own events? Who is there, who types, and how far somebody has read on another device.

use super::{Hub, Listened};
use crate::{
    live::{
        outbox::Late,
        protocol::{self, Counts},
    },
    resource::Presence,
};
use event_log::Typing;
use events::{PresenceState, RoomId, UserId};
use std::collections::HashMap;

/// Of a room with more members only how many are how much there is told, and nobody's typing: each change of one would
/// be told to all, which grows with the square.
pub(super) const TOLD_MEMBERS_MAX: usize = 250;

/// Who is there, of all people.
#[derive(Debug, Default)]
pub(super) struct There {
    /// Those who are not offline.
    people: HashMap<UserId, PresenceState>,
    /// What changed since it was last told.
    changed: HashMap<UserId, Presence>,
}

impl Hub {
    /// Somebody is there, or not, from now on. Told with the next [`Hub::tell_presence`].
    pub(in crate::live) fn presence(&self, presence: Presence) {
        let mut state = self.lock();
        let There { people, changed } = &mut state.there;
        let before = match presence.state {
            PresenceState::Offline => people.remove(&presence.user_id),
            shown => people.insert(presence.user_id, shown),
        };
        if before.unwrap_or(PresenceState::Offline) != presence.state {
            changed.insert(presence.user_id, presence);
        }
    }

    /// Tells the rooms who came and went since the last time.
    pub(in crate::live) fn tell_presence(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let changed = std::mem::take(&mut state.there.changed);
        if changed.is_empty() {
            return;
        }
        for (room, listened) in &state.rooms {
            let theirs = listened.of(&changed);
            if theirs.is_empty() {
                continue;
            }
            let frame = match listened.is_told_of() {
                true => protocol::presence_diff(*room, &theirs),
                false => protocol::presence_counts(*room, state.there.counts(listened)),
            };
            for socket in listened.sockets.values() {
                socket.outbox.push_soft(frame.clone(), Late::Presence(*room));
            }
        }
    }

    /// Whether somebody may say now that he types: a member who is not muted.
    pub(in crate::live) fn may_type(&self, Typing { room, user }: Typing) -> bool {
        self.lock().rooms.get(&room).is_some_and(|listened| listened.hears_typing_of(user))
    }

    /// Somebody types, here or elsewhere: the others in the room hear it.
    pub(in crate::live) fn types(&self, Typing { room, user }: Typing) {
        let state = self.lock();
        let Some(listened) = state.rooms.get(&room).filter(|listened| listened.hears_typing_of(user)) else { return };
        let frame = protocol::typing(room, user);
        listened.attached().filter(|socket| socket.user != user).for_each(|socket| {
            socket.outbox.push_soft(frame.clone(), Late::Never);
        });
    }

    /// Somebody has read a room up to this number: his sockets hear it, also that of the device that he read it on.
    pub(in crate::live) fn reads(&self, user: UserId, room: RoomId, seq: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.markers.take(user, room, seq) {
            let frame = protocol::read_marker(room, seq);
            state.sockets_of(user).for_each(|socket| socket.outbox.push_soft(frame.clone(), Late::Read(room, seq)));
        }
    }

    /// How far somebody has read each of these rooms, as far as it was told lately.
    pub(in crate::live) fn read_by(&self, user: UserId, rooms: impl Iterator<Item = RoomId>) -> Vec<u64> {
        let state = self.lock();
        rooms.map(|room| state.markers.read(user, room)).collect()
    }
}

impl There {
    fn counts(&self, room: &Listened) -> Counts {
        let mut counts = Counts::default();
        for state in room.members.keys().filter_map(|user| self.people.get(user)) {
            match state {
                PresenceState::Online => counts.online += 1,
                PresenceState::Away => counts.away += 1,
                PresenceState::Dnd => counts.dnd += 1,
                PresenceState::Offline => {}
            }
        }
        counts
    }
}

impl Listened {
    /// Those of its members who changed, by user id.
    fn of(&self, changed: &HashMap<UserId, Presence>) -> Vec<Presence> {
        let mut theirs: Vec<Presence> = if changed.len() < self.members.len() {
            changed.values().filter(|presence| self.members.contains_key(&presence.user_id)).copied().collect()
        } else {
            self.members.keys().filter_map(|user| changed.get(user)).copied().collect()
        };
        theirs.sort_by_key(|presence| presence.user_id);
        theirs
    }

    fn is_told_of(&self) -> bool {
        self.members.len() <= TOLD_MEMBERS_MAX
    }

    fn hears_typing_of(&self, user: UserId) -> bool {
        self.is_told_of() && self.members.get(&user).is_some_and(|member| !member.is_muted(chrono::Utc::now()))
    }
}
