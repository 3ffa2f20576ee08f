//! How does a durable event look on a socket? Encoded once for everybody, and once more for who may see more.

use super::form::Frame;
use crate::resource::{Author, Message};
use chrono::SecondsFormat;
use event_log::Fact;
use events::{
    Event, Lounge, LoungeId, Membership, MembershipEvent, MessageEvent, Position, Role, Room, RoomEvent, RoomId, Time,
    User, UserId, UserKind, message::MessageStatus,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::cell::OnceCell;

/// What a frame tells of somebody besides his id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) display_name: String,
    pub(super) kind: UserKind,
}

impl Name {
    /// Of somebody whom neither the read model nor the log after it names (any more).
    pub(super) fn unknown() -> Self {
        Self { display_name: String::new(), kind: UserKind::Registered }
    }
}

impl From<&User> for Name {
    fn from(user: &User) -> Self {
        Self { display_name: user.display_name.clone(), kind: user.kind }
    }
}

/// What a `user.…` frame tells of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: Name,
    /// As the API writes it.
    pub(super) standing: String,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self { name: user.into(), standing: user.standing.as_str().to_owned() }
    }
}

/// One frame: its bytes are made when the first socket needs them, and shared by all that see the same.
#[derive(Debug)]
pub(super) struct Rendered {
    telling: Telling,
    p: Position,
    of: (RoomId, u64),
    everybody: OnceCell<Frame>,
    /// With what only some may see.
    more: OnceCell<Frame>,
}

/// Who sees more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Only(UserId),
    ModeratorsAnd(Option<UserId>),
}

#[derive(Serialize)]
struct OfRoom<'a> {
    t: &'a str,
    d: &'a Map<String, Value>,
    p: Position,
    room: RoomId,
    seq: u64,
}

impl Rendered {
    /// Its room, and its number there.
    pub(super) fn of(&self) -> (RoomId, u64) {
        self.of
    }

    /// The bytes for this viewer.
    pub(super) fn seen_by(&self, user: UserId, role: impl FnOnce() -> Role) -> Frame {
        match &self.telling.private {
            Some((private, who)) if who.includes(user, role()) => {
                let all = || self.telling.d.iter().chain(private).map(|(name, value)| (name.clone(), value.clone()));
                self.more.get_or_init(|| self.bytes(&all().collect())).clone()
            }
            _ => self.everybody(),
        }
    }

    /// The bytes, where they are the same for every viewer.
    pub(super) fn seen_by_all(&self) -> Option<Frame> {
        self.telling.private.is_none().then(|| self.everybody())
    }

    fn everybody(&self) -> Frame {
        self.everybody.get_or_init(|| self.bytes(&self.telling.d)).clone()
    }

    fn bytes(&self, d: &Map<String, Value>) -> Frame {
        let frame = OfRoom { t: &self.telling.t, d, p: self.p, room: self.of.0, seq: self.of.1 };
        Frame::new(serde_json::to_string(&frame).expect("a frame has string keys"), Some(self.p))
    }
}

impl Who {
    fn includes(self, user: UserId, role: Role) -> bool {
        match self {
            Self::Only(whose) => whose == user,
            Self::ModeratorsAnd(whose) => role >= Role::Moderator || whose == Some(user),
        }
    }
}

/// What a frame is about, before it is bytes: the same from the log and from the feed.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    pub(super) t: String,
    pub(super) d: Map<String, Value>,
    /// Fields of `d` that only some see.
    pub(super) private: Option<(Map<String, Value>, Who)>,
}

impl Telling {
    /// Of what this viewer cannot see, or nobody can decode: the number alone, so that numbers stay dense.
    pub(super) fn noop() -> Self {
        Self { t: "noop".into(), d: Map::new(), private: None }
    }

    /// Without what was said: it was taken back, hidden or removed, or nobody here knows whether it was.
    pub(super) fn without_text(mut self, status: Option<MessageStatus>) -> Self {
        self.d.remove("text");
        self.d.extend(status.map(|status| ("status".to_owned(), json!(status))));
        self
    }

    /// As a frame of a room's event.
    pub(super) fn render(self, p: Position, of: (RoomId, u64)) -> Rendered {
        Rendered { telling: self, p, of, everybody: OnceCell::new(), more: OnceCell::new() }
    }
}

/// A person's state, as bytes.
pub(super) fn of_user(t: &str, p: Position, user: UserId, Person { name, standing }: &Person) -> Frame {
    let d = json!({ "user": user, "display_name": name.display_name, "kind": name.kind, "standing": standing });
    Frame::new(json!({ "t": t, "d": d, "p": p }).to_string(), Some(p))
}

/// Name, description, and whether it is active.
type LoungeState<'a> = (&'a str, Option<&'a str>, bool);

pub(super) fn lounge_state(lounge: &Lounge) -> LoungeState<'_> {
    (&lounge.name, lounge.description.as_deref(), lounge.active)
}

/// A lounge's state, as bytes.
pub(super) fn of_lounge(t: &str, p: Position, lounge: LoungeId, state: LoungeState<'_>) -> Frame {
    let (name, description, active) = state;
    let d = json!({ "lounge": lounge, "name": name, "description": description, "active": active });
    Frame::new(json!({ "t": t, "d": d, "p": p }).to_string(), Some(p))
}

/// `{"<noun>": id, "by", "at"}`, and what changed.
pub(super) fn changed(noun: &str, id: impl Serialize, by: Option<UserId>, at: Time, rest: Value) -> Map<String, Value> {
    let mut d = Map::new();
    d.insert(noun.to_owned(), json!(id));
    d.insert("by".to_owned(), json!(by));
    d.insert("at".to_owned(), json!(at.to_rfc3339_opts(SecondsFormat::Millis, true)));
    if let Value::Object(rest) = rest {
        d.extend(rest.into_iter().filter(|(_, value)| !value.is_null()));
    }
    d
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The room's settings, as every `room.…` frame tells them.
pub(super) fn settings(room: &Room) -> Value {
    json!({
        "lounge_id": room.lounge, "name": room.name, "topic": room.topic, "language": room.language,
        "visibility": room.visibility, "guests": room.guests, "active": room.active,
    })
}

/// What a fact of a room tells. `name_of` knows who is in the room.
pub(super) fn telling(fact: &Fact, seq: u64, name_of: impl Fn(UserId) -> Name) -> Telling {
    let (by, at) = (fact.envelope.actor.user(), fact.envelope.time);
    let t = fact.event.event_type().name.to_owned();
    match &fact.event {
        Event::Message(MessageEvent::Posted(posted)) => {
            let Name { display_name, kind } = name_of(posted.author);
            let message = Message {
                id: posted.message,
                room_id: posted.room,
                seq,
                author: Author { id: posted.author, display_name, kind },
                text: Some(posted.text.clone()),
                reply_to: posted.reply_to,
                mentions: posted.mentions.clone(),
                created_at: at,
                edited_at: None,
                status: MessageStatus::Visible,
                reactions: Vec::new(),
            };
            let key = fact.envelope.key.clone();
            let private = key.map(|key| (object(json!({ "key": key })), Who::Only(posted.author)));
            Telling { t, d: object(json!(message)), private }
        }
        Event::Message(event) => of_message(t, event, by, at),
        Event::Membership(change) => of_member(t, &change.event, &change.after, by, at, name_of),
        Event::Room(change) => {
            let (room, rest) = of_room(&change.event);
            let mut d = changed("room", room, by, at, settings(&change.after));
            d.extend(object(rest));
            Telling { t, d, private: None }
        }
        Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_) => Telling::noop(),
        Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Report(_) => {
            Telling::noop()
        }
        Event::Presence(_) | Event::Marker(_) => Telling::noop(),
    }
}

fn of_message(t: String, event: &MessageEvent, by: Option<UserId>, at: Time) -> Telling {
    let mut private = None;
    let d = match event {
        MessageEvent::Posted(posted) => changed("message", posted.message, by, at, Value::Null),
        MessageEvent::Edited(edited) => {
            changed("message", edited.message, by, at, json!({ "text": edited.text, "edited_at": at }))
        }
        MessageEvent::Deleted(deleted) => changed("message", deleted.message, by, at, json!({ "status": "deleted" })),
        MessageEvent::Moderated(moderated) => {
            private = reason(moderated.reason.as_ref(), None);
            changed("message", moderated.message, by, at, json!({ "status": moderated.status }))
        }
        MessageEvent::AllRemoved(removed) => {
            private = reason(removed.reason.as_ref(), None);
            changed("user", removed.user, by, at, json!({ "why": removed.why }))
        }
        MessageEvent::ReactionAdded(reaction) => {
            changed("message", reaction.message, by, at, json!({ "user": reaction.user, "emoji": reaction.emoji }))
        }
        MessageEvent::ReactionRemoved(reaction) => {
            changed("message", reaction.message, by, at, json!({ "user": reaction.user, "emoji": reaction.emoji }))
        }
    };
    Telling { t, d, private }
}

fn reason(reason: Option<&String>, whose: Option<UserId>) -> Option<(Map<String, Value>, Who)> {
    reason.map(|reason| (object(json!({ "reason": reason })), Who::ModeratorsAnd(whose)))
}

fn of_member(
    t: String,
    event: &MembershipEvent,
    after: &Membership,
    by: Option<UserId>,
    at: Time,
    name_of: impl Fn(UserId) -> Name,
) -> Telling {
    let (user, why, until) = match event {
        MembershipEvent::Joined(joined) => (joined.user, None, None),
        MembershipEvent::Added(added) => (added.user, None, None),
        MembershipEvent::Left(left) => (left.user, None, None),
        MembershipEvent::Kicked(kicked) => (kicked.user, kicked.reason.as_ref(), None),
        MembershipEvent::Banned(banned) => (banned.user, banned.reason.as_ref(), banned.until),
        MembershipEvent::Unbanned(unbanned) => (unbanned.user, None, None),
        MembershipEvent::Muted(muted) => (muted.user, muted.reason.as_ref(), muted.until),
        MembershipEvent::Unmuted(unmuted) => (unmuted.user, None, None),
        MembershipEvent::RoleChanged(changed) => (changed.user, None, None),
    };
    let Name { display_name, kind } = name_of(user);
    let rest = json!({ "display_name": display_name, "kind": kind, "role": after.role, "until": until });
    Telling { t, d: changed("user", user, by, at, rest), private: reason(why, Some(user)) }
}

fn of_room(event: &RoomEvent) -> (RoomId, Value) {
    match event {
        RoomEvent::Created(created) => (created.room, Value::Null),
        RoomEvent::Changed(changed) => (changed.room, Value::Null),
        RoomEvent::Archived(archived) => (archived.room, Value::Null),
        RoomEvent::Reopened(reopened) => (reopened.room, Value::Null),
        RoomEvent::OwnerChanged(owner) => (owner.room, json!({ "added": owner.added, "removed": owner.removed })),
    }
}
