//! What do client and server say to each other besides durable frames? JSON objects `{"t": type, "d": {…}}`.

use super::{
    close::Close,
    form::{Encoding, Frame},
};
use crate::resource::Presence;
use events::{Position, PresenceState, Role, RoomId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Rooms in one `identify`.
pub(super) const ROOMS_MAX: usize = 2_000;
/// How often a client says that it is there; it adds jitter of its own.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long a new socket may say nothing.
pub(super) const IDENTIFY_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of one frame of a client.
pub(super) const INBOUND_BYTES_MAX: usize = 16 << 10;
/// Frames of a client in a minute.
pub(super) const INBOUND_PER_MINUTE: u32 = 120;
/// How often a client says that somebody types; what comes sooner is not told.
pub(super) const TYPING_EVERY: Duration = Duration::from_secs(3);
/// What this release serves of the protocol beyond what every release does.
const FEATURES: &[&str] = &["resume", "cbor", "compress", "presence", "typing", "read"];

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Identify(Identity),
    Sub {
        wanted: Wanted,
        at: Option<Position>,
    },
    Unsub(RoomId),
    Heartbeat,
    Auth {
        token: String,
    },
    /// He types there.
    Typing(RoomId),
    /// This socket shows him so, from now on.
    Presence(PresenceState),
}

/// Who a client is, and what it wants to hear.
#[derive(Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) token: String,
    pub(super) rooms: Vec<Wanted>,
    pub(super) resume: Option<Position>,
    /// Whether long frames are to come deflated.
    pub(super) deflates: bool,
}

/// A room, and the last number that the client has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) room: RoomId,
    #[serde(default)]
    pub(super) seq: Option<u64>,
}

/// A frame as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heard {
    t: String,
    #[serde(default)]
    d: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identify {
    token: String,
    #[serde(default)]
    rooms: Vec<Wanted>,
    #[serde(default)]
    resume: Option<String>,
    #[serde(default)]
    compress: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sub {
    room: RoomId,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    p: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRoom {
    room: RoomId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shows {
    state: PresenceState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    token: String,
}

/// Reads a frame, or says with which code the socket ends.
pub(super) fn read(encoding: Encoding, bytes: &[u8]) -> Result<Said, Close> {
    fn body<T: for<'de> Deserialize<'de>>(d: Value) -> Result<T, Close> {
        serde_json::from_value(d).map_err(|_| Close::ProtocolError)
    }
    fn position(text: Option<String>) -> Result<Option<Position>, Close> {
        text.map(|text| text.parse().map_err(|_| Close::BadPosition)).transpose()
    }
    let heard = match encoding {
        Encoding::Json => serde_json::from_slice(bytes).ok(),
        Encoding::Cbor => ciborium::from_reader(bytes).ok(),
    };
    let Heard { t, d } = heard.ok_or(Close::ProtocolError)?;
    match t.as_str() {
        "identify" => {
            let Identify { token, rooms, resume, compress: deflates } = body(d)?;
            if rooms.len() > ROOMS_MAX {
                return Err(Close::ProtocolError);
            }
            Ok(Said::Identify(Identity { token, rooms, resume: position(resume)?, deflates }))
        }
        "sub" => {
            let Sub { room, seq, p } = body(d)?;
            Ok(Said::Sub { wanted: Wanted { room, seq }, at: position(p)? })
        }
        "unsub" => body(d).map(|OfRoom { room }| Said::Unsub(room)),
        "auth" => body(d).map(|Auth { token }| Said::Auth { token }),
        "hb" => Ok(Said::Heartbeat),
        "typing" => body(d).map(|OfRoom { room }| Said::Typing(room)),
        "presence" => body(d).map(|Shows { state }| Said::Presence(state)),
        _ => Err(Close::ProtocolError),
    }
}

fn frame(t: &str, d: Value) -> Frame {
    Frame::new(json!({ "t": t, "d": d }).to_string(), None)
}

pub(super) fn hello(epoch: u32) -> Frame {
    frame(
        "hello",
        json!({
            "heartbeat_ms": HEARTBEAT.as_millis() as u64,
            "auth_deadline_ms": IDENTIFY_WITHIN.as_millis() as u64,
            "epoch": epoch,
            "limits": {
                "rooms": ROOMS_MAX,
                "frame_bytes": INBOUND_BYTES_MAX,
                "frames_per_minute": INBOUND_PER_MINUTE,
            },
            "features": FEATURES,
        }),
    )
}

/// A room's summary in `ready`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RoomSummary {
    pub(super) id: RoomId,
    pub(super) role: Role,
    pub(super) head: u64,
    pub(super) read: u64,
    pub(super) unread: u64,
    pub(super) mentions: u64,
}

pub(super) fn ready(user: UserId, session: SessionId, p: Position, rooms: &[RoomSummary]) -> Frame {
    frame("ready", json!({ "user": user, "session": session, "p": p, "rooms": rooms }))
}

pub(super) fn caught_up(room: Option<RoomId>, p: Position) -> Frame {
    match room {
        Some(room) => frame("caught_up", json!({ "room": room, "p": p })),
        None => Frame::caught_up(json!({ "t": "caught_up", "d": { "p": p } }).to_string(), p),
    }
}

pub(super) fn reset(room: RoomId, reason: &str, p: Position, head: u64) -> Frame {
    frame("reset", json!({ "room": room, "reason": reason, "p": p, "head": head }))
}

pub(super) fn room_gone(room: RoomId, reason: &str) -> Frame {
    frame("room_gone", json!({ "room": room, "reason": reason }))
}

pub(super) fn hb_ack(p: Position, heads: &BTreeMap<RoomId, u64>) -> Frame {
    frame("hb_ack", json!({ "p": p, "heads": heads }))
}

pub(super) fn auth_ok(expires_in: u64) -> Frame {
    frame("auth_ok", json!({ "expires_in": expires_in }))
}

pub(super) fn drain(min: Duration, max: Duration) -> Frame {
    frame("drain", json!({ "retry_after_ms": [min.as_millis() as u64, max.as_millis() as u64] }))
}

/// Who came or went, by user id.
pub(super) fn presence_diff(room: RoomId, users: &[Presence]) -> Frame {
    frame("presence_diff", json!({ "room": room, "users": users }))
}

/// How many of a room's members are how much there; the others are offline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) online: u64,
    pub(super) away: u64,
    pub(super) dnd: u64,
}

/// Of a room that is too large to tell each of its members.
pub(super) fn presence_counts(room: RoomId, counts: Counts) -> Frame {
    frame("presence_diff", json!({ "room": room, "counts": counts }))
}

/// Something of it was not told: the client reads the room's presence anew.
pub(super) fn presence_reload(room: RoomId) -> Frame {
    frame("presence_diff", json!({ "room": room, "reload": true }))
}

pub(super) fn typing(room: RoomId, user: UserId) -> Frame {
    frame("typing", json!({ "room": room, "user": user }))
}

pub(super) fn read_marker(room: RoomId, seq: u64) -> Frame {
    frame("read", json!({ "room": room, "seq": seq }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Said, Close> {
        super::read(Encoding::Json, text.as_bytes())
    }

    const ROOM: &str = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";

    #[test]
    fn what_a_client_may_say_is_read() {
        assert_eq!(read(r#"{"t":"hb"}"#), Ok(Said::Heartbeat));
        let identify = format!(r#"{{"t":"identify","d":{{"token":"x","rooms":[{{"room":"{ROOM}","seq":7}}]}}}}"#);
        let Ok(Said::Identify(Identity { rooms, resume: None, .. })) = read(&identify) else { panic!("it is one") };
        assert_eq!(rooms[0].seq, Some(7));
        assert!(matches!(read(&format!(r#"{{"t":"unsub","d":{{"room":"{ROOM}"}}}}"#)), Ok(Said::Unsub(_))));
    }

    #[test]
    fn what_is_wrong_ends_the_socket_with_its_code() {
        let wrong = [
            "",
            "{",
            "[]",
            "7",
            "null",
            r#"{"t":7}"#,
            r#"{"t":"launch"}"#,
            r#"{"t":"hb","x":1}"#,
            r#"{"t":"identify"}"#,
            r#"{"t":"identify","d":{"token":"x","admin":true}}"#,
            r#"{"t":"identify","d":{"token":"x","rooms":[{"room":"*"}]}}"#,
            r#"{"t":"sub","d":{"room":"0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01","seq":-1}}"#,
            r#"{"t":"sub","d":{"room":"\ud800"}}"#,
        ];
        for text in wrong {
            assert_eq!(read(text), Err(Close::ProtocolError), "{text}");
        }
        let position = format!(r#"{{"t":"sub","d":{{"room":"{ROOM}","p":"42"}}}}"#);
        assert_eq!(read(&position), Err(Close::BadPosition));
    }
}
