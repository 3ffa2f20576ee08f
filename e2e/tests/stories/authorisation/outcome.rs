//! What came of it? The word of the table, and the answer for whoever looks for the reason.

use super::{
    cast::Cast,
    stage::{REASON, Stage, TEXT},
};
use chatroom::{
    client::{Answer, Ask},
    docs::authorisation::Row,
};
use hyper::{Method, StatusCode};
use platform::Code;
use serde_json::Value;

/// What came of a cell.
pub(crate) struct Outcome {
    /// In the words of the table.
    pub(crate) cell: String,
    /// As it was said.
    pub(crate) answer: String,
}

/// Asks, and reads the answer.
pub(crate) async fn of_request(cast: &Cast, stage: &Stage, row: &Row, ask: Ask) -> Outcome {
    let answer = asked(cast, stage, ask.clone()).await;
    let body = answer.value();
    let cell = match (answer.status.is_success(), body["code"].as_str().and_then(Code::find)) {
        (true, _) if shows(cast, stage, row, &body).await => "ok".to_owned(),
        (true, _) => "without".to_owned(),
        (false, Some(code)) if code.status() == answer.status => code.as_str().to_owned(),
        (false, _) => "no documented problem".to_owned(),
    };
    Outcome { cell, answer: format!("{} {body}", answer.status) }
}

/// With the caller's token, if he has one; of a read model that has what the stage was set with.
async fn asked(cast: &Cast, stage: &Stage, ask: Ask) -> Answer {
    let ask = match &stage.position {
        Some(position) => ask.header("chat-min-position", position).header("prefer", "wait=4"),
        None => ask,
    };
    match &stage.caller {
        Some(caller) => caller.asks(&cast.api, ask).await,
        None => cast.api.send(ask).await.expect("an answer"),
    }
}

/// Whether the answer holds what the row is about.
async fn shows(cast: &Cast, stage: &Stage, row: &Row, body: &Value) -> bool {
    match (row.operation.as_str(), row.target.as_str()) {
        ("list_lounges", _) => lists(cast, stage, "/v1/lounges?", &stage.lounge).await,
        ("list_rooms", _) => {
            let active = row.room != "archived";
            let path = format!("/v1/lounges/{}/rooms?active={active}&", stage.lounge);
            lists(cast, stage, &path, &stage.room).await
        }
        ("list_own_rooms", _) => lists(cast, stage, "/v1/users/me/rooms?", &stage.room).await,
        ("list_messages", "hidden") => body["items"][0]["id"] == stage.message.as_str(),
        ("search", "other" | "hidden" | "removed" | "own-hidden") => {
            body["items"].as_array().expect("a page").iter().any(|hit| hit["message"]["id"] == stage.message.as_str())
        }
        ("list_sessions", "other") => body.to_string().contains(&cast.tim.session),
        _ => tells(row, &body.to_string()),
    }
}

/// Whether the text of a message, or a reason, is in what was answered, if it is about one.
pub(crate) fn tells(row: &Row, said: &str) -> bool {
    match (row.operation.as_str(), row.target.as_str()) {
        (_, "ban-reason") => said.contains(REASON),
        ("get_message" | "list_message_versions" | "list_user_messages", _) => said.contains(TEXT),
        ("list_messages" | "list_feed" | "socket.sub", "removed" | "own-hidden") => said.contains(TEXT),
        _ => true,
    }
}

/// Whether a list has this id on any of its pages.
async fn lists(cast: &Cast, stage: &Stage, path: &str, id: &str) -> bool {
    let mut cursor = String::new();
    loop {
        let answer = asked(cast, stage, Ask::new(Method::GET, format!("{path}{cursor}"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let page = answer.value();
        if page["items"].as_array().expect("a list").iter().any(|item| item["id"] == id) {
            return true;
        }
        match page["page"]["next"].as_str() {
            Some(next) if page["page"]["has_more_after"] == true => cursor = format!("cursor={next}"),
            _ => return false,
        }
    }
}
