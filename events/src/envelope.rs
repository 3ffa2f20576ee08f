//! What stands around a fact: CloudEvents 1.0 attributes, carried as `ce-*` headers.

use crate::{EventId, EventType, LoungeId, Subject, Time, UserId, UserKind, family::DecodeError};
use chrono::SecondsFormat;
use std::{fmt, str::FromStr};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    User(UserId),
    Guest(UserId),
    /// By the command line or the admin port.
    Operator,
    /// Relay and sweeps.
    System,
}

impl Actor {
    pub fn person(user: UserId, kind: UserKind) -> Self {
        match kind {
            UserKind::Registered => Self::User(user),
            UserKind::Guest => Self::Guest(user),
        }
    }

    /// The person, where it was one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) | Self::Guest(user) => Some(*user),
            Self::Operator | Self::System => None,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Guest(_) => "guest",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}

/// An append's condition: the last sequence on one literal subject, 0 when it is empty. As text `<seq>@<subject>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    pub subject: Subject,
    pub seq: u64,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.seq, self.subject)
    }
}

impl FromStr for Condition {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let malformed = || DecodeError::malformed("ce-after", text);
        let (seq, subject) = text.split_once('@').ok_or_else(malformed)?;
        Ok(Self { seq: seq.parse().map_err(|_| malformed())?, subject: subject.parse().map_err(|_| malformed())? })
    }
}

/// The attributes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub id: EventId,
    /// The decision's clock. Order is the sequence, never this.
    pub time: Time,
    pub actor: Actor,
    /// The request that it began with.
    pub correlation: String,
    /// The event that it follows from, where one does.
    pub causation: Option<EventId>,
    /// The client's idempotency key.
    pub key: Option<String>,
    /// Of the command, to answer its repeat: 16 hex digits.
    pub body_hash: Option<String>,
    pub lounge: Option<LoungeId>,
    /// The append condition. Of a batch's events on one subject only the first carries it.
    pub after: Option<Condition>,
    pub traceparent: Option<String>,
}

/// `ce-source` of everything that this system writes.
pub const SOURCE: &str = "urn:chatroom";

/// The header with the event's id.
pub const ID_HEADER: &str = "ce-id";
/// The header with the moment of the decision.
pub const TIME_HEADER: &str = "ce-time";
/// The header with the event's type.
pub const TYPE_HEADER: &str = "ce-type";

impl Envelope {
    /// An envelope with what every event has.
    pub fn new(id: EventId, time: Time, actor: Actor, correlation: impl Into<String>) -> Self {
        Self {
            id,
            time,
            actor,
            correlation: correlation.into(),
            causation: None,
            key: None,
            body_hash: None,
            lounge: None,
            after: None,
            traceparent: None,
        }
    }

    /// The headers of an event of this type on this subject.
    pub fn headers(&self, event_type: EventType, subject: &Subject) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("ce-specversion", "1.0".to_owned()),
            (ID_HEADER, self.id.to_string()),
            (TYPE_HEADER, event_type.to_string()),
            ("ce-source", SOURCE.to_owned()),
            ("ce-subject", subject.to_string()),
            (TIME_HEADER, self.time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            ("ce-datacontenttype", "application/json".to_owned()),
            ("ce-dataschema", event_type.schema()),
            ("ce-actortype", self.actor.type_name().to_owned()),
            ("ce-correlationid", self.correlation.clone()),
        ];
        headers.extend(self.actor.user().map(|user| ("ce-actorid", user.to_string())));
        headers.extend(self.causation.map(|id| ("ce-causationid", id.to_string())));
        headers.extend(self.key.clone().map(|key| ("ce-key", key)));
        headers.extend(self.body_hash.clone().map(|hash| ("ce-bodyhash", hash)));
        headers.extend(self.lounge.map(|lounge| ("ce-loungeid", lounge.to_string())));
        headers.extend(subject.counted_room().map(|room| ("ce-partitionkey", room.to_string())));
        headers.extend(self.after.map(|after| ("ce-after", after.to_string())));
        headers.extend(self.traceparent.clone().map(|parent| ("traceparent", parent)));
        headers
    }

    /// Reads the attributes back; `header` looks one up by its name.
    pub fn from_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, DecodeError> {
        let required = |name| header(name).ok_or_else(|| DecodeError::malformed(name, "missing"));
        fn read<T: FromStr<Err: fmt::Display>>(name: &str, text: &str) -> Result<T, DecodeError> {
            text.parse().map_err(|why| DecodeError::malformed(name, why))
        }
        let actor_id = || read("ce-actorid", required("ce-actorid")?);
        Ok(Self {
            id: read(ID_HEADER, required(ID_HEADER)?)?,
            time: read(TIME_HEADER, required(TIME_HEADER)?)?,
            actor: match required("ce-actortype")? {
                "user" => Actor::User(actor_id()?),
                "guest" => Actor::Guest(actor_id()?),
                "operator" => Actor::Operator,
                "system" => Actor::System,
                other => return Err(DecodeError::malformed("ce-actortype", other)),
            },
            correlation: header("ce-correlationid").unwrap_or_default().to_owned(),
            causation: header("ce-causationid").map(|id| read("ce-causationid", id)).transpose()?,
            key: header("ce-key").map(str::to_owned),
            body_hash: header("ce-bodyhash").map(str::to_owned),
            lounge: header("ce-loungeid").map(|id| read("ce-loungeid", id)).transpose()?,
            after: header("ce-after").map(str::parse).transpose()?,
            traceparent: header("traceparent").map(str::to_owned),
        })
    }
}
