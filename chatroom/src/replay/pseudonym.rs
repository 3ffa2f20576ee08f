//! What is left of people? Stable pseudonyms of their ids and names under a key that the exporter holds; by default no texts.
//!
//! Who holds the key, or this system, can still tell who is who: ids of messages and rooms, times and habits stay.

use anyhow::{Context, Result, bail, ensure};
use events::{Subject, UserId};
use hmac::{Hmac, KeyInit, Mac};
use platform::config::Secret;
use serde_json::{Map, Value};
use sha2::Sha256;
use std::path::Path;
use uuid::{Builder, Uuid};

use super::{
    attribute::Attribute,
    exported::{Data, Exported},
    plan::Pseudonyms,
};

/// The environment's name of the key; with `_FILE`, of the file that holds it.
const VARIABLE: &str = "PSEUDONYM_KEY";
/// Shorter keys could be tried out.
const KEY_BYTES_MIN: usize = 16;

/// What becomes of a field of a body, by its name. A name that is not here is left out, so that what a newer release adds
/// tells nobody's id before somebody has looked at it.
const FIELDS: [(&str, Treatment); 47] = [
    ("user", Treatment::Person),
    ("author", Treatment::Person),
    ("owner", Treatment::Person),
    ("owners", Treatment::Person),
    ("mentions", Treatment::Person),
    ("added", Treatment::Person),
    ("removed", Treatment::Person),
    ("session", Treatment::Person),
    ("display_name", Treatment::Name),
    ("text", Treatment::Text),
    ("reason", Treatment::Text),
    ("topic", Treatment::Text),
    ("description", Treatment::Text),
    ("after", Treatment::Inside),
    ("muted", Treatment::Inside),
    ("banned", Treatment::Inside),
    // The names of places stay: they say where, not who.
    ("name", Treatment::Keep),
    ("room", Treatment::Keep),
    ("lounge", Treatment::Keep),
    ("message", Treatment::Keep),
    ("reply_to", Treatment::Keep),
    ("language", Treatment::Keep),
    ("visibility", Treatment::Keep),
    ("guests", Treatment::Keep),
    ("active", Treatment::Keep),
    ("kind", Treatment::Keep),
    ("standing", Treatment::Keep),
    ("credential", Treatment::Keep),
    ("number", Treatment::Keep),
    ("role", Treatment::Keep),
    ("status", Treatment::Keep),
    ("why", Treatment::Keep),
    ("emoji", Treatment::Keep),
    ("at", Treatment::Keep),
    ("until", Treatment::Keep),
    ("created_at", Treatment::Keep),
    ("joined_at", Treatment::Keep),
    ("epoch", Treatment::Keep),
    ("seq", Treatment::Keep),
    ("source_seq", Treatment::Keep),
    ("holder", Treatment::Person),
    ("state", Treatment::Keep),
    ("since", Treatment::Keep),
    ("rotation", Treatment::Keep),
    ("expires_at", Treatment::Keep),
    ("idle_until", Treatment::Keep),
    ("last_used_at", Treatment::Keep),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// An id, or several.
    Person,
    Name,
    /// What somebody wrote; it may name anybody.
    Text,
    /// An object with fields of its own.
    Inside,
    Keep,
}

/// Attributes that lead back to requests, clients and people's own keys.
const LEFT_OUT: [Attribute; 6] = [
    Attribute::CorrelationId,
    Attribute::CausationId,
    Attribute::Key,
    Attribute::BodyHash,
    Attribute::After,
    Attribute::TraceParent,
];

/// Makes pseudonyms.
pub(super) struct Pseudonymiser {
    mac: Hmac<Sha256>,
    keeps_texts: bool,
}

impl Pseudonymiser {
    /// With the key of this file, or of the environment.
    pub(super) fn new(file: Option<&Path>, keeps_texts: bool) -> Result<Self> {
        let value = std::env::var(VARIABLE).ok().map(|key| Secret::from(key.as_str()));
        let of_environment = std::env::var_os(format!("{VARIABLE}_FILE"));
        let file = file.or_else(|| of_environment.as_deref().map(Path::new));
        let key = Secret::of(VARIABLE, value.as_ref(), file)?.with_context(|| {
            format!("pseudonyms need a key: {VARIABLE} in the environment, or --pseudonym-key-file")
        })?;
        ensure!(key.expose().len() >= KEY_BYTES_MIN, "the key of pseudonyms has fewer than {KEY_BYTES_MIN} bytes");
        let mac = Hmac::new_from_slice(key.expose().as_bytes()).context("a key of any length")?;
        Ok(Self { mac, keeps_texts })
    }

    /// What the manifest says of it.
    pub(super) fn plan(&self) -> Pseudonyms {
        Pseudonyms { key: hex(&self.digest("key", b"")[..8]), texts: self.keeps_texts }
    }

    /// That it is the one with which something was begun.
    pub(super) fn is_of(&self, plan: &Pseudonyms) -> Result<()> {
        if self.plan() == *plan { Ok(()) } else { bail!("it was begun with another key of pseudonyms") }
    }

    /// Changes an event so that it names nobody.
    pub(super) fn disguise(&self, event: &mut Exported) {
        LEFT_OUT.iter().for_each(|attribute| event.set(*attribute, None));
        event.others.clear();
        let actor = event.get(Attribute::ActorId).and_then(|id| id.parse().ok());
        event.set(Attribute::ActorId, actor.map(|actor| self.user(actor).to_string()));
        let subject = event.subject.map(|subject| self.subject(subject));
        event.subject = subject;
        event.set(Attribute::Subject, subject.map(|subject| subject.to_string()));
        event.data = match std::mem::replace(&mut event.data, Data::Absent) {
            Data::Json(json) if !event.is_malformed => self.body(&json),
            // What cannot be understood cannot be disguised either.
            Data::Json(_) | Data::Bytes(_) | Data::Absent => Data::Absent,
        };
    }

    fn body(&self, json: &[u8]) -> Data {
        let Ok(Value::Object(fields)) = serde_json::from_slice(json) else { return Data::Absent };
        Data::Json(Value::Object(self.fields(fields)).to_string().into_bytes())
    }

    fn fields(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let treated = fields.into_iter().filter_map(|(name, value)| {
            let (_, treatment) = FIELDS.iter().find(|(known, _)| *known == name)?;
            let value = self.treat(*treatment, value)?;
            Some((name, value))
        });
        treated.collect()
    }

    fn treat(&self, treatment: Treatment, value: Value) -> Option<Value> {
        match (treatment, value) {
            (_, Value::Null) => Some(Value::Null),
            (Treatment::Keep, Value::Object(_)) => None,
            (Treatment::Keep, value) => Some(value),
            (Treatment::Inside, Value::Object(fields)) => Some(Value::Object(self.fields(fields))),
            (Treatment::Person, Value::Array(several)) => {
                Some(several.into_iter().filter_map(|one| self.treat(Treatment::Person, one)).collect())
            }
            (Treatment::Person, Value::String(id)) => Some(self.id(id.parse().ok()?).to_string().into()),
            (Treatment::Name, Value::String(name)) if name.is_empty() => Some(name.into()),
            (Treatment::Name, Value::String(name)) => {
                Some(format!("name-{}", hex(&self.digest("name", name.as_bytes())[..6])).into())
            }
            (Treatment::Text, Value::String(text)) => {
                Some(if self.keeps_texts { text.into() } else { String::new().into() })
            }
            (Treatment::Inside | Treatment::Person | Treatment::Name | Treatment::Text, _) => None,
        }
    }

    fn subject(&self, subject: Subject) -> Subject {
        match subject {
            Subject::User(user) => Subject::User(self.user(user)),
            Subject::Member(room, user) => Subject::Member(room, self.user(user)),
            Subject::Account(user) => Subject::Account(self.user(user)),
            Subject::Credential(user) => Subject::Credential(self.user(user)),
            Subject::Presence(user) => Subject::Presence(self.user(user)),
            Subject::Marker(user, room) => Subject::Marker(self.user(user), room),
            Subject::Epoch(_) | Subject::Relay | Subject::Drop | Subject::Phone(_) | Subject::Session(_) => subject,
            Subject::Lounge(_) | Subject::Room(_) | Subject::RoomMessages(_) | Subject::RoomReports(_) => subject,
        }
    }

    fn user(&self, user: UserId) -> UserId {
        UserId(self.id(user.0))
    }

    fn id(&self, id: Uuid) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest("id", id.as_bytes())[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// One key serves several purposes, and none is another's.
    fn digest(&self, purpose: &str, of: &[u8]) -> Vec<u8> {
        let mut mac = self.mac.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(of);
        mac.finalize().into_bytes().to_vec()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_log::Record;
    use events::StreamName;
    use std::{collections::BTreeSet, fs, path::PathBuf};

    fn pseudonymiser(key: &str, keeps_texts: bool) -> Pseudonymiser {
        Pseudonymiser { mac: Hmac::new_from_slice(key.as_bytes()).expect("any length"), keeps_texts }
    }

    /// Every frozen event of `CHAT`, as it would be read.
    fn fixtures() -> Vec<Record> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/fixtures"))];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("an entry").path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let fixture: Value = serde_json::from_slice(&fs::read(&path).expect("a fixture")).expect("JSON");
                let text = |name: &str| fixture[name].as_str().expect("text").to_owned();
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("ce-type", text("type").as_str());
                headers.insert("ce-actorid", "00000000-0000-0000-0000-000000000ada");
                headers.insert("ce-key", "my own key");
                let record = Record {
                    stream: StreamName::Chat,
                    seq: 1,
                    subject: text("subject"),
                    headers,
                    body: fixture["body"].to_string().into(),
                };
                if record.subject.starts_with("chat.") {
                    found.push(record);
                }
            }
        }
        assert!(found.len() > 30);
        found
    }

    fn written(record: &Record, by: &Pseudonymiser) -> String {
        let mut event = Exported::of(record, None, super::super::exported::Reading::Upcast).expect("readable");
        by.disguise(&mut event);
        let mut line = Vec::new();
        super::super::ndjson::write(&mut line, &event).expect("a line");
        String::from_utf8(line).expect("UTF-8")
    }

    // Red when a `Person`, `Name` or `Text` of FIELDS becomes `Keep`.
    #[test]
    fn of_no_event_is_anybody_left() {
        let by = pseudonymiser("a key of sixteen bytes", false);
        for record in fixtures() {
            let line = written(&record, &by);
            for told in
                ["0ada\"", "0b0b\"", "00ada.", "00b0b.", "\"Ada", "Bob", "rude", "Guten", "Wetter", "my own key"]
            {
                assert!(!line.contains(told), "{told} in {line}");
            }
        }
    }

    // Red when a field is added and nobody says what becomes of it.
    #[test]
    fn of_every_field_it_is_said_what_becomes_of_it() {
        fn names(value: &Value, into: &mut BTreeSet<String>) {
            for (name, inner) in value.as_object().into_iter().flatten() {
                into.insert(name.clone());
                names(inner, into);
            }
        }
        let mut found = BTreeSet::new();
        for record in fixtures() {
            names(&serde_json::from_slice(&record.body).expect("JSON"), &mut found);
        }
        let unsaid: Vec<_> = found.iter().filter(|name| !FIELDS.iter().any(|(known, _)| known == name)).collect();
        assert!(unsaid.is_empty(), "say in FIELDS what --pseudonymise does with {unsaid:?}");
    }

    #[test]
    fn a_pseudonym_is_the_same_each_time_and_another_under_another_key() {
        let (one, other) = (pseudonymiser("a key of sixteen bytes", true), pseudonymiser("another key of bytes", true));
        let ada = Uuid::from_u128(0xada);
        assert_eq!(one.id(ada), one.id(ada));
        assert_ne!(one.id(ada), other.id(ada));
        assert_ne!(one.id(ada), one.id(Uuid::from_u128(0xb0b)));
        assert!(one.is_of(&other.plan()).is_err());
        let posted = fixtures().into_iter().find(|record| record.subject.ends_with(".msg")).expect("a message");
        assert!(!written(&posted, &one).is_empty());
    }
}
