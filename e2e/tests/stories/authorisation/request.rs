//! What is asked for a row? Method and path as the OpenAPI document has them, filled with the stage's ids.

use super::{
    cast::Cast,
    person::Account,
    stage::{NOTHING, Stage},
};
use chatroom::{client::Ask, docs::authorisation::Row};
use hyper::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One reaction, percent-encoded.
const EMOJI: &str = "%F0%9F%91%8D";

/// All of them by `operationId`: method and path.
pub(crate) struct Operations(BTreeMap<String, (Method, String)>);

impl Operations {
    pub(crate) fn of_the_document() -> Self {
        let document = serde_json::to_value(chatroom::docs::openapi()).expect("a document of strings");
        let mut operations = BTreeMap::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let method = method.to_uppercase().parse().expect("a method");
                let id = operation["operationId"].as_str().expect("each has one");
                operations.insert(id.to_owned(), (method, path.clone()));
            }
        }
        Self(operations)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The row's request, without a token.
    pub(crate) fn ask(&self, cast: &Cast, row: &Row, stage: &Stage) -> Ask {
        let operation = self.0.get(&row.operation);
        let (method, template) = operation.unwrap_or_else(|| panic!("{row}: there is no such operation"));
        let path = path(template, cast, row, stage);
        let ask = Ask::new(method.clone(), path);
        match body(cast, row, stage) {
            Some(body) => ask.json(&body),
            None => ask,
        }
    }
}

fn path(template: &str, cast: &Cast, row: &Row, stage: &Stage) -> String {
    let session = match (row.target.as_str(), &stage.caller) {
        ("own", Some(caller)) => caller.session.as_str(),
        ("other", _) => cast.tim.session.as_str(),
        _ => NOTHING,
    };
    let id = match template.split('/').nth(2) {
        Some("rooms") => &stage.room,
        Some("lounges") => &stage.lounge,
        Some("sessions") => session,
        _ => &stage.user,
    };
    let path = template.replace("{id}", id).replace("{user}", &stage.user);
    let path = path.replace("{message}", &stage.message).replace("{emoji}", EMOJI);
    let query = match (row.operation.as_str(), row.room.as_str(), row.target.as_str()) {
        ("list_feed", ..) => "?after=0",
        ("list_messages", _, "hidden") => "?status=hidden",
        ("list_rooms", "archived", _) => "?active=false",
        ("search", _, "-") => "?q=message&room=",
        ("search", ..) => "?q=message",
        _ => "",
    };
    let within = if query.ends_with('=') { &stage.room } else { "" };
    path + query + within
}

fn body(cast: &Cast, row: &Row, stage: &Stage) -> Option<Value> {
    let target = row.target.as_str();
    let own = stage.caller.as_ref().and_then(|caller| caller.account.clone());
    let other = cast.tim.account.clone().expect("he is registered");
    let wrong = || "another pass phrase".to_owned();
    let password = |own: &Option<Account>| match (target, own) {
        ("wrong-password", _) | (_, None) => wrong(),
        (_, Some(own)) => own.password.clone(),
    };
    Some(match row.operation.as_str() {
        "register" | "sign_in" => {
            let (phone, password) = match (target, own) {
                ("own", Some(own)) => (own.phone, own.password),
                ("other", _) => (other.phone, wrong()),
                _ => {
                    let new = cast.account();
                    (new.phone, new.password)
                }
            };
            let name = (row.operation == "register").then_some(("display_name", "Somebody"));
            let fields = [("phone", phone.as_str()), ("password", &password)].into_iter().chain(name);
            fields.map(|(name, value)| (name.to_owned(), json!(value))).collect()
        }
        "upgrade_guest" if target == "taken" => json!({ "phone": other.phone, "password": wrong() }),
        "upgrade_guest" => json!({ "phone": cast.account().phone, "password": wrong() }),
        "change_password" => json!({ "current_password": password(&own), "new_password": "quite another pass phrase" }),
        // Guests, who have no password, send no body.
        "erase_me" if own.is_none() => return None,
        "erase_me" => json!({ "current_password": password(&own) }),
        "refresh_session" => {
            let own = stage.caller.as_ref().filter(|_| target == "own").map(|caller| caller.refresh_token.as_str());
            json!({ "refresh_token": own.unwrap_or("none of ours") })
        }
        "start_guest" | "rename_me" => json!({ "display_name": "Somebody" }),
        "heartbeat" => json!({}),
        "create_lounge" | "change_lounge" => json!({ "name": "Another name" }),
        "create_room" => json!({ "name": "A room", "language": "en", "visibility": "public", "guests": true }),
        "change_room" => json!({ "topic": "another" }),
        "change_role" => json!({ "role": role(target) }),
        "post_message" | "edit_message" => json!({ "text": "something else" }),
        "moderate_message" => json!({ "status": "hidden" }),
        "mark_read" => json!({ "seq": 1 }),
        _ => return None,
    })
}

/// What somebody is to become: always something else.
fn role(target: &str) -> &'static str {
    match target {
        "new-owner" => "owner",
        "moderator" | "owner" | "self" | "with-another-owner" => "member",
        _ => "moderator",
    }
}
