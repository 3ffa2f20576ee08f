//! What does bad input get? The documented answer, never a 5xx, and nothing of it reaches the log.

use chatroom::client::{Answer, Ask, Closed, Socket};
use hyper::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Room, System, User};
use tokio_tungstenite::tungstenite::Message;

const JSON: &str = "application/json";
const NOBODY: &str = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";

/// A request, and the answer that it has to get.
struct Case {
    what: String,
    ask: Ask,
    status: u16,
    code: &'static str,
}

fn case(what: impl Into<String>, ask: Ask, status: u16, code: &'static str) -> Case {
    Case { what: what.into(), ask, status, code }
}

fn post(path: &str, body: impl Into<bytes::Bytes>) -> Ask {
    Ask::new(Method::POST, path).body(JSON, body)
}

/// What is wrong with any JSON body, wherever one is taken.
fn broken_bodies(method: &Method, path: &str, field: &str) -> Vec<Case> {
    let ask = |body: &str| Ask::new(method.clone(), path).body(JSON, body.to_owned());
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let named = |what: &str| format!("{method} {path}: {what}");
    vec![
        case(named("cut off"), ask("{"), 400, "malformed-json"),
        case(named("empty"), ask(""), 400, "malformed-json"),
        case(named("a lone surrogate"), ask(&format!(r#"{{"{field}":"\ud800"}}"#)), 400, "malformed-json"),
        case(named("too deep"), ask(&format!(r#"{{"{field}":{deep}}}"#)), 400, "malformed-json"),
        case(named("an array"), ask("[]"), 422, "validation"),
        case(named("an unknown field"), ask(r#"{"is_admin":true}"#), 422, "validation"),
        case(
            named("not UTF-8"),
            Ask::new(method.clone(), path).body(JSON, [format!("{{\"{field}\":\"").as_bytes(), b"\xff\"}"].concat()),
            400,
            "malformed-json",
        ),
        case(
            named("text/plain"),
            Ask::new(method.clone(), path).body("text/plain", "{}"),
            415,
            "unsupported-media-type",
        ),
        case(named("no content type"), Ask::new(method.clone(), path), 415, "unsupported-media-type"),
        case(named("compressed"), ask("{}").header("content-encoding", "gzip"), 415, "unsupported-media-type"),
        case(named("65 KiB"), ask(&json!({ "text": "x".repeat(65 << 10) }).to_string()), 413, "payload-too-large"),
    ]
}

fn texts(path: &str) -> Vec<Case> {
    let text = |text: &str| post(path, json!({ "text": text }).to_string());
    vec![
        case("a blank text", text(" \n\t"), 422, "validation"),
        case("an empty text", text(""), 422, "validation"),
        case("NUL", text("a\0b"), 422, "validation"),
        case("a C0 control", text("a\u{1b}[31mb"), 422, "validation"),
        case("4,001 code points", text(&"ü".repeat(4_001)), 422, "validation"),
        case("a number", post(path, r#"{"text":7}"#), 422, "validation"),
        case("null", post(path, r#"{"text":null}"#), 422, "validation"),
        case("no text", post(path, "{}"), 422, "validation"),
        case("a field twice over", post(path, r#"{"text":"a","room_id":"b"}"#), 422, "validation"),
        case("a reply to no id", post(path, r#"{"text":"a","reply_to":"*"}"#), 422, "validation"),
        case("a mention that is none", post(path, r#"{"text":"a","mentions":["chat.v1.>"]}"#), 422, "validation"),
        case(
            "21 mentions",
            post(path, json!({ "text": "a", "mentions": vec![NOBODY; 21] }).to_string()),
            422,
            "validation",
        ),
        case("a short key", text("a").header("idempotency-key", "short"), 422, "validation"),
        case("a key with a dot", text("a").header("idempotency-key", "a.b.c.d.e.f.g.h.i"), 422, "validation"),
        case("a key of 65", text("a").header("idempotency-key", &"k".repeat(65)), 422, "validation"),
    ]
}

fn accounts() -> Vec<Case> {
    let register = |phone: &str, password: &str, name: &str| {
        post("/v1/users", json!({ "phone": phone, "password": password, "display_name": name }).to_string())
    };
    let good = "a good pass phrase";
    vec![
        case("no plus", register("4915112345678", good, "Eve"), 422, "validation"),
        case("a phone with *", register("+49*", good, "Eve"), 422, "validation"),
        case("a phone of 16", register("+1234567890123456", good, "Eve"), 422, "validation"),
        case("a short password", register("+4915112345678", "short", "Eve"), 422, "validation"),
        case("a common password", register("+4915112345678", "password123", "Eve"), 422, "validation"),
        case("a long password", register("+4915112345678", &"p".repeat(129), "Eve"), 422, "validation"),
        case("no name", register("+4915112345678", good, "  "), 422, "validation"),
        case("a bidi name", register("+4915112345678", good, "Eve\u{202e}"), 422, "validation"),
        case("an invisible name", register("+4915112345678", good, "\u{200b}\u{200d}"), 422, "validation"),
        case("a long name", register("+4915112345678", good, &"e".repeat(41)), 422, "validation"),
        case("a huge auth body", register("+4915112345678", &"p".repeat(5_000), "Eve"), 413, "payload-too-large"),
        case("a guest without a name", post("/v1/guests", "{}"), 422, "validation"),
        case(
            "a refresh token that is none",
            post("/v1/sessions/refresh", r#"{"refresh_token":"x"}"#),
            401,
            "unauthenticated",
        ),
        case(
            "sign-in of nobody",
            post("/v1/sessions", json!({ "phone": "+4915100000000", "password": good }).to_string()),
            401,
            "wrong-credentials",
        ),
    ]
}

fn paths(room: Room) -> Vec<Case> {
    let get = |path: String| Ask::new(Method::GET, path);
    let room_path = format!("/v1/rooms/{}", room.id);
    let mut cases = vec![
        case("nothing there", get("/v1/nothing".into()), 404, "not-found"),
        case("outside", get("/nothing".into()), 404, "not-found"),
        case("a room of nobody", get(format!("/v1/rooms/{NOBODY}")), 404, "not-found"),
        case("a message of nobody", get(format!("{room_path}/messages/{NOBODY}")), 404, "not-found"),
        case("a limit of 0", get(format!("{room_path}/messages?limit=0")), 400, "invalid-request"),
        case("a limit of 51", get(format!("{room_path}/messages?limit=51")), 400, "invalid-request"),
        case("a limit of words", get(format!("{room_path}/messages?limit=many")), 400, "invalid-request"),
        case(
            "two directions",
            get(format!("{room_path}/messages?before={NOBODY}&after={NOBODY}")),
            400,
            "invalid-request",
        ),
        case("an unknown query", get(format!("{room_path}/messages?offset=3")), 400, "invalid-request"),
        case("a cursor that is none", get(format!("{room_path}/messages?before=%00")), 400, "invalid-request"),
        case("a time that is none", get(format!("{room_path}/messages?at=yesterday")), 400, "invalid-request"),
        case("a list cursor that is none", get("/v1/lounges?cursor=zzz".into()), 400, "invalid-request"),
        case(
            "a position that is none",
            get(room_path.clone()).header("chat-min-position", "42"),
            400,
            "invalid-request",
        ),
        case("a long URI", get(format!("/v1/lounges?cursor={}", "a".repeat(3_000))), 414, "uri-too-long"),
        case("a method that is none", Ask::new(Method::PUT, "/v1/guests").json(&json!({})), 405, "method-not-allowed"),
        case(
            "edit what is not there",
            Ask::new(Method::PATCH, format!("{room_path}/messages/{NOBODY}")).json(&json!({"text":"a"})),
            404,
            "not-found",
        ),
        case("a socket without an upgrade", get("/v1/ws".into()), 400, "invalid-request"),
    ];
    for id in [
        "*",
        "%3E",
        "chat.v1.*",
        "0190A6F2-7C3E-7B1A-9C55-3F2B8A4D6E01",
        "%00",
        "..%2f..%2fetc",
        "{}",
        "0190a6f27c3e7b1a9c553f2b8a4d6e01",
    ] {
        cases.push(case(format!("room {id}"), get(format!("/v1/rooms/{id}")), 400, "invalid-request"));
        let join = Ask::new(Method::PUT, format!("/v1/rooms/{id}/members/me"));
        cases.push(case(format!("join {id}"), join, 400, "invalid-request"));
        let say = post(&format!("/v1/rooms/{id}/messages"), r#"{"text":"a"}"#);
        cases.push(case(format!("post to {id}"), say, 400, "invalid-request"));
    }
    cases
}

fn on_messages(room: Room, message: &str) -> Vec<Case> {
    let status = |body: Value| Ask::new(Method::PUT, format!("{message}/status")).json(&body);
    let react = |emoji: &str| Ask::new(Method::PUT, format!("{message}/reactions/{emoji}"));
    let reason = json!({ "reason": "a\u{0}b" });
    let all_of = |user: &str| Ask::new(Method::DELETE, format!("/v1/rooms/{}/members/{user}/messages", room.id));
    vec![
        case("the author's status", status(json!({ "status": "deleted" })), 422, "validation"),
        case("a status that is none", status(json!({ "status": "pinned" })), 422, "validation"),
        case("a blank reason", status(json!({ "status": "hidden", "reason": "\n" })), 422, "validation"),
        case("a reason with NUL", status(json!({ "status": "hidden", "reason": "\u{0}" })), 422, "validation"),
        case("no emoji", react("a"), 400, "invalid-request"),
        case("two emoji", react("%F0%9F%91%8D%F0%9F%91%8D"), 400, "invalid-request"),
        case("half an emoji", react("%F0%9F%91"), 400, "invalid-request"),
        case("an empty reaction", react(""), 404, "not-found"),
        case("a report with NUL", post(&format!("{message}/report"), reason.to_string()), 422, "validation"),
        case("all of nobody's", all_of(NOBODY), 404, "not-found"),
        case("all of no user's", all_of("me"), 400, "invalid-request"),
    ]
}

fn lounges_and_rooms(room: Room) -> Vec<Case> {
    let rooms = format!("/v1/lounges/{}/rooms", room.lounge);
    let make = |language: &str, visibility: &str| {
        let body = json!({ "name": "R", "language": language, "visibility": visibility, "guests": true });
        post(&rooms, body.to_string())
    };
    vec![
        case("a lounge without a name", post("/v1/lounges", r#"{"name":""}"#), 422, "validation"),
        case(
            "a lounge with a long name",
            post("/v1/lounges", json!({ "name": "l".repeat(81) }).to_string()),
            422,
            "validation",
        ),
        case("a language that is none", make("klingonish-!!", "public"), 422, "validation"),
        case("a visibility that is none", make("de", "secret"), 422, "validation"),
        case(
            "rooms of no lounge",
            post(
                &format!("/v1/lounges/{NOBODY}/rooms"),
                r#"{"name":"R","language":"de","visibility":"public","guests":true}"#,
            ),
            404,
            "not-found",
        ),
    ]
}

fn without_a_session(room: Room) -> Vec<Case> {
    let room_path = format!("/v1/rooms/{}", room.id);
    let get = |path: &str| Ask::new(Method::GET, path);
    vec![
        case("nobody reads", get(&format!("{room_path}/messages")), 401, "unauthenticated"),
        case("nobody lists", get("/v1/lounges"), 401, "unauthenticated"),
        case("nobody posts", post(&format!("{room_path}/messages"), r#"{"text":"a"}"#), 401, "unauthenticated"),
        case("a token that is none", get("/v1/users/me").bearer("x.y.z"), 401, "unauthenticated"),
        case("an unsigned token", get("/v1/users/me").bearer("eyJhbGciOiJub25lIn0.e30."), 401, "unauthenticated"),
        case("another scheme", get("/v1/users/me").header("authorization", "Basic QWRhOnB3"), 401, "unauthenticated"),
    ]
}

/// What is not as documented, if anything.
fn fault(case: &Case, answer: &Answer) -> Option<String> {
    let Case { what, status, code, .. } = case;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let as_documented = answer.header("content-type") == Some("application/problem+json")
        && (answer.status.as_u16(), body["code"].as_str()) == (*status, Some(*code))
        && body["status"] == *status
        && body["request_id"].as_str().is_some_and(|id| !id.is_empty())
        && body["type"].as_str().is_some_and(|page| page.starts_with("/problems/"));
    (!as_documented).then(|| format!("{what}: {status} {code} was due, and it was {} {body}", answer.status))
}

#[tokio::test]
async fn bad_requests_are_answered_as_documented_and_leave_no_trace() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let room = ada.opens_room("Deutsch").await;
    let messages = format!("/v1/rooms/{}/messages", room.id);
    let message = format!("{messages}/{}", ada.posts(room, "the only one").await);
    let token = ada.session.access_token().await.applied().expect("she is signed in");
    let before = system.ends().await;

    let mut signed_in = broken_bodies(&Method::POST, &messages, "text");
    signed_in.extend(broken_bodies(&Method::PATCH, &message, "text"));
    signed_in.extend(broken_bodies(&Method::POST, "/v1/lounges", "name"));
    signed_in.extend(broken_bodies(&Method::POST, &format!("/v1/lounges/{}/rooms", room.lounge), "name"));
    signed_in.extend(broken_bodies(&Method::PUT, &format!("{message}/status"), "reason"));
    signed_in.extend(broken_bodies(&Method::PUT, &format!("/v1/rooms/{}/read", room.id), "seq"));
    signed_in.extend(on_messages(room, &message));
    signed_in.extend(texts(&messages));
    signed_in.extend(paths(room));
    signed_in.extend(lounges_and_rooms(room));
    let mut anonymous = broken_bodies(&Method::POST, "/v1/guests", "display_name");
    anonymous.extend(broken_bodies(&Method::POST, "/v1/users", "phone"));
    anonymous.extend(broken_bodies(&Method::POST, "/v1/sessions", "phone"));
    anonymous.extend(accounts());
    anonymous.extend(without_a_session(room));

    let kinds: BTreeSet<&str> = signed_in.iter().chain(&anonymous).map(|case| case.what.as_str()).collect();
    assert!(kinds.len() >= 60, "{} cases", kinds.len());
    let mut faults = Vec::new();
    for case in &signed_in {
        let answer = system.api.send(case.ask.clone().bearer(&token)).await.expect("an answer");
        faults.extend(fault(case, &answer));
    }
    for case in &anonymous {
        let answer = system.api.send(case.ask.clone()).await.expect("an answer");
        faults.extend(fault(case, &answer));
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), signed_in.len() + anonymous.len(), faults.join("\n"));
    assert_eq!(system.ends().await, before, "something of it reached the log");
    assert_eq!(ada.reads_room(room).await, [Some("the only one".to_owned())]);
    system.stop().await;
}

/// What a socket says, and the code that it is closed with.
async fn is_closed_with(system: &System, what: &str, say: Vec<Message>) -> u16 {
    let (mut socket, _) = Socket::open(&system.api).await.expect("a socket");
    for message in say {
        // A server that has closed already does not take the rest.
        if socket.send(message).await.is_err() {
            break;
        }
    }
    loop {
        match tokio::time::timeout(std::time::Duration::from_secs(20), socket.frame()).await.expect("an end") {
            Ok(_) => {}
            Err(Closed::Code(code, _)) => return code,
            Err(other) => panic!("{what}: {other}"),
        }
    }
}

#[tokio::test]
async fn bad_frames_close_with_the_documented_code() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let room = ada.opens_room("Deutsch").await;
    let token = ada.session.access_token().await.applied().expect("she is signed in");
    let before = system.ends().await;
    let text = |frame: Value| Message::text(frame.to_string());
    let identify = |rooms: Value| json!({ "t": "identify", "d": { "token": token, "rooms": rooms } });
    let good = || text(identify(json!([{ "room": room.id }])));
    let cases = [
        ("no JSON", vec![Message::text("{")], 4502),
        ("no frame", vec![Message::text("[]")], 4502),
        ("an unknown frame", vec![good(), text(json!({ "t": "launch", "d": {} }))], 4502),
        ("a sub before identify", vec![text(json!({ "t": "sub", "d": { "room": room.id } }))], 4502),
        ("identify twice", vec![good(), good()], 4502),
        ("a bad token", vec![text(json!({ "t": "identify", "d": { "token": "x", "rooms": [] } }))], 4500),
        ("a room that is none", vec![text(identify(json!([{ "room": "chat.v1.>" }])))], 4502),
        ("a seq that is none", vec![text(identify(json!([{ "room": room.id, "seq": -1 }])))], 4502),
        (
            "a position that is none",
            vec![text(json!({ "t": "identify", "d": { "token": token, "rooms": [], "resume": "*" } }))],
            4007,
        ),
        (
            "an unknown field",
            vec![text(json!({ "t": "identify", "d": { "token": token, "rooms": [], "admin": true } }))],
            4502,
        ),
        ("binary", vec![Message::binary(vec![0_u8, 1, 2])], 4502),
        ("20 KiB", vec![Message::text("x".repeat(20 << 10))], 1009),
        ("16 MiB", vec![Message::text("x".repeat(16 << 20))], 1009),
    ];
    for (what, say, code) in cases {
        assert_eq!(is_closed_with(&system, what, say).await, code, "{what}");
    }
    assert_eq!(system.ends().await, before);
    still_hears(&ada, room).await;
    system.stop().await;
}

/// The others were not troubled.
async fn still_hears(ada: &User, room: Room) {
    let mut ears = ada.listens(room).await;
    ada.posts(room, "still here").await;
    assert_eq!(ears.hears().await.d["text"], "still here");
}
