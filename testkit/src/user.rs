//! Somebody who acts: what a person does, in the domain's words, each through the public API.

use crate::Ears;
use chatroom::client::{Account, Answer, Api, Ask, NewRoom, Outcome, PageOf, Refusal, Session};
use events::{LoungeId, MessageId, Position, RoomId, UserId};
use hyper::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// A room, and the lounge that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub id: RoomId,
    pub lounge: LoungeId,
}

/// The latest position that somebody has written or heard: reads ask for at least that. The test may
/// compare positions, which clients cannot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Option<Position>>>);

impl Known {
    pub(crate) fn saw(&self, position: &str) {
        let position: Position = position.parse().expect("a position");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|known| known.seq < position.seq) {
            *known = Some(position);
        }
    }

    fn text(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|position| position.to_string())
    }
}

/// Somebody who is signed in.
pub struct User {
    pub name: String,
    pub session: Session,
    pub account: Option<Account>,
    api: Api,
    known: Known,
}

impl User {
    pub(crate) fn new(api: Api, session: Session, name: &str, account: Option<Account>) -> Self {
        Self { name: name.to_owned(), session, account, api, known: Known::default() }
    }

    pub fn id(&self) -> UserId {
        self.session.user()
    }

    /// Opens a lounge with one public room that guests may join.
    pub async fn opens_room(&self, name: &str) -> Room {
        let lounge = self.session.create_lounge(&key(), name).await.applied().expect("registered users may");
        self.opens_room_in(lounge.id, name).await
    }

    /// Opens a further room.
    pub async fn opens_room_in(&self, lounge: LoungeId, name: &str) -> Room {
        let room = NewRoom { name: name.to_owned(), language: "en".into(), visibility: "public".into(), guests: true };
        let made = self.session.create_room(&key(), lounge, &room).await.applied().expect("the lounge is his");
        self.known.saw(&made.position);
        Room { id: made.id, lounge }
    }

    pub async fn joins(&self, room: Room) {
        let position = self.session.join(room.id).await.applied().expect("the room is open");
        self.known.saw(&position);
    }

    pub async fn leaves(&self, room: Room) {
        let position = self.session.leave(room.id).await.applied().expect("he may leave");
        self.known.saw(&position);
    }

    pub async fn posts(&self, room: Room, text: &str) -> MessageId {
        let posted = self.session.post(room.id, &key(), text).await.applied().expect("a member may post");
        self.known.saw(&posted.position);
        posted.id
    }

    /// Posts with a key of one's own, whatever comes of it.
    pub async fn tries_to_post(&self, room: Room, key: &str, text: &str) -> Outcome<MessageId> {
        self.session.post(room.id, key, text).await.map(|posted| posted.id)
    }

    pub async fn edits(&self, room: Room, message: MessageId, text: &str) {
        let ask = Ask::new(Method::PATCH, format!("/v1/rooms/{}/messages/{message}", room.id));
        self.does(ask.json(&json!({ "text": text }))).await;
    }

    pub async fn deletes(&self, room: Room, message: MessageId) {
        self.does(Ask::new(Method::DELETE, format!("/v1/rooms/{}/messages/{message}", room.id))).await;
    }

    /// Does what has to succeed.
    pub async fn does(&self, ask: Ask) -> Value {
        let answer = self.session.ask(ask).await.applied().expect("it is allowed");
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if let Some(position) = body["position"].as_str() {
            self.known.saw(position);
        }
        body
    }

    /// Does what has to be refused; answers with how.
    pub async fn is_refused(&self, ask: Ask) -> Refusal {
        match self.session.ask(ask).await {
            Outcome::Refused(refusal) => refusal,
            other => panic!("{} was not refused: {other:?}", self.name),
        }
    }

    /// Reads, and sees at least what he has written or heard.
    pub async fn reads(&self, path: &str) -> Value {
        let position = self.known.text();
        let answer: Answer = self.session.get(path, position.as_deref()).await.applied().expect("he may read");
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// The latest page of a room's texts; `None` where a message shows none.
    pub async fn reads_room(&self, room: Room) -> Vec<Option<String>> {
        let position = self.known.text();
        let page = self.session.page(room.id, &PageOf::Latest, position.as_deref()).await.applied().expect("a page");
        page.items.into_iter().map(|message| message.text).collect()
    }

    /// Opens a socket and follows the room from what this person did last.
    pub async fn listens(&self, room: Room) -> Ears {
        let position = self.known.text();
        Ears::open(&self.api, &self.session, room.id, None, position.as_deref(), &self.known).await
    }

    /// Opens a socket and takes the room up behind the last frame that was heard.
    pub async fn listens_again(&self, room: Room, seq: u64) -> Ears {
        Ears::open(&self.api, &self.session, room.id, Some(seq), None, &self.known).await
    }
}

/// A fresh idempotency key, as clients make them.
fn key() -> String {
    Uuid::now_v7().to_string()
}
