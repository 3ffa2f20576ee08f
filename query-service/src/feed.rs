//! What does an entry of a room's feed look like to one viewer? The frame that a socket would carry.

use chrono::SecondsFormat;
use events::{Epoch, Position, Role, RoomId, Time, UserId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{read::feed::Entry, resource::shows_text};

/// A durable frame of a room.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Frame {
    /// The event's name; `noop` for what the viewer may not see or what could not be decoded.
    #[schema(example = "message.posted")]
    pub t: String,
    /// Of `message.posted` the Message; of the others what it is about, by whom, when, and what changed.
    #[schema(value_type = Object)]
    pub d: Value,
    #[schema(value_type = String)]
    pub p: Position,
    #[schema(value_type = uuid::Uuid)]
    pub room: RoomId,
    /// Dense in a room: a gap is a loss.
    pub seq: u64,
}

/// Who looks: what a frame shows depends on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    pub user: UserId,
    pub role: Role,
}

impl Viewer {
    fn moderates(self) -> bool {
        self.role >= Role::Moderator
    }
}

/// The entry as this viewer may see it.
#[must_use]
pub fn frame(entry: &Entry, room: RoomId, epoch: Epoch, viewer: Viewer) -> Frame {
    let (t, d) = match shown(entry, room, viewer) {
        Some(d) => (entry.kind.clone(), d),
        None => ("noop".to_owned(), json!({})),
    };
    Frame { t, d, p: Position { epoch, seq: entry.log_seq }, room, seq: entry.seq }
}

fn shown(entry: &Entry, room: RoomId, viewer: Viewer) -> Option<Value> {
    match entry.kind.as_str() {
        "message.posted" => posted(entry, viewer),
        "message.edited" => {
            let message = entry.now.as_ref()?;
            // An edit whose text is gone since changes nothing that could be shown.
            let text =
                message.text.as_ref().filter(|_| shows_text(message.status, viewer.role, wrote(entry, viewer)))?;
            let mut d = about(entry, "message", entry.message);
            d.insert("text".into(), json!(text));
            Some(d.into())
        }
        "message.deleted" => Some(about(entry, "message", entry.message).into()),
        "message.moderated" => {
            let mut d = about(entry, "message", entry.message);
            add(&mut d, entry, &["status"]);
            if viewer.moderates() {
                add(&mut d, entry, &["reason"]);
            }
            Some(d.into())
        }
        "messages.removed" => {
            let mut d = about(entry, "user", entry.user);
            add(&mut d, entry, &["why"]);
            if viewer.moderates() {
                add(&mut d, entry, &["reason"]);
            }
            Some(d.into())
        }
        "reaction.added" | "reaction.removed" => {
            let mut d = about(entry, "message", entry.message);
            d.insert("user".into(), json!(entry.user));
            add(&mut d, entry, &["emoji"]);
            Some(d.into())
        }
        kind if kind.starts_with("member.") => {
            let mut d = about(entry, "user", entry.user);
            if let Some(who) = &entry.who {
                d.insert("display_name".into(), json!(who.display_name));
                d.insert("kind".into(), json!(who.kind));
            }
            add(&mut d, entry, &["role", "until"]);
            if viewer.moderates() || entry.user == Some(viewer.user) {
                add(&mut d, entry, &["reason"]);
            }
            Some(d.into())
        }
        kind if kind.starts_with("room.") => {
            let mut d = about(entry, "room", Some(room));
            if let Some(Value::Object(settings)) = entry.settings.as_ref().map(|settings| json!(settings)) {
                d.extend(settings);
            }
            add(&mut d, entry, &["added", "removed"]);
            Some(d.into())
        }
        // `noop`, and what a newer projector wrote: it keeps its number.
        _ => None,
    }
}

fn posted(entry: &Entry, viewer: Viewer) -> Option<Value> {
    let message = entry.now.as_ref()?;
    // The first posting of an id wins; the entry of a repeat changes nothing.
    if message.seq != entry.seq {
        return None;
    }
    let mut message = message.clone();
    let own = wrote(entry, viewer);
    if !shows_text(message.status, viewer.role, own) {
        message.text = None;
    }
    let mut d = serde_json::to_value(message).expect("a message has string keys and no failing serializer");
    if let (true, Some(fields), Some(key)) = (own, d.as_object_mut(), entry.detail.get("key")) {
        fields.insert("key".into(), key.clone());
    }
    Some(d)
}

fn wrote(entry: &Entry, viewer: Viewer) -> bool {
    entry.now.as_ref().is_some_and(|message| message.author.id == viewer.user)
}

fn about(entry: &Entry, what: &str, id: Option<impl Serialize>) -> Map<String, Value> {
    let mut d = Map::new();
    d.insert(what.to_owned(), json!(id));
    d.insert("by".into(), json!(entry.by));
    d.insert("at".into(), json!(time(entry.at)));
    d
}

fn add(d: &mut Map<String, Value>, entry: &Entry, names: &[&str]) {
    let found = names.iter().filter_map(|name| Some(((*name).to_owned(), entry.detail.get(name)?.clone())));
    d.extend(found);
}

fn time(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Author, Message};
    use events::{MessageId, UserKind, message::MessageStatus};
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn entry(kind: &str, detail: Value, status: MessageStatus) -> Entry {
        let now = Message {
            id: MessageId(Uuid::from_u128(9)),
            room_id: ROOM,
            seq: 4,
            author: Author { id: ADA, display_name: "Ada".into(), kind: UserKind::Registered },
            text: Some("tea".into()),
            reply_to: None,
            mentions: Vec::new(),
            created_at: Time::UNIX_EPOCH,
            edited_at: None,
            status,
            reactions: Vec::new(),
        };
        Entry {
            seq: 4,
            log_seq: 40,
            kind: kind.to_owned(),
            at: Time::UNIX_EPOCH,
            by: Some(BOB),
            message: Some(now.id),
            user: Some(ADA),
            detail,
            now: Some(now),
            who: None,
            settings: None,
        }
    }

    fn seen(entry: &Entry, user: UserId, role: Role) -> Frame {
        frame(entry, ROOM, Epoch(1), Viewer { user, role })
    }

    #[test]
    fn a_posting_is_the_message_and_its_key_is_its_authors() {
        let posted = entry("message.posted", json!({"key": "k"}), MessageStatus::Visible);
        let (own, others) = (seen(&posted, ADA, Role::Member), seen(&posted, BOB, Role::Owner));
        assert_eq!((&own.d["text"], &own.d["key"], own.seq), (&json!("tea"), &json!("k"), 4));
        assert!(others.d.get("key").is_none());
        let repeat = Entry { seq: 8, ..posted };
        assert_eq!((seen(&repeat, ADA, Role::Member).t.as_str(), seen(&repeat, ADA, Role::Member).seq), ("noop", 8));
    }

    #[test]
    fn what_is_hidden_since_is_not_in_an_older_entry() {
        let posted = entry("message.posted", Value::Null, MessageStatus::Removed);
        assert!(seen(&posted, BOB, Role::Member).d.get("text").is_none());
        assert_eq!(seen(&posted, BOB, Role::Moderator).d["text"], "tea");
        let edited = entry("message.edited", Value::Null, MessageStatus::Removed);
        assert_eq!(seen(&edited, BOB, Role::Member).t, "noop");
        assert_eq!(seen(&edited, BOB, Role::Moderator).d["text"], "tea");
    }

    #[test]
    fn a_reason_is_for_moderators_and_the_person() {
        let banned = entry("member.banned", json!({"reason": "spam", "until": "u"}), MessageStatus::Visible);
        let reason = |user, role| seen(&banned, user, role).d.get("reason").cloned();
        assert_eq!(reason(BOB, Role::Member), None);
        assert_eq!(reason(BOB, Role::Moderator), Some(json!("spam")));
        assert_eq!(reason(ADA, Role::Member), Some(json!("spam")));
        let d = seen(&banned, BOB, Role::Member).d;
        assert_eq!(d, json!({"user": ADA, "by": BOB, "at": "1970-01-01T00:00:00.000Z", "until": "u"}));
    }

    #[test]
    fn what_nobody_knows_keeps_its_number() {
        let unknown = seen(&entry("poll.opened", json!({"x": 1}), MessageStatus::Visible), ADA, Role::Owner);
        assert_eq!((unknown.t.as_str(), unknown.d, unknown.seq), ("noop", json!({}), 4));
    }
}
