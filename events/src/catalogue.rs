//! Which families of facts are there, and on which subjects do they live?

use crate::{
    EventType, LoungeEvent, MarkerEvent, MembershipEvent, MessageEvent, PresenceEvent, RoomEvent, RoomId, StreamName,
    Subject, UserEvent,
    identity::{AccountEvent, CredentialEvent, PhoneEvent, SessionEvent},
    message::ReportEvent,
    system::{DropEvent, EpochEvent, RelayEvent},
};

/// A family of facts: those that share a kind of subject and, where it is a small one, a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    Epoch,
    Drop,
    Relay,
    User,
    Lounge,
    Room,
    Membership,
    Message,
    Report,
    Phone,
    Account,
    Credential,
    Session,
    Presence,
    Marker,
}

impl Family {
    pub const ALL: [Self; 15] = [
        Self::Epoch,
        Self::Drop,
        Self::Relay,
        Self::User,
        Self::Lounge,
        Self::Room,
        Self::Membership,
        Self::Message,
        Self::Report,
        Self::Phone,
        Self::Account,
        Self::Credential,
        Self::Session,
        Self::Presence,
        Self::Marker,
    ];

    /// Those of one stream. Each stream has its epochs.
    pub fn of(stream: StreamName) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |family| family.stream().is_none_or(|other| other == stream))
    }

    /// Its types, at the versions that are written today.
    pub fn types(self) -> &'static [EventType] {
        match self {
            Self::Epoch => EpochEvent::TYPES,
            Self::Drop => DropEvent::TYPES,
            Self::Relay => RelayEvent::TYPES,
            Self::User => UserEvent::TYPES,
            Self::Lounge => LoungeEvent::TYPES,
            Self::Room => RoomEvent::TYPES,
            Self::Membership => MembershipEvent::TYPES,
            Self::Message => MessageEvent::TYPES,
            Self::Report => ReportEvent::TYPES,
            Self::Phone => PhoneEvent::TYPES,
            Self::Account => AccountEvent::TYPES,
            Self::Credential => CredentialEvent::TYPES,
            Self::Session => SessionEvent::TYPES,
            Self::Presence => PresenceEvent::TYPES,
            Self::Marker => MarkerEvent::TYPES,
        }
    }

    /// The stream that holds it; none: each of them.
    pub fn stream(self) -> Option<StreamName> {
        match self {
            Self::Epoch => None,
            Self::Drop | Self::Relay | Self::User | Self::Lounge | Self::Room => Some(StreamName::Chat),
            Self::Membership | Self::Message | Self::Report => Some(StreamName::Chat),
            Self::Phone | Self::Account | Self::Credential | Self::Session => Some(StreamName::Identity),
            Self::Presence => Some(StreamName::Presence),
            Self::Marker => Some(StreamName::Markers),
        }
    }

    /// Its subjects, as they are written for people.
    pub fn subjects(self) -> &'static str {
        match self {
            Self::Epoch => "<stream>.v1.sys.epoch",
            Self::Drop => "chat.v1.sys.drop",
            Self::Relay => "chat.v1.sys.relay",
            Self::User => "chat.v1.user.<user>",
            Self::Lounge => "chat.v1.lounge.<lounge>",
            Self::Room => "chat.v1.<pp>.room.<room>.meta",
            Self::Membership => "chat.v1.<pp>.room.<room>.member.<user>",
            Self::Message => "chat.v1.<pp>.room.<room>.msg",
            Self::Report => "chat.v1.<pp>.room.<room>.report",
            Self::Phone => "idn.v1.phone.<hmac>",
            Self::Account => "idn.v1.user.<user>",
            Self::Credential => "idn.v1.cred.<user>",
            Self::Session => "idn.v1.session.<session>",
            Self::Presence => "prs.v1.user.<user>",
            Self::Marker => "mrk.v1.<user>.<room>",
        }
    }

    /// What a reader of `stream` filters by to hear all of the family, or only that of one room.
    /// None: it has nothing there, or nothing of a room.
    pub fn filter(self, stream: StreamName, room: Option<RoomId>) -> Option<String> {
        if self.stream().is_some_and(|own| own != stream) {
            return None;
        }
        match (self, room) {
            (Self::Room, Some(room)) => Some(Subject::Room(room).to_string()),
            (Self::Message, Some(room)) => Some(Subject::RoomMessages(room).to_string()),
            (Self::Report, Some(room)) => Some(Subject::RoomReports(room).to_string()),
            (Self::Membership, Some(room)) => {
                let meta = Subject::Room(room).to_string();
                Some(format!("{}.member.*", meta.strip_suffix(".meta").unwrap_or(&meta)))
            }
            (_, Some(_)) => None,
            (_, None) => Some(self.wildcard(stream)),
        }
    }

    fn wildcard(self, stream: StreamName) -> String {
        let tokens = self.subjects().split('.').map(|token| match token {
            "<stream>" => stream.prefix(),
            token if token.starts_with('<') => "*",
            token => token,
        });
        tokens.collect::<Vec<_>>().join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_subject_with_stars() {
        let room: RoomId = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01".parse().expect("an id");
        let of = |family: Family, room| family.filter(StreamName::Chat, room);
        assert_eq!(of(Family::Message, None).as_deref(), Some("chat.v1.*.room.*.msg"));
        assert_eq!(of(Family::Membership, Some(room)), Some(format!("chat.v1.16.room.{room}.member.*")));
        assert_eq!(of(Family::Epoch, None).as_deref(), Some("chat.v1.sys.epoch"));
        assert_eq!(of(Family::User, Some(room)), None);
        assert_eq!(of(Family::Session, None), None);
    }
}
