//! What does each version of a body look like? JSON Schema (draft-07), made from the types themselves.

use crate::{
    EventType, Family, Lounge, LoungeEvent, Marker, MarkerEvent, Membership, MembershipEvent, MessageEvent, Presence,
    PresenceEvent, Room, RoomEvent, User, UserEvent,
    identity::{Account, AccountEvent, Credential, CredentialEvent, Phone, PhoneEvent, Session, SessionEvent},
    message::ReportEvent,
    system::{DropEvent, EpochEvent, Relay, RelayEvent},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// A type and the schema of its body.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeSchema {
    pub event_type: EventType,
    pub schema: Value,
}

impl Family {
    /// The schemas of its types, at the versions that are written today.
    pub fn schemas(self) -> Vec<TypeSchema> {
        match self {
            Self::Epoch => EpochEvent::schemas(),
            Self::Drop => DropEvent::schemas(),
            Self::Relay => RelayEvent::schemas_with::<Relay>(),
            Self::User => UserEvent::schemas_with::<User>(),
            Self::Lounge => LoungeEvent::schemas_with::<Lounge>(),
            Self::Room => RoomEvent::schemas_with::<Room>(),
            Self::Membership => MembershipEvent::schemas_with::<Membership>(),
            Self::Message => MessageEvent::schemas(),
            Self::Report => ReportEvent::schemas(),
            Self::Phone => PhoneEvent::schemas_with::<Phone>(),
            Self::Account => AccountEvent::schemas_with::<Account>(),
            Self::Credential => CredentialEvent::schemas_with::<Credential>(),
            Self::Session => SessionEvent::schemas_with::<Session>(),
            Self::Presence => PresenceEvent::schemas_with::<Presence>(),
            Self::Marker => MarkerEvent::schemas_with::<Marker>(),
        }
    }
}

/// The schema of one body, under the name that `ce-dataschema` carries. What it is for, the fact says, not what goes with it.
pub(crate) fn of<Body: JsonSchema, Fact: JsonSchema>(event_type: EventType) -> TypeSchema {
    let generator = || SchemaSettings::draft07().into_generator();
    let mut schema = generator().into_root_schema_for::<Body>();
    schema.insert("$id".to_owned(), event_type.schema().into());
    schema.insert("title".to_owned(), event_type.to_string().into());
    match generator().into_root_schema_for::<Fact>().get("description") {
        Some(words) => schema.insert("description".to_owned(), words.clone()),
        None => schema.remove("description"),
    };
    TypeSchema { event_type, schema: schema.to_value() }
}
