//! The people of the tests, and what they ask for.

use super::{Ask, Pair};
use event_log::Fact;
use events::{Event, MessageEvent, RoomId, UserId};
use serde_json::{Value, json};

pub(crate) const ADA: &str = "+4915100000001";
pub(crate) const PASSWORD: &str = "the pass phrase of Ada";

/// Of Ada.
pub(crate) fn registering(password: &str) -> Ask<'static> {
    registration(ADA, password, "Ada")
}

fn registration(phone: &str, password: &str, name: &str) -> Ask<'static> {
    Ask::new("POST", "/v1/users", json!({ "phone": phone, "password": password, "display_name": name }))
}

pub(crate) fn signing_in(phone: &str, password: &str) -> Ask<'static> {
    Ask::new("POST", "/v1/sessions", json!({ "phone": phone, "password": password }))
}

pub(crate) fn refreshing(tokens: &Value) -> Ask<'static> {
    Ask::new("POST", "/v1/sessions/refresh", json!({ "refresh_token": tokens["refresh_token"] }))
}

/// What only somebody who is signed in may do, and nobody minds.
pub(crate) fn making_a_lounge(tokens: &Value) -> Ask<'_> {
    Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(tokens)
}

/// The tokens of a new registered user.
pub(crate) async fn a_user(pair: &Pair, phone: &str, name: &str) -> Value {
    registration(phone, PASSWORD, name).done(&pair.one).await
}

/// The tokens of a new guest.
pub(crate) async fn a_guest(pair: &Pair, name: &str) -> Value {
    Ask::new("POST", "/v1/guests", json!({ "display_name": name })).done(&pair.one).await
}

/// Ada's tokens and the path of a room of hers, made through the first instance.
pub(crate) async fn ada_and_her_room(pair: &Pair) -> (Value, String) {
    let ada = registering(PASSWORD).done(&pair.one).await;
    let room = a_room(pair, &ada, "public").await;
    (ada, room)
}

/// The path of a new room.
pub(crate) async fn a_room(pair: &Pair, owner: &Value, visibility: &str) -> String {
    let lounge = making_a_lounge(owner).done(&pair.one).await;
    let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en", "visibility": visibility, "guests": true });
    let room = Ask::new("POST", rooms, wish).by(owner).done(&pair.one).await;
    format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"))
}

/// The id in a room's path.
pub(crate) fn room_id(path: &str) -> RoomId {
    path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("a path ends with its id")
}

/// Whose tokens they are.
pub(crate) fn user_id(tokens: &Value) -> UserId {
    tokens["user"]["id"].as_str().and_then(|id| id.parse().ok()).expect("tokens name their user")
}

/// The path of somebody in a room, or of what is done to him.
pub(crate) fn member(room: &str, tokens: &Value, what: &str) -> String {
    format!("{room}/members/{}{what}", user_id(tokens))
}

pub(crate) fn join<'a>(room: &str, tokens: &'a Value) -> Ask<'a> {
    Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(tokens)
}

pub(crate) fn leave<'a>(room: &str, tokens: &'a Value) -> Ask<'a> {
    Ask::new("DELETE", format!("{room}/members/me"), Value::Null).by(tokens)
}

pub(crate) fn say<'a>(room: &str, tokens: &'a Value, text: &str) -> Ask<'a> {
    Ask::new("POST", format!("{room}/messages"), json!({ "text": text })).by(tokens)
}

pub(crate) fn make<'a>(room: &str, tokens: &'a Value, whom: &Value, role: &str) -> Ask<'a> {
    Ask::new("PUT", member(room, whom, "/role"), json!({ "role": role })).by(tokens)
}

/// The texts of what was posted, in order.
pub(crate) fn said(facts: &[Fact]) -> Vec<String> {
    let text = |fact: &'_ Fact| match &fact.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.text.clone()),
        _ => None,
    };
    facts.iter().filter_map(text).collect()
}
