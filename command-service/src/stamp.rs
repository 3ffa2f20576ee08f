//! What do all events of one command share? Who sent it, when, with which key, and the ids that follow from that.

use crate::app::App;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use chrono::{SubsecRound, TimeDelta, Utc};
use events::{Actor, Envelope, EventId, Time, UserId, UserKind};
use platform::idempotency::{IdempotencyKey, Key};
use platform::shell::RequestId;
use platform::{Caller, Problem};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Events of one command at most: a registration has four.
pub(crate) const EVENTS_MAX: usize = 4;
/// A UUIDv7 key up to this age needs no look-up: the log's duplicate window is twice as long.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// The time of a decision: to the millisecond, as events carry it.
pub(crate) fn now() -> Time {
    Utc::now().trunc_subsecs(3)
}

/// One command's stamp. As an extractor it is the caller's; see [`Anonymous`] for commands without one.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) now: Time,
    pub(crate) actor: Actor,
    correlation: String,
    ids: Ids,
    body_hash: Option<String>,
}

/// The stamp of a command that needs no sign-in and takes no key.
pub(crate) struct Anonymous(pub(crate) Stamp);

#[derive(Debug, Clone)]
enum Ids {
    Random([u8; 10]),
    Keyed { key: Key, scope: Sha256 },
}

impl FromRequestParts<App> for Stamp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, app).await?;
        let mut stamp = Self::new(Actor::person(caller.user, caller.kind), correlation(parts));
        if let Some(key) = key {
            let path = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri).path();
            stamp.ids = Ids::keyed(caller.user, parts.method.as_str(), path, key);
        }
        Ok(stamp)
    }
}

impl FromRequestParts<App> for Anonymous {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(Self(Stamp::new(Actor::System, correlation(parts))))
    }
}

fn correlation(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().cloned().unwrap_or_default().as_str().to_owned()
}

impl Stamp {
    pub(crate) fn new(actor: Actor, correlation: impl Into<String>) -> Self {
        let ids = Ids::Random(rand::random());
        Self { now: now(), actor, correlation: correlation.into(), ids, body_hash: None }
    }

    /// The stamp of somebody who has just turned out to be this person.
    pub(crate) fn of(self, user: UserId, kind: UserKind) -> Self {
        Self { actor: Actor::person(user, kind), ..self }
    }

    /// For one of several commands that one request is carried out as: it has ids of its own, and no key, because what
    /// it stands on is found anew at each repeat.
    pub(crate) fn apart(&self) -> Self {
        Self { ids: Ids::Random(rand::random()), body_hash: None, ..self.clone() }
    }

    /// With the hash of the command's body, by which its repeat is told from another command with the same key.
    /// Never of a body with a password in it: the hash would let whoever reads the log try passwords.
    pub(crate) fn with_body(self, body: &impl Serialize) -> Self {
        let json = serde_json::to_vec(body).expect("a request is strings, numbers and lists");
        let hash = Sha256::digest(&json);
        let body_hash = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { body_hash: Some(body_hash), ..self }
    }

    /// The id of the command's n-th event.
    pub(crate) fn event_id(&self, n: usize) -> EventId {
        match &self.ids {
            Ids::Random(random) => {
                let mut random = *random;
                random[9] ^= u8::try_from(n).expect("a command has a handful of events");
                EventId::at(self.now, random)
            }
            Ids::Keyed { key, scope } => keyed_id(key, scope.clone(), n),
        }
    }

    /// Which of the command's events has this id.
    pub(crate) fn place_of(&self, id: EventId) -> Option<usize> {
        (0..EVENTS_MAX).find(|n| self.event_id(*n) == id)
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.ids {
            Ids::Random(_) => None,
            Ids::Keyed { key, .. } => Some(key),
        }
    }

    pub(crate) fn body_hash(&self) -> Option<&str> {
        self.body_hash.as_deref()
    }

    /// Whether nobody can have used the key before the log's duplicate window: there is none, or it is a UUIDv7
    /// under a minute old and not from the future.
    pub(crate) fn is_fresh(&self) -> bool {
        let Some(key) = self.key() else { return true };
        millis(key).is_some_and(|millis| {
            let age = self.now.timestamp_millis() - i64::try_from(millis).unwrap_or(i64::MAX);
            (0..FRESH.num_milliseconds()).contains(&age)
        })
    }

    /// The envelope of the command's n-th event, without what only that event has.
    pub(crate) fn envelope(&self, n: usize) -> Envelope {
        Envelope {
            key: self.key().map(|key| key.as_str().to_owned()),
            body_hash: self.body_hash.clone(),
            ..Envelope::new(self.event_id(n), self.now, self.actor, self.correlation.clone())
        }
    }
}

impl Ids {
    fn keyed(actor: UserId, method: &str, path: &str, key: Key) -> Self {
        let mut scope = Sha256::new();
        for part in [actor.to_string().as_str(), method, path, key.as_str()] {
            prefixed(&mut scope, part);
        }
        Self::Keyed { key, scope }
    }
}

/// Length before content: no two lists of parts hash alike.
fn prefixed(hash: &mut Sha256, part: &str) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part.as_bytes());
}

/// A UUIDv8 that the same actor, method, path, key and number always give. Is the key a UUIDv7, its time comes
/// first, so that indexes stay local.
fn keyed_id(key: &Key, mut scope: Sha256, n: usize) -> EventId {
    prefixed(&mut scope, &n.to_string());
    let hash = scope.finalize();
    let mut bytes: [u8; 16] = hash[..16].try_into().expect("sixteen of thirty-two bytes");
    if let Some(millis) = millis(key) {
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    }
    EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The time of a key that is a UUIDv7, in milliseconds since 1970.
fn millis(key: &Key) -> Option<u64> {
    let id = Uuid::try_parse(key.as_str()).ok().filter(|id| id.get_version_num() == 7)?;
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id.as_bytes()[..6]);
    Some(u64::from_be_bytes(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v1/rooms/1/messages";

    fn keyed(user: u128, path: &str, key: &str) -> Stamp {
        let user = UserId(Uuid::from_u128(user));
        let mut stamp = Stamp::new(Actor::User(user), "r-1");
        stamp.ids = Ids::keyed(user, "POST", path, Key::parse(key).expect("a key"));
        stamp
    }

    #[test]
    fn the_same_command_has_the_same_ids_and_every_other_has_others() {
        let key = "0123456789abcdef";
        let id = keyed(1, PATH, key).event_id(0);
        assert_eq!(keyed(1, PATH, key).event_id(0), id);
        assert_eq!(id.0.get_version_num(), 8);
        let others = [keyed(2, PATH, key), keyed(1, "/v1/rooms/2/messages", key), keyed(1, PATH, "0123456789abcdeg")];
        for other in others {
            assert_ne!(other.event_id(0), id);
        }
        assert_eq!(keyed(1, PATH, key).place_of(keyed(1, PATH, key).event_id(1)), Some(1));
        assert_eq!(keyed(1, PATH, key).place_of(keyed(2, PATH, key).event_id(1)), None);
    }

    #[test]
    fn the_id_of_an_event_never_changes() {
        // Frozen: a repeat after an upgrade still has to find its event.
        let id = keyed(1, PATH, "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01").event_id(0).to_string();
        assert_eq!(&id[..14], "0190a6f2-7c3e-");
        assert_eq!(id, "0190a6f2-7c3e-85ef-9d86-10ff66550692");
    }

    #[test]
    fn a_key_is_fresh_for_a_minute_and_not_before_its_time() {
        let at = |offset: TimeDelta| {
            let now = now() + offset;
            let millis = u64::try_from(now.timestamp_millis()).expect("after 1970");
            let id = uuid::Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid();
            keyed(1, PATH, &id.to_string()).is_fresh()
        };
        assert!(at(TimeDelta::seconds(-1)) && at(TimeDelta::seconds(-50)));
        assert!(!at(TimeDelta::seconds(-61)) && !at(TimeDelta::seconds(5)));
        assert!(!keyed(1, PATH, "0123456789abcdef").is_fresh());
        assert!(Stamp::new(Actor::System, "r-1").is_fresh());
    }

    #[test]
    fn a_command_without_a_key_has_ids_of_its_own() {
        let (one, two) = (Stamp::new(Actor::System, "r-1"), Stamp::new(Actor::System, "r-1"));
        assert_ne!(one.event_id(0), two.event_id(0));
        assert_ne!(one.event_id(0), one.event_id(1));
        assert_eq!(one.event_id(0).0.get_version_num(), 7);
    }
}
