//! Any fact of the log: which family lives on which subject, its body there and back.

use crate::{
    DecodeError, Envelope, EventType, Lounge, LoungeEvent, Marker, MarkerEvent, Membership, MembershipEvent,
    MessageEvent, Presence, PresenceEvent, Room, RoomEvent, Subject, User, UserEvent,
    identity::{Account, AccountEvent, Credential, CredentialEvent, Phone, PhoneEvent, Session, SessionEvent},
    message::ReportEvent,
    system::{DropEvent, EpochEvent, Relay, RelayEvent},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A fact on a small subject, with the state that it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Change<E, S> {
    #[serde(flatten)]
    pub event: E,
    pub after: S,
}

/// Any fact of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    Epoch(EpochEvent),
    Drop(DropEvent),
    Relay(Change<RelayEvent, Relay>),
    Phone(Change<PhoneEvent, Phone>),
    Account(Change<AccountEvent, Account>),
    Credential(Change<CredentialEvent, Credential>),
    Session(Change<SessionEvent, Session>),
    User(Change<UserEvent, User>),
    Lounge(Change<LoungeEvent, Lounge>),
    Room(Change<RoomEvent, Room>),
    Membership(Change<MembershipEvent, Membership>),
    Message(MessageEvent),
    Report(ReportEvent),
    Presence(Change<PresenceEvent, Presence>),
    Marker(Change<MarkerEvent, Marker>),
}

/// A fact that is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub subject: Subject,
    pub envelope: Envelope,
    pub event: Event,
}

impl Event {
    /// Name and version.
    pub fn event_type(&self) -> EventType {
        match self {
            Self::Epoch(event) => event.event_type(),
            Self::Drop(event) => event.event_type(),
            Self::Relay(change) => change.event.event_type(),
            Self::Phone(change) => change.event.event_type(),
            Self::Account(change) => change.event.event_type(),
            Self::Credential(change) => change.event.event_type(),
            Self::Session(change) => change.event.event_type(),
            Self::User(change) => change.event.event_type(),
            Self::Lounge(change) => change.event.event_type(),
            Self::Room(change) => change.event.event_type(),
            Self::Membership(change) => change.event.event_type(),
            Self::Message(event) => event.event_type(),
            Self::Report(event) => event.event_type(),
            Self::Presence(change) => change.event.event_type(),
            Self::Marker(change) => change.event.event_type(),
        }
    }

    /// How long the log keeps it, in hours, where it forgets: an ended session is gone after a day.
    pub fn ttl_hours(&self) -> Option<u32> {
        matches!(self, Self::Session(Change { event: SessionEvent::Revoked(_), .. })).then_some(24)
    }

    /// The JSON body.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("our events have string keys and no failing serializer")
    }

    /// Reads a body back. The subject says which family it is, the type which fact of it.
    pub fn decode(subject: &Subject, event_type: &str, body: &[u8]) -> Result<Self, DecodeError> {
        fn change<E, S: DeserializeOwned>(
            event: Result<E, DecodeError>,
            event_type: &str,
            body: &[u8],
        ) -> Result<Change<E, S>, DecodeError> {
            #[derive(Deserialize)]
            struct After<S> {
                after: S,
            }
            let event = event?;
            let After { after } =
                serde_json::from_slice(body).map_err(|why| DecodeError::malformed(event_type, why))?;
            Ok(Change { event, after })
        }
        let (t, b) = (event_type, body);
        Ok(match subject {
            Subject::Epoch(_) => Self::Epoch(EpochEvent::decode(t, b)?),
            Subject::Drop => Self::Drop(DropEvent::decode(t, b)?),
            Subject::Relay => Self::Relay(change(RelayEvent::decode(t, b), t, b)?),
            Subject::Phone(_) => Self::Phone(change(PhoneEvent::decode(t, b), t, b)?),
            Subject::Account(_) => Self::Account(change(AccountEvent::decode(t, b), t, b)?),
            Subject::Credential(_) => Self::Credential(change(CredentialEvent::decode(t, b), t, b)?),
            Subject::Session(_) => Self::Session(change(SessionEvent::decode(t, b), t, b)?),
            Subject::User(_) => Self::User(change(UserEvent::decode(t, b), t, b)?),
            Subject::Lounge(_) => Self::Lounge(change(LoungeEvent::decode(t, b), t, b)?),
            Subject::Room(_) => Self::Room(change(RoomEvent::decode(t, b), t, b)?),
            Subject::Member(..) => Self::Membership(change(MembershipEvent::decode(t, b), t, b)?),
            Subject::RoomMessages(_) => Self::Message(MessageEvent::decode(t, b)?),
            Subject::RoomReports(_) => Self::Report(ReportEvent::decode(t, b)?),
            Subject::Presence(_) => Self::Presence(change(PresenceEvent::decode(t, b), t, b)?),
            Subject::Marker(..) => Self::Marker(change(MarkerEvent::decode(t, b), t, b)?),
        })
    }
}

/// Binds a family on a small subject to its state: `Change::of(state before, event)`.
impl<E, S: crate::Evolve<Event = E>> Change<E, S> {
    /// The change with the state it leaves.
    ///
    /// # Panics
    /// When the fact leaves no state: a decider never makes, say, a change of a lounge that was not created.
    pub fn of(before: Option<S>, event: E) -> Self {
        let after = S::after(before, &event).expect("a decided fact leaves a state");
        Self { event, after }
    }
}

macro_rules! into_event {
    ($($variant:ident($type:ty)),* $(,)?) => {$(
        impl From<$type> for Event {
            fn from(inner: $type) -> Self { Self::$variant(inner) }
        }
    )*};
}
into_event! {
    Epoch(EpochEvent), Drop(DropEvent), Message(MessageEvent), Report(ReportEvent),
    Relay(Change<RelayEvent, Relay>), Phone(Change<PhoneEvent, Phone>), Account(Change<AccountEvent, Account>),
    Credential(Change<CredentialEvent, Credential>), Session(Change<SessionEvent, Session>),
    User(Change<UserEvent, User>), Lounge(Change<LoungeEvent, Lounge>), Room(Change<RoomEvent, Room>),
    Membership(Change<MembershipEvent, Membership>), Presence(Change<PresenceEvent, Presence>),
    Marker(Change<MarkerEvent, Marker>),
}
