//! Where a fact lives: typed ids to subjects and back. Nothing else formats a subject.

use crate::{LoungeId, PhoneTag, RoomId, SessionId, UserId};
use std::{fmt, str::FromStr};

/// The streams of the log. Secrets are kept apart by stream, never by subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamName {
    /// Lounges, rooms, memberships, messages, moderation, public facts of users. Forgets nothing.
    Chat,
    /// Phones, credentials, sessions. Analysts never read it.
    Identity,
    /// Who came online, went away, left.
    Presence,
    /// How far each person has read each room.
    Markers,
}

impl StreamName {
    pub const ALL: [Self; 4] = [Self::Chat, Self::Identity, Self::Presence, Self::Markers];

    /// The stream's name on the server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "CHAT",
            Self::Identity => "IDENTITY",
            Self::Presence => "PRESENCE",
            Self::Markers => "MARKERS",
        }
    }

    /// The first token of each of its subjects.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Identity => "idn",
            Self::Presence => "prs",
            Self::Markers => "mrk",
        }
    }

    /// All its subjects, as a wildcard.
    pub fn subjects(self) -> String {
        format!("{}.v1.>", self.prefix())
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A subject of the log. Every one is small (a tip with the state in `after`) but [`Subject::RoomMessages`]
/// and [`Subject::RoomReports`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Epoch(StreamName),
    Relay,
    Drop,
    Phone(PhoneTag),
    Account(UserId),
    Credential(UserId),
    Session(SessionId),
    User(UserId),
    Lounge(LoungeId),
    Room(RoomId),
    Member(RoomId, UserId),
    RoomMessages(RoomId),
    RoomReports(RoomId),
    Presence(UserId),
    Marker(UserId, RoomId),
}

impl Subject {
    /// The stream that holds it.
    pub fn stream(&self) -> StreamName {
        match self {
            Self::Epoch(stream) => *stream,
            Self::Phone(_) | Self::Account(_) | Self::Credential(_) | Self::Session(_) => StreamName::Identity,
            Self::Presence(_) => StreamName::Presence,
            Self::Marker(..) => StreamName::Markers,
            Self::Relay | Self::Drop | Self::User(_) | Self::Lounge(_) => StreamName::Chat,
            Self::Room(_) | Self::Member(..) | Self::RoomMessages(_) | Self::RoomReports(_) => StreamName::Chat,
        }
    }

    /// The room whose `room_seq` an event on this subject raises.
    pub fn counted_room(&self) -> Option<RoomId> {
        match self {
            Self::Room(room) | Self::Member(room, _) | Self::RoomMessages(room) => Some(*room),
            Self::Epoch(_) | Self::Relay | Self::Drop | Self::Phone(_) | Self::Account(_) | Self::Credential(_) => None,
            Self::Session(_) | Self::User(_) | Self::Lounge(_) | Self::RoomReports(_) => None,
            Self::Presence(_) | Self::Marker(..) => None,
        }
    }

    /// Whether a new message replaces the ones before it on this subject (a rollup):
    /// a replaced password hash must not stay readable, nor who held a number before.
    pub fn rolls_up(&self) -> bool {
        matches!(self, Self::Phone(_) | Self::Credential(_) | Self::Session(_))
    }
}

/// Two hex digits of a room id, fixed for ever: lets readers split the stream by room later.
/// FNV-1a of the 16 bytes, mod 64.
fn partition(room: RoomId) -> u8 {
    let hash =
        room.0.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    (hash % 64) as u8
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room =
            |f: &mut fmt::Formatter<'_>, room: &RoomId| write!(f, "chat.v1.{:02x}.room.{room}", partition(*room));
        match self {
            Self::Epoch(stream) => write!(f, "{}.v1.sys.epoch", stream.prefix()),
            Self::Relay => f.write_str("chat.v1.sys.relay"),
            Self::Drop => f.write_str("chat.v1.sys.drop"),
            Self::Phone(tag) => write!(f, "idn.v1.phone.{tag}"),
            Self::Account(user) => write!(f, "idn.v1.user.{user}"),
            Self::Credential(user) => write!(f, "idn.v1.cred.{user}"),
            Self::Session(session) => write!(f, "idn.v1.session.{session}"),
            Self::User(user) => write!(f, "chat.v1.user.{user}"),
            Self::Lounge(lounge) => write!(f, "chat.v1.lounge.{lounge}"),
            Self::Room(id) => room(f, id).and_then(|()| f.write_str(".meta")),
            Self::Member(id, user) => room(f, id).and_then(|()| write!(f, ".member.{user}")),
            Self::RoomMessages(id) => room(f, id).and_then(|()| f.write_str(".msg")),
            Self::RoomReports(id) => room(f, id).and_then(|()| f.write_str(".report")),
            Self::Presence(user) => write!(f, "prs.v1.user.{user}"),
            Self::Marker(user, room) => write!(f, "mrk.v1.{user}.{room}"),
        }
    }
}

/// A subject that the vocabulary does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown subject {0:?}")]
pub struct UnknownSubject(pub String);

impl FromStr for Subject {
    type Err = UnknownSubject;
    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        parse(text).filter(|subject| subject.to_string() == text).ok_or_else(|| UnknownSubject(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Subject> {
    // No subject has more tokens; what is longer is unknown without being read.
    const TOKENS_MAX: usize = 7;
    let tokens: Vec<&str> = text.splitn(TOKENS_MAX + 1, '.').collect();
    let subject = match tokens.as_slice() {
        [prefix, "v1", "sys", "epoch"] => {
            Subject::Epoch(StreamName::ALL.into_iter().find(|stream| stream.prefix() == *prefix)?)
        }
        ["chat", "v1", "sys", "relay"] => Subject::Relay,
        ["chat", "v1", "sys", "drop"] => Subject::Drop,
        ["idn", "v1", "phone", tag] => Subject::Phone(tag.parse().ok()?),
        ["idn", "v1", "user", user] => Subject::Account(user.parse().ok()?),
        ["idn", "v1", "cred", user] => Subject::Credential(user.parse().ok()?),
        ["idn", "v1", "session", session] => Subject::Session(session.parse().ok()?),
        ["chat", "v1", "user", user] => Subject::User(user.parse().ok()?),
        ["chat", "v1", "lounge", lounge] => Subject::Lounge(lounge.parse().ok()?),
        ["chat", "v1", _, "room", room, "meta"] => Subject::Room(room.parse().ok()?),
        ["chat", "v1", _, "room", room, "member", user] => Subject::Member(room.parse().ok()?, user.parse().ok()?),
        ["chat", "v1", _, "room", room, "msg"] => Subject::RoomMessages(room.parse().ok()?),
        ["chat", "v1", _, "room", room, "report"] => Subject::RoomReports(room.parse().ok()?),
        ["prs", "v1", "user", user] => Subject::Presence(user.parse().ok()?),
        ["mrk", "v1", user, room] => Subject::Marker(user.parse().ok()?, room.parse().ok()?),
        _ => return None,
    };
    Some(subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn every_kind(n: u128) -> Vec<Subject> {
        let (user, room) = (UserId(Uuid::from_u128(n)), RoomId(Uuid::from_u128(n.wrapping_mul(3))));
        let mut all = vec![
            Subject::Relay,
            Subject::Drop,
            Subject::Phone(PhoneTag([n as u8; 32])),
            Subject::Account(user),
            Subject::Credential(user),
            Subject::Session(SessionId(Uuid::from_u128(n + 1))),
            Subject::User(user),
            Subject::Lounge(LoungeId(Uuid::from_u128(n + 2))),
            Subject::Room(room),
            Subject::Member(room, user),
            Subject::RoomMessages(room),
            Subject::RoomReports(room),
            Subject::Presence(user),
            Subject::Marker(user, room),
        ];
        all.extend(StreamName::ALL.map(Subject::Epoch));
        all
    }

    #[test]
    fn every_subject_survives_its_text_and_lies_in_its_stream() {
        for n in [1, 0xffff, u128::MAX / 7] {
            for subject in every_kind(n) {
                assert_eq!(subject.to_string().parse(), Ok(subject));
                assert!(subject.to_string().starts_with(&format!("{}.v1.", subject.stream().prefix())));
            }
        }
    }

    #[test]
    fn the_partition_of_a_room_never_changes() {
        let room: RoomId = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01".parse().expect("an id");
        assert_eq!(Subject::RoomMessages(room).to_string(), "chat.v1.16.room.0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01.msg");
    }

    #[test]
    fn a_subject_of_nobody_is_unknown() {
        let foreign = [
            "chat.v1.00.room.0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01.msg",
            "chat.v1.user.*",
            "chat.v1.>",
            "chat.v2.sys.relay",
            "",
            "chat.v1.sys.relay.x.y.z.a.b.c",
        ];
        for text in foreign {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
