//! How is the live protocol described? As AsyncAPI 3, from the types of the frames' bodies; a test holds the frames to them.

mod bodies;

use super::{
    close::Close,
    form::DEFLATED_BYTES_MIN,
    protocol::{INBOUND_BYTES_MAX, INBOUND_PER_MINUTE, ROOMS_MAX},
};
use bodies::{
    Auth, AuthOk, CaughtUp, Drain, Edited, HbAck, Hello, Identify, LoungeState, MemberChanged, Nothing, OfRoom, Posted,
    PresenceDiff, Reacted, Read, Ready, Removed, Reset, RoomChanged, RoomGone, Shows, StatusChanged, Sub, Typing,
    UserState,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// What stands beside a frame's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A client says it.
    Said,
    /// A server answers, or tells what no log keeps.
    Told,
    /// What happened to a person or a lounge: `p` says where in the log.
    Logged,
    /// What happened in a room: `p`, `room` and its `seq`.
    OfRoom,
}

/// One frame.
struct Described {
    t: &'static str,
    kind: Kind,
    body: RefOr<Schema>,
    schemas: Vec<(String, RefOr<Schema>)>,
    #[cfg(test)]
    reads: fn(Value) -> Result<(), String>,
}

fn frame<T: ToSchema + serde::de::DeserializeOwned>(kind: Kind, t: &'static str) -> Described {
    let mut schemas = Vec::new();
    T::schemas(&mut schemas);
    Described {
        t,
        kind,
        body: <T as PartialSchema>::schema(),
        schemas,
        #[cfg(test)]
        reads: |value| serde_json::from_value::<T>(value).map(drop).map_err(|why| why.to_string()),
    }
}

/// Every frame there is.
fn frames() -> Vec<Described> {
    use Kind::{Logged, OfRoom as InRoom, Said, Told};
    let mut all = vec![
        frame::<Identify>(Said, "identify"),
        frame::<Sub>(Said, "sub"),
        frame::<OfRoom>(Said, "unsub"),
        frame::<Nothing>(Said, "hb"),
        frame::<Auth>(Said, "auth"),
        frame::<OfRoom>(Said, "typing"),
        frame::<Shows>(Said, "presence"),
        frame::<Hello>(Told, "hello"),
        frame::<Ready>(Told, "ready"),
        frame::<CaughtUp>(Told, "caught_up"),
        frame::<Reset>(Told, "reset"),
        frame::<RoomGone>(Told, "room_gone"),
        frame::<HbAck>(Told, "hb_ack"),
        frame::<AuthOk>(Told, "auth_ok"),
        frame::<Drain>(Told, "drain"),
        frame::<PresenceDiff>(Told, "presence_diff"),
        frame::<Typing>(Told, "typing"),
        frame::<Read>(Told, "read"),
        frame::<Nothing>(InRoom, "noop"),
        frame::<Posted>(InRoom, "message.posted"),
        frame::<Edited>(InRoom, "message.edited"),
        frame::<StatusChanged>(InRoom, "message.deleted"),
        frame::<StatusChanged>(InRoom, "message.moderated"),
        frame::<Removed>(InRoom, "messages.removed"),
        frame::<Reacted>(InRoom, "reaction.added"),
        frame::<Reacted>(InRoom, "reaction.removed"),
    ];
    let members = [
        "member.joined",
        "member.added",
        "member.left",
        "member.kicked",
        "member.banned",
        "member.unbanned",
        "member.muted",
        "member.unmuted",
        "member.role",
    ];
    all.extend(members.map(|t| frame::<MemberChanged>(InRoom, t)));
    let rooms = ["room.created", "room.changed", "room.archived", "room.reopened", "room.owner"];
    all.extend(rooms.map(|t| frame::<RoomChanged>(InRoom, t)));
    let users = [
        "user.appeared",
        "user.changed",
        "user.upgraded",
        "user.suspended",
        "user.reinstated",
        "user.erased",
        "user.expired",
    ];
    all.extend(users.map(|t| frame::<UserState>(Logged, t)));
    let lounges = ["lounge.created", "lounge.changed", "lounge.archived", "lounge.reopened"];
    all.extend(lounges.map(|t| frame::<LoungeState>(Logged, t)));
    all
}

/// The document.
#[must_use]
pub fn asyncapi() -> Value {
    let frames = frames();
    let (mut messages, mut schemas) = (Map::new(), BTreeMap::new());
    let (mut said, mut told) = (Vec::new(), Vec::new());
    for Described { t, kind, body, schemas: named, .. } in &frames {
        let name = if *kind == Kind::Said { format!("say.{t}") } else { (*t).to_owned() };
        messages.insert(name.clone(), json!({ "name": t, "payload": payload(t, *kind, body) }));
        if *kind == Kind::Said { &mut said } else { &mut told }.push(name);
        schemas.extend(named.iter().map(|(name, schema)| (name.clone(), json!(schema))));
    }
    let of = |names: &[String]| -> Map<String, Value> {
        let reference = |name: &String| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
        names.iter().map(reference).collect()
    };
    let on = |channel: &str, names: &[String]| -> Vec<Value> {
        names.iter().map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") })).collect()
    };
    let both: Vec<String> = said.iter().chain(&told).cloned().collect();
    // Over server-sent events nobody says hello, and nothing is answered.
    let heard: Vec<String> =
        told.iter().filter(|t| !["hello", "hb_ack", "auth_ok"].contains(&t.as_str())).cloned().collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chatroom: live updates",
            "version": env!("CARGO_PKG_VERSION"),
            "description": description(),
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "description": "A WebSocket. Subprotocol `chatroom.v1`: JSON in text frames. `chatroom.v1.cbor`: CBOR in binary frames.",
                "messages": of(&both),
                "x-close-codes": Close::ALL.map(|close| json!({
                    "code": close.code(), "reason": close.reason(), "comes_back": close.code() < 4_500 && close.code() >= 4_000,
                })),
            },
            "events": {
                "address": "/v1/events",
                "description": "Server-sent events, with a bearer token. `rooms`: ids between commas, else all of one's rooms. `data` is a frame, `id` its position once all is caught up, `Last-Event-ID` resumes there; `event: close` has the code and reason of the end.",
                "messages": of(&heard),
            },
        },
        "operations": {
            "hear": { "action": "receive", "channel": { "$ref": "#/channels/socket" }, "messages": on("socket", &said) },
            "tell": { "action": "send", "channel": { "$ref": "#/channels/socket" }, "messages": on("socket", &told) },
            "stream": { "action": "send", "channel": { "$ref": "#/channels/events" }, "messages": on("events", &heard) },
        },
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn description() -> String {
    format!(
        "Frames are objects `{{\"t\": type, \"d\": {{…}}}}`. Durable ones add `p`, their position in the log; those of a room \
         also `room` and `seq`, which rises by one: a gap means that something was missed, and the client resumes. A client \
         says `identify` first, at a fresh start as for a resume, with the last `seq` of each room or the position where it \
         was; then come `ready`, for each room what it missed, and `caught_up`; or `reset` for a room that has to be loaded \
         anew by REST with `Chat-Min-Position: p`. What a viewer may not see comes as `noop`. A `message.edited` without a \
         text, and a `message.moderated` that restores, say nothing of the text: the client reads the message. Close codes \
         4000 to 4499: come back and resume; 4500 and more: do not. Limits: {ROOMS_MAX} rooms of a socket, \
         {INBOUND_BYTES_MAX} bytes of a client's frame, {INBOUND_PER_MINUTE} of them in a minute. With `compress` frames of \
         more than {DEFLATED_BYTES_MIN} bytes come as zlib data in binary frames, whose first byte is 0x78; no CBOR frame \
         begins with that."
    )
}

fn payload(t: &str, kind: Kind, body: &RefOr<Schema>) -> Value {
    let mut properties = Map::from_iter([("t".to_owned(), json!({ "const": t })), ("d".to_owned(), json!(body))]);
    let mut required = vec!["t", "d"];
    if matches!(kind, Kind::Logged | Kind::OfRoom) {
        properties.insert("p".to_owned(), json!({ "type": "string", "description": "Its position in the log." }));
        required.push("p");
    }
    if kind == Kind::OfRoom {
        properties.insert("room".to_owned(), json!({ "type": "string", "format": "uuid" }));
        let seq = json!({ "type": "integer", "format": "int64", "minimum": 1, "description": "Its number in the room: 1, 2, 3 …" });
        properties.insert("seq".to_owned(), seq);
        required.extend(["room", "seq"]);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{
        form::Frame,
        frame::{Name, Person, lounge_state, of_lounge, of_user, telling},
        protocol::{self, Counts, RoomSummary},
    };
    use event_log::Record;
    use events::{
        Actor, Envelope, Epoch, Event, EventId, Position, Role, RoomId, SessionId, Subject, Time, UserId, UserKind,
    };
    use std::{collections::BTreeSet, fs, path::Path, time::Duration};
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const AT: Position = Position { epoch: Epoch(1), seq: 7 };

    /// Holds a frame to its description.
    fn is_described(frames: &[Described], t: &str, is_said: bool, d: Value) {
        let described = frames.iter().find(|frame| frame.t == t && (frame.kind == Kind::Said) == is_said);
        let described = described.unwrap_or_else(|| panic!("{t} is not described"));
        (described.reads)(d.clone()).unwrap_or_else(|why| panic!("{t} is described otherwise: {why}: {d}"));
    }

    fn holds(frames: &[Described], frame: &Frame) -> String {
        let value: Value = serde_json::from_str(frame.json()).expect("JSON");
        let t = value["t"].as_str().expect("a type").to_owned();
        is_described(frames, &t, false, value["d"].clone());
        t
    }

    // Red with a field added to `hb_ack`, or left out of it.
    #[test]
    fn what_servers_say_is_as_described() {
        let frames = frames();
        let summary = RoomSummary { id: ROOM, role: Role::Member, head: 3, read: 1, unread: 2, mentions: 0 };
        let presence = crate::resource::Presence {
            user_id: ADA,
            state: events::PresenceState::Online,
            last_seen_at: Time::UNIX_EPOCH,
        };
        let told = [
            protocol::hello(1),
            protocol::ready(ADA, SessionId(Uuid::nil()), AT, &[summary]),
            protocol::caught_up(None, AT),
            protocol::caught_up(Some(ROOM), AT),
            protocol::reset(ROOM, "epoch", AT, 3),
            protocol::room_gone(ROOM, "left"),
            protocol::hb_ack(AT, &BTreeMap::from([(ROOM, 3)])),
            protocol::auth_ok(900),
            protocol::drain(Duration::ZERO, Duration::from_secs(1)),
            protocol::presence_diff(ROOM, &[presence]),
            protocol::presence_counts(ROOM, Counts::default()),
            protocol::presence_reload(ROOM),
            protocol::typing(ROOM, ADA),
            protocol::read_marker(ROOM, 3),
        ];
        let mut seen: BTreeSet<String> = told.iter().map(|frame| holds(&frames, frame)).collect();
        let missing = |kind| frames.iter().filter(move |frame| frame.kind == kind).map(|frame| frame.t);
        assert_eq!(missing(Kind::Told).filter(|t| !seen.remove(*t)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    // Red with `emoji` left out of a reaction's frame, and with a type of event that no frame describes.
    #[test]
    fn every_event_that_was_ever_written_is_told_as_described() {
        let frames = frames();
        let mut seen = BTreeSet::from(["noop".to_owned()]);
        for record in fixtures() {
            let fact = record.fact().expect("every release is understood");
            let name = Name { display_name: "Ada".into(), kind: UserKind::Registered };
            match (&fact.event, fact.subject) {
                (_, subject) if subject.counted_room().is_some() => {
                    let told = telling(&fact, 3, |_| name.clone());
                    let mut d = told.d;
                    d.extend(told.private.into_iter().flat_map(|(private, _)| private));
                    is_described(&frames, &told.t, false, Value::Object(d));
                    seen.insert(told.t);
                }
                (Event::User(change), Subject::User(user)) => {
                    let t = change.event.event_type().name;
                    // These end sockets, and are told to nobody else.
                    if !["user.session_closed", "user.credential"].contains(&t) {
                        seen.insert(holds(&frames, &of_user(t, AT, user, &Person::from(&change.after))));
                    }
                }
                (Event::Lounge(change), Subject::Lounge(lounge)) => {
                    let t = change.event.event_type().name;
                    seen.insert(holds(&frames, &of_lounge(t, AT, lounge, lounge_state(&change.after))));
                }
                _ => {}
            }
        }
        let durable = frames.iter().filter(|frame| matches!(frame.kind, Kind::Logged | Kind::OfRoom));
        assert_eq!(durable.map(|frame| frame.t).filter(|t| !seen.contains(*t)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn what_clients_may_say_is_read_as_described() {
        let frames = frames();
        let said = [
            (
                "identify",
                json!({ "token": "x", "rooms": [{ "room": ROOM, "seq": 7 }], "resume": AT, "compress": true }),
            ),
            ("sub", json!({ "room": ROOM, "seq": 7, "p": AT })),
            ("unsub", json!({ "room": ROOM })),
            ("hb", json!({})),
            ("auth", json!({ "token": "x" })),
            ("typing", json!({ "room": ROOM })),
            ("presence", json!({ "state": "away" })),
        ];
        for (t, d) in &said {
            is_described(&frames, t, true, d.clone());
            let text = json!({ "t": t, "d": d }).to_string();
            assert!(protocol::read(crate::live::form::Encoding::Json, text.as_bytes()).is_ok(), "{text}");
        }
        assert_eq!(frames.iter().filter(|frame| frame.kind == Kind::Said).count(), said.len());
    }

    // Red with a field of a vector's frame under another name.
    #[test]
    fn what_clients_are_tested_with_is_as_described() {
        let frames = frames();
        let vectors = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/ts/vectors")).expect("readable");
        let mut seen = BTreeSet::new();
        for vector in vectors {
            let text = fs::read(vector.expect("a name").path()).expect("readable");
            let vector: Value = serde_json::from_slice(&text).expect("JSON");
            for frame in vector["frames"].as_array().expect("frames") {
                let t = frame["t"].as_str().expect("a type").to_owned();
                if t == "something.new" {
                    // What a later release will say.
                    continue;
                }
                is_described(&frames, &t, false, frame["d"].clone());
                seen.insert(t);
            }
        }
        assert!(seen.len() > 10, "{seen:?}");
    }

    /// The frozen events of all releases.
    fn fixtures() -> Vec<Record> {
        let mut found = Vec::new();
        collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/fixtures")), &mut found);
        assert!(found.len() > 50, "{}", found.len());
        found
    }

    fn collect(path: &Path, found: &mut Vec<Record>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("the fixtures are readable") {
                collect(&entry.expect("a name").path(), found);
            }
            return;
        }
        let fixture: Value = serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON");
        let subject: Subject = fixture["subject"].as_str().expect("a subject").parse().expect("of ours");
        let envelope = Envelope::new(EventId(Uuid::from_u128(9)), Time::UNIX_EPOCH, Actor::System, "old");
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in envelope.headers(events::MessageEvent::TYPES[0], &subject) {
            headers.insert(name, value);
        }
        headers.insert("ce-type", fixture["type"].as_str().expect("a type"));
        let body = fixture["body"].to_string().into();
        found.push(Record { stream: subject.stream(), seq: 7, subject: subject.to_string(), headers, body });
    }
}
