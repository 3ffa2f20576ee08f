//! Who and what: typed ids, so that a room never stands where a person is meant.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, fmt, str::FromStr};
use uuid::Uuid;

/// A text that is no id: neither UUID in its canonical form (36 lower-case characters) nor a phone tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id in its canonical form")]
pub struct NotAnId;

macro_rules! uuid_id {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        // Only the canonical form: one id has one text, so texts can be compared, and a
        // subject built from it holds no character that NATS would read as a wildcard.
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
                let mut buffer = Uuid::encode_buffer();
                if id.as_hyphenated().encode_lower(&mut buffer) == text { Ok(Self(id)) } else { Err(NotAnId) }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let description = concat!($($doc, " "),*).trim();
                json_schema!({ "type": "string", "format": "uuid", "description": description })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

uuid_id! {
    /// A person: registered or guest. An upgrade keeps it.
    UserId,
    /// A sign-in: what refresh tokens belong to.
    SessionId,
    /// A lounge, which holds rooms.
    LoungeId,
    /// A room, which holds members and messages.
    RoomId,
    /// A message: the id of its first event.
    MessageId,
    /// An event: UUIDv7, or UUIDv8 derived from an idempotency key.
    EventId,
}

macro_rules! from_event_id {
    ($($name:ident),*) => {$(
        /// What a command creates has its first event's id as its own.
        impl From<EventId> for $name {
            fn from(id: EventId) -> Self { Self(id.0) }
        }
    )*};
}
from_event_id!(UserId, SessionId, LoungeId, RoomId, MessageId);

/// `HMAC-SHA-256(server key, E.164)`: what the log knows of a phone number. 64 hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneTag(pub [u8; 32]);

impl fmt::Display for PhoneTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PhoneTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneTag({self})")
    }
}

impl FromStr for PhoneTag {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(NotAnId),
        };
        let bytes = text.as_bytes();
        let mut tag = [0; 32];
        if bytes.len() != 64 {
            return Err(NotAnId);
        }
        for (byte, pair) in tag.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(tag))
    }
}

impl JsonSchema for PhoneTag {
    fn schema_name() -> Cow<'static, str> {
        "PhoneTag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "HMAC of a phone number." })
    }
}

impl Serialize for PhoneTag {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PhoneTag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl EventId {
    /// A new id at `now`: UUIDv7, so that indexes stay local.
    pub fn at(now: crate::Time, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text() {
        let text = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";
        assert_eq!(text.parse::<RoomId>().expect("canonical").to_string(), text);
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("{text} ")] {
            assert_eq!(other.parse::<RoomId>(), Err(NotAnId), "{other}");
        }
    }

    #[test]
    fn an_id_holds_no_wildcard() {
        for bad in ["*", ">", "a.b", "", "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e0*"] {
            assert!(bad.parse::<UserId>().is_err());
            assert!(bad.parse::<PhoneTag>().is_err());
        }
    }

    #[test]
    fn a_phone_tag_survives_its_text() {
        let tag = PhoneTag(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(tag.to_string().parse(), Ok(tag));
    }
}
