//! How a family of facts is declared: one enum, a type name and version for each fact, its JSON body.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name and version of a kind of fact, written `chatroom.<name>.v<version>`.
/// The name is also what live frames of it are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventType {
    pub name: &'static str,
    pub version: u16,
}

impl EventType {
    /// The schema's name, as `ce-dataschema` carries it.
    pub fn schema(&self) -> String {
        format!("urn:chatroom:schema:{}:{}", self.name, self.version)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chatroom.{}.v{}", self.name, self.version)
    }
}

/// Why a record is not a fact that this release understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Whoever reads it halts: a newer release wrote it, and passing over it would lose a fact.
    #[error("unknown event type {0:?}")]
    UnknownType(String),
    /// The record is broken: it is parked, and named.
    #[error("{what}: {why}")]
    Malformed { what: String, why: String },
}

impl DecodeError {
    pub(crate) fn malformed(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Malformed { what: what.to_string(), why: why.to_string() }
    }
}

/// How a state follows its facts. Total and final: what is in the log has happened, and nobody judges it again.
pub trait Evolve: Sized {
    type Event;

    /// Takes the state (`None` before its first fact) to the one after `event`.
    /// A fact that does not fit changes nothing.
    fn evolve(state: &mut Option<Self>, event: &Self::Event);

    /// The state that `event` leaves, for `after`.
    fn after(mut state: Option<Self>, event: &Self::Event) -> Option<Self> {
        Self::evolve(&mut state, event);
        state
    }
}

/// State fields that a newer release wrote: kept when this one writes the state again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Kept(serde_json::Map<String, serde_json::Value>);

/// Declares a family: `family! { /// doc  Name { Variant(Body) = "noun.verb" 1, … } }`.
macro_rules! family {
    ($(#[$doc:meta])* $name:ident { $($variant:ident($body:ty) = $type:literal $version:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        #[serde(untagged)]
        pub enum $name { $($variant($body)),* }

        #[expect(dead_code, reason = "a family has a state or none, and one way to describe its bodies is not called")]
        impl $name {
            /// Every type of the family, at the version that is written today.
            pub const TYPES: &'static [$crate::EventType] =
                &[$($crate::EventType { name: $type, version: $version }),*];

            /// Name and version of this fact.
            pub fn event_type(&self) -> $crate::EventType {
                match self { $(Self::$variant(_) => $crate::EventType { name: $type, version: $version }),* }
            }

            /// The JSON Schema of each type's body; `S` is the state that the family leaves.
            pub(crate) fn schemas_with<S: schemars::JsonSchema>() -> Vec<$crate::schema::TypeSchema> {
                vec![$($crate::schema::of::<$crate::Change<$body, S>, $body>(
                    $crate::EventType { name: $type, version: $version },
                )),*]
            }

            /// The same of a family that leaves none.
            pub(crate) fn schemas() -> Vec<$crate::schema::TypeSchema> {
                vec![$($crate::schema::of::<$body, $body>($crate::EventType { name: $type, version: $version })),*]
            }

            pub(crate) fn decode(event_type: &str, body: &[u8]) -> Result<Self, $crate::DecodeError> {
                $(if event_type == concat!("chatroom.", $type, ".v", $version) {
                    return serde_json::from_slice(body)
                        .map(Self::$variant)
                        .map_err(|why| $crate::DecodeError::malformed(event_type, why));
                })*
                Err($crate::DecodeError::UnknownType(event_type.to_owned()))
            }
        }

        $(impl From<$body> for $name {
            fn from(body: $body) -> Self { Self::$variant(body) }
        })*
    };
}
pub(crate) use family;
