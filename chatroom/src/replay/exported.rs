//! What is written of one event? Its attributes, where it stands, and its body in today's words.

use anyhow::{Result, anyhow};
use event_log::Record;
use events::{DecodeError, LoungeId, RoomId, Subject, Time, UserId, upcast};
use serde_json::value::RawValue;

use super::{
    attribute::{Attribute, PREFIX, RESERVED},
    error::Unreadable,
};

/// A body as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    /// The body was not asked for.
    Absent,
    /// One JSON document without an end of line.
    Json(Vec<u8>),
    /// What is no JSON, as stored.
    Bytes(Vec<u8>),
}

/// How much is made of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Attributes alone.
    Headers,
    /// As stored.
    Raw,
    /// In the newest version of its type.
    Upcast,
}

/// An event as it is written.
#[derive(Debug, Clone)]
pub(super) struct Exported {
    pub(super) seq: u64,
    pub(super) room_seq: Option<u64>,
    /// By [`Attribute`], in its order.
    attributes: [Option<String>; Attribute::ALL.len()],
    pub(super) others: Vec<(String, String)>,
    /// Where it stands, if the vocabulary knows the subject.
    pub(super) subject: Option<Subject>,
    pub(super) data: Data,
    /// It is no fact that can be understood, and is written as it is stored.
    pub(super) is_malformed: bool,
}

impl Exported {
    /// Reads a record.
    ///
    /// # Errors
    /// [`Unreadable`] when a newer release wrote it: passing over it would lose a fact.
    pub(super) fn of(record: &Record, room_seq: Option<u64>, reading: Reading) -> Result<Self> {
        let mut exported = Self {
            seq: record.seq,
            room_seq,
            attributes: Attribute::ALL.map(|attribute| record.header(attribute.header()).map(str::to_owned)),
            others: others(record),
            subject: record.subject.parse().ok(),
            data: Data::Absent,
            is_malformed: false,
        };
        // What the server filed it under counts, whatever a header says.
        exported.set(Attribute::Subject, Some(record.subject.clone()));
        match reading {
            Reading::Headers => {}
            Reading::Raw => exported.data = one_line(&record.body),
            Reading::Upcast => exported.upcast(record)?,
        }
        Ok(exported)
    }

    fn upcast(&mut self, record: &Record) -> Result<()> {
        let event_type = self.get(Attribute::Type).unwrap_or_default().to_owned();
        let unreadable = |what: String| anyhow!(Unreadable { seq: record.seq, what });
        let Some(subject) = self.subject else {
            return Err(unreadable(format!("the subject {:?}", record.subject)));
        };
        match upcast(&subject, &event_type, &record.body) {
            Ok(newest) => {
                self.set(Attribute::Type, Some(newest.event_type.to_string()));
                self.set(Attribute::Schema, Some(newest.event_type.schema()));
                self.data = one_line(&newest.body);
            }
            Err(DecodeError::UnknownType(unknown)) => return Err(unreadable(format!("the type {unknown:?}"))),
            Err(DecodeError::Malformed { .. }) => {
                self.is_malformed = true;
                self.data = one_line(&record.body);
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, attribute: Attribute) -> Option<&str> {
        self.attributes[attribute as usize].as_deref()
    }

    pub(super) fn set(&mut self, attribute: Attribute, value: Option<String>) {
        self.attributes[attribute as usize] = value;
    }

    /// The type's name, `message.posted`, and its version; what is not ours is called by all it has, version 0.
    pub(super) fn type_name(&self) -> (&str, u16) {
        let whole = self.get(Attribute::Type).unwrap_or("unknown");
        let ours = whole.strip_prefix("chatroom.").and_then(|rest| {
            let (name, version) = rest.rsplit_once(".v")?;
            Some((name, version.parse().ok()?))
        });
        ours.unwrap_or((whole, 0))
    }

    /// The decision's moment.
    pub(super) fn time(&self) -> Option<Time> {
        self.get(Attribute::Time).and_then(|time| time.parse().ok())
    }

    /// The room that it happened in.
    pub(super) fn room(&self) -> Option<RoomId> {
        match self.subject? {
            Subject::Room(room) | Subject::Member(room, _) => Some(room),
            Subject::RoomMessages(room) | Subject::RoomReports(room) => Some(room),
            Subject::Epoch(_) | Subject::Relay | Subject::Drop | Subject::User(_) | Subject::Lounge(_) => None,
            Subject::Phone(_) | Subject::Account(_) | Subject::Credential(_) | Subject::Session(_) => None,
            Subject::Presence(_) | Subject::Marker(..) => None,
        }
    }

    /// The person that its subject is about.
    pub(super) fn user(&self) -> Option<UserId> {
        user_of(self.subject?)
    }

    /// The lounge that its subject is about.
    pub(super) fn lounge(&self) -> Option<LoungeId> {
        match self.subject? {
            Subject::Lounge(lounge) => Some(lounge),
            _ => None,
        }
    }
}

/// The person that a subject of `CHAT` is about.
pub(super) fn user_of(subject: Subject) -> Option<UserId> {
    match subject {
        Subject::User(user) | Subject::Member(_, user) => Some(user),
        Subject::Epoch(_) | Subject::Relay | Subject::Drop | Subject::Lounge(_) | Subject::Room(_) => None,
        Subject::RoomMessages(_) | Subject::RoomReports(_) => None,
        Subject::Phone(_) | Subject::Account(_) | Subject::Credential(_) | Subject::Session(_) => None,
        Subject::Presence(_) | Subject::Marker(..) => None,
    }
}

/// Whether CloudEvents allows the name, and a line does not say something else under it.
fn is_free(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty() && name.bytes().all(is_allowed) && !RESERVED.contains(&name)
}

fn others(record: &Record) -> Vec<(String, String)> {
    let is_known = |name: &str| Attribute::ALL.iter().any(|known| name == known.header());
    let mut others = Vec::new();
    for (name, values) in record.headers.iter() {
        let name: &str = name.as_ref();
        if let (Some(bare), Some(value)) = (name.strip_prefix(PREFIX), values.first())
            && !is_known(name)
            && is_free(bare)
        {
            others.push((bare.to_owned(), value.as_str().to_owned()));
        }
    }
    // The headers of a record come in no order.
    others.sort();
    others
}

/// JSON as it stands, but for ends of lines between its tokens.
fn one_line(body: &[u8]) -> Data {
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(json) if !json.get().contains(['\n', '\r']) => Data::Json(json.get().as_bytes().to_vec()),
        Ok(json) => {
            // Inside strings they are escaped, so these stand between tokens.
            Data::Json(json.get().bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect())
        }
        Err(_) => Data::Bytes(body.to_vec()),
    }
}
