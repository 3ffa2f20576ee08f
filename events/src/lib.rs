//! The vocabulary: ids, subjects, envelope, facts and the states they leave. No I/O.

pub mod catalogue;
pub mod envelope;
mod event;
mod family;
pub mod identity;
mod ids;
pub mod lounge;
pub mod marker;
pub mod membership;
pub mod message;
pub mod position;
pub mod presence;
pub mod room;
pub mod schema;
pub mod subject;
pub mod system;
mod upcast;
pub mod user;

pub use catalogue::Family;
pub use envelope::{Actor, Condition, Envelope};
pub use event::{Change, Event, NewEvent};
pub use family::{DecodeError, EventType, Evolve, Kept};
pub use ids::{EventId, LoungeId, MessageId, PhoneTag, RoomId, SessionId, UserId};
pub use lounge::{Lounge, LoungeEvent};
pub use marker::{Marker, MarkerEvent};
pub use membership::{Membership, MembershipEvent, Role};
pub use message::MessageEvent;
pub use position::{Epoch, Position};
pub use presence::{Presence, PresenceEvent, PresenceState};
pub use room::{Room, RoomEvent, Visibility};
pub use subject::{StreamName, Subject};
pub use upcast::{Upcast, upcast};
pub use user::{User, UserEvent, UserKind};

/// A moment, in UTC. Events and answers write it in RFC 3339 with milliseconds.
pub type Time = chrono::DateTime<chrono::Utc>;
