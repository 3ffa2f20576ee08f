//! What do client and server say to each other besides durable frames? JSON objects `{"t": type, "d": {…}}`.

use super::close::Close;
use axum::extract::ws::Utf8Bytes;
use events::{Position, Role, RoomId, SessionId, UserId};
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
/// Frames of the protocol that this release serves beyond the always served ones.
const FEATURES: &[&str] = &["resume"];

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Identify { token: String, rooms: Vec<Wanted>, resume: Option<Position> },
    Sub { wanted: Wanted, at: Option<Position> },
    Unsub(RoomId),
    Heartbeat,
    Auth { token: String },
}

/// A room, and the last number that the client has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) room: RoomId,
    #[serde(default)]
    pub(super) seq: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
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
struct Unsub {
    room: RoomId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    token: String,
}

/// Reads a frame, or says with which code the socket ends.
pub(super) fn read(text: &str) -> Result<Said, Close> {
    fn body<T: for<'de> Deserialize<'de>>(d: Value) -> Result<T, Close> {
        serde_json::from_value(d).map_err(|_| Close::ProtocolError)
    }
    fn position(text: Option<String>) -> Result<Option<Position>, Close> {
        text.map(|text| text.parse().map_err(|_| Close::BadPosition)).transpose()
    }
    let Frame { t, d } = serde_json::from_str(text).map_err(|_| Close::ProtocolError)?;
    match t.as_str() {
        "identify" => {
            let Identify { token, rooms, resume } = body(d)?;
            if rooms.len() > ROOMS_MAX {
                return Err(Close::ProtocolError);
            }
            Ok(Said::Identify { token, rooms, resume: position(resume)? })
        }
        "sub" => {
            let Sub { room, seq, p } = body(d)?;
            Ok(Said::Sub { wanted: Wanted { room, seq }, at: position(p)? })
        }
        "unsub" => body(d).map(|Unsub { room }| Said::Unsub(room)),
        "auth" => body(d).map(|Auth { token }| Said::Auth { token }),
        "hb" => Ok(Said::Heartbeat),
        // Typing and presence are not among the features that `hello` names.
        _ => Err(Close::ProtocolError),
    }
}

fn frame(t: &str, d: Value) -> Utf8Bytes {
    json!({ "t": t, "d": d }).to_string().into()
}

pub(super) fn hello(epoch: u32) -> Utf8Bytes {
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

pub(super) fn ready(user: UserId, session: SessionId, p: Position, rooms: &[RoomSummary]) -> Utf8Bytes {
    frame("ready", json!({ "user": user, "session": session, "p": p, "rooms": rooms }))
}

pub(super) fn caught_up(room: Option<RoomId>, p: Position) -> Utf8Bytes {
    match room {
        Some(room) => frame("caught_up", json!({ "room": room, "p": p })),
        None => frame("caught_up", json!({ "p": p })),
    }
}

pub(super) fn reset(room: RoomId, reason: &str, p: Position, head: u64) -> Utf8Bytes {
    frame("reset", json!({ "room": room, "reason": reason, "p": p, "head": head }))
}

pub(super) fn room_gone(room: RoomId, reason: &str) -> Utf8Bytes {
    frame("room_gone", json!({ "room": room, "reason": reason }))
}

pub(super) fn hb_ack(p: Position, heads: &BTreeMap<RoomId, u64>) -> Utf8Bytes {
    frame("hb_ack", json!({ "p": p, "heads": heads }))
}

pub(super) fn auth_ok(expires_in: u64) -> Utf8Bytes {
    frame("auth_ok", json!({ "expires_in": expires_in }))
}

pub(super) fn drain(min: Duration, max: Duration) -> Utf8Bytes {
    frame("drain", json!({ "retry_after_ms": [min.as_millis() as u64, max.as_millis() as u64] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";

    #[test]
    fn what_a_client_may_say_is_read() {
        assert_eq!(read(r#"{"t":"hb"}"#), Ok(Said::Heartbeat));
        let identify = format!(r#"{{"t":"identify","d":{{"token":"x","rooms":[{{"room":"{ROOM}","seq":7}}]}}}}"#);
        let Ok(Said::Identify { rooms, resume: None, .. }) = read(&identify) else { panic!("it is one") };
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
