//! Where does a client go on? A cursor: opaque outside, inside a place that a rebuild does not move.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{MessageId, RoomId, Time, UserId, message::MessageStatus};
use platform::{Code, Problem};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Of the hash of what a cursor is bound to: enough to tell a mistake, and nobody gains by forging one.
const BINDING_BYTES: usize = 6;
const PLACE_BYTES_MAX: usize = 24;

/// Of a text, in place of it.
pub type Digest = [u8; BINDING_BYTES];

/// The list that a cursor belongs to: one of another list, room or filter is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// A room's messages, all or those of one status.
    Messages(RoomId, Option<MessageStatus>),
    Members(RoomId),
    Presence(RoomId),
    Moderation(RoomId),
    Versions(MessageId),
    /// What this person wrote, anywhere.
    Written(UserId),
    /// Active ones or archived ones.
    Lounges {
        active: bool,
    },
    /// Of a lounge, active ones or archived ones.
    Rooms {
        lounge: Uuid,
        active: bool,
    },
    /// The caller's own, so that a shared cursor shows nothing of anybody.
    OwnRooms(Uuid),
    OwnSessions(Uuid),
    /// What the caller was looking for, and where.
    Search {
        caller: Uuid,
        room: Option<RoomId>,
        q: Digest,
    },
}

impl List {
    fn binding(self) -> Digest {
        let text = match self {
            Self::Messages(room, status) => format!("messages {room} {}", status.map_or("", MessageStatus::as_str)),
            Self::Members(room) => format!("members {room}"),
            Self::Presence(room) => format!("presence {room}"),
            Self::Moderation(room) => format!("moderation {room}"),
            Self::Versions(message) => format!("versions {message}"),
            Self::Written(user) => format!("written {user}"),
            Self::Lounges { active } => format!("lounges {active}"),
            Self::Rooms { lounge, active } => format!("rooms {lounge} {active}"),
            Self::OwnRooms(user) => format!("own-rooms {user}"),
            Self::OwnSessions(user) => format!("own-sessions {user}"),
            Self::Search { caller, room, q } => {
                format!("search {caller} {} {q:?}", room.map_or_else(String::new, |room| room.to_string()))
            }
        };
        digest(&text)
    }

    fn write(self, place: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(BINDING_BYTES + place.len());
        bytes.extend_from_slice(&self.binding());
        bytes.extend_from_slice(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read<const N: usize>(self, cursor: &str) -> Result<[u8; N], Problem> {
        // Longest cursor of ours, in base64: what is longer is not even decoded.
        if cursor.len() > (BINDING_BYTES + PLACE_BYTES_MAX) * 4 / 3 {
            return Err(not_ours());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| not_ours())?;
        let place = bytes.strip_prefix(&self.binding()).ok_or_else(not_ours)?;
        place.try_into().map_err(|_| not_ours())
    }
}

/// Enough of a text's hash to tell it from others.
#[must_use]
pub fn digest(text: &str) -> Digest {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    std::array::from_fn(|i| hash[i])
}

/// A place that a cursor can hold.
pub trait Place: Sized {
    /// The cursor of this place in that list.
    fn cursor(&self, list: List) -> String;

    /// Reads a cursor of that list.
    ///
    /// # Errors
    /// 400 `invalid-request` for any text that is no cursor of this list.
    fn of(list: List, cursor: &str) -> Result<Self, Problem>;
}

/// A `room_seq`, or a sequence of the log: for messages and what became of them.
impl Place for u64 {
    fn cursor(&self, list: List) -> String {
        list.write(&self.to_be_bytes())
    }

    fn of(list: List, cursor: &str) -> Result<Self, Problem> {
        // As a bigint it must have a neighbour on each side.
        list.read(cursor).map(Self::from_be_bytes).and_then(|seq| match seq < i64::MAX as u64 {
            true => Ok(seq),
            false => Err(not_ours()),
        })
    }
}

/// A moment, then an id: for lists by creation.
impl Place for (Time, Uuid) {
    fn cursor(&self, list: List) -> String {
        let mut place = [0; 24];
        place[..8].copy_from_slice(&self.0.timestamp_micros().to_be_bytes());
        place[8..].copy_from_slice(self.1.as_bytes());
        list.write(&place)
    }

    fn of(list: List, cursor: &str) -> Result<Self, Problem> {
        let place: [u8; 24] = list.read(cursor)?;
        let (micros, id) = place.split_at(8);
        let micros = i64::from_be_bytes(micros.try_into().expect("eight of 24 bytes"));
        // Postgres's range ends before chrono's.
        let at = Time::from_timestamp_micros(micros).filter(|at| (1970..10_000).contains(&chrono::Datelike::year(at)));
        Ok((at.ok_or_else(not_ours)?, Uuid::from_slice(id).expect("sixteen of 24 bytes")))
    }
}

/// A rank, then an id: for members.
impl Place for (events::Role, Uuid) {
    fn cursor(&self, list: List) -> String {
        let mut place = [0; 17];
        place[0] = self.0 as u8;
        place[1..].copy_from_slice(self.1.as_bytes());
        list.write(&place)
    }

    fn of(list: List, cursor: &str) -> Result<Self, Problem> {
        let place: [u8; 17] = list.read(cursor)?;
        let roles = [events::Role::Member, events::Role::Moderator, events::Role::Owner];
        let role = roles.into_iter().find(|role| *role as u8 == place[0]).ok_or_else(not_ours)?;
        Ok((role, Uuid::from_slice(&place[1..]).expect("sixteen of 17 bytes")))
    }
}

/// An id alone.
impl Place for Uuid {
    fn cursor(&self, list: List) -> String {
        list.write(self.as_bytes())
    }

    fn of(list: List, cursor: &str) -> Result<Self, Problem> {
        list.read(cursor).map(Self::from_bytes)
    }
}

fn not_ours() -> Problem {
    Problem::new(Code::InvalidRequest, "This is no cursor of this list with this filter.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Role;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));

    #[test]
    fn a_cursor_survives_its_text() {
        let list = List::Members(ROOM);
        for seq in [0, 1, 135_298, i64::MAX as u64 - 1] {
            assert_eq!(u64::of(list, &seq.cursor(list)).expect("ours"), seq);
        }
        let id = Uuid::now_v7();
        let at = Time::from_timestamp_micros(1_795_000_000_123_456).expect("in range");
        assert_eq!(<(Time, Uuid)>::of(list, &(at, id).cursor(list)).expect("ours"), (at, id));
        assert_eq!(<(Role, Uuid)>::of(list, &(Role::Owner, id).cursor(list)).expect("ours"), (Role::Owner, id));
        assert_eq!(Uuid::of(list, &id.cursor(list)).expect("ours"), id);
    }

    #[test]
    fn a_cursor_is_bound_to_its_room_and_filter() {
        let list = List::Messages(ROOM, None);
        let cursor = 7_u64.cursor(list);
        let other_room = List::Messages(RoomId(Uuid::from_u128(2)), None);
        for other in [other_room, List::Messages(ROOM, Some(MessageStatus::Hidden)), List::Members(ROOM)] {
            assert_eq!(u64::of(other, &cursor).expect_err("bound").code, Code::InvalidRequest);
        }
    }

    #[test]
    fn what_is_no_cursor_is_an_invalid_request() {
        let list = List::Messages(ROOM, None);
        let beyond = u64::MAX.cursor(list);
        let cut = &7_u64.cursor(list)[..10];
        for text in ["", "*", ">", "0", "MTIz", beyond.as_str(), cut, "🦀", &"A".repeat(4_000), "AAAA\0AAAA"] {
            assert_eq!(u64::of(list, text).expect_err(text).code, Code::InvalidRequest);
        }
        let late = List::Lounges { active: true }.write(&[0x7f; 24]);
        assert!(<(Time, Uuid)>::of(List::Lounges { active: true }, &late).is_err());
    }
}
