//! What becomes of commands on messages, on two instances with one log and one read model?

mod marking;
mod moderating;
mod reacting;
mod read_model;
mod repeating;

use crate::house::{Answer, Ask, House, Instance, Pair, a_guest, ada_and_her_room, join, room_id};
use event_log::Fact;
use events::{Change, Event, MembershipEvent, MessageEvent, RoomId, Subject, UserId};
use read_model::ReadModel;
use serde_json::{Value, json};
use uuid::Uuid;

/// A room of Ada's with Bob in it, on two instances.
struct Hall {
    pair: Pair,
    read_model: ReadModel,
    ada: Value,
    bob: Value,
    path: String,
}

impl Hall {
    async fn start() -> Self {
        let read_model = ReadModel::start().await;
        let pair = Pair::in_house(House::on(&read_model.url()).await).await;
        let (ada, path) = ada_and_her_room(&pair).await;
        let bob = a_guest(&pair, "Bob").await;
        join(&path, &bob).done(&pair.one).await;
        Self { pair, read_model, ada, bob, path }
    }

    /// Something about the room, or in it.
    fn ask<'a>(&self, method: &'a str, path: &str, body: Value) -> Ask<'a> {
        Ask::new(method, format!("{}{path}", self.path), body)
    }

    /// Bob says something through the first instance; answers with the message's path in the room.
    async fn bob_says(&self, text: &str) -> String {
        let posted = self.ask("POST", "/messages", json!({ "text": text })).by(&self.bob).done(&self.pair.one).await;
        format!("/messages/{}", posted["message"]["id"].as_str().expect("an id"))
    }

    /// The read model has every message that was said, with this status, and is at the log's end.
    async fn is_read(&self, status: &str) {
        let facts = self.pair.chat().await;
        self.read_model.has(&facts, status).await;
    }

    /// A fact about a member, as if a command elsewhere had written it.
    async fn happens(&self, user: UserId, event: impl Into<MembershipEvent>) {
        let subject = Subject::Member(self.room(), user);
        let tip = self.pair.house.tip(subject).await.expect("he was in the room");
        let Event::Membership(Change { after, .. }) = tip.fact().expect("of our vocabulary").event else {
            panic!("a member's fact")
        };
        self.pair.house.append(vec![(subject, tip.seq, Change::of(Some(after), event.into()).into())]).await;
    }

    /// What stands on the room's messages so far.
    async fn messages(&self) -> Vec<MessageEvent> {
        let event = |fact: Fact| if let Event::Message(event) = fact.event { Some(event) } else { None };
        self.pair.chat().await.into_iter().filter_map(event).collect()
    }

    fn room(&self) -> RoomId {
        room_id(&self.path)
    }

    async fn stop(self) {
        self.pair.stop().await;
        self.read_model.stop().await;
    }
}

fn key() -> String {
    Uuid::now_v7().to_string()
}

/// The code of a refusal, which has to be one.
async fn refused(ask: Ask<'_>, instance: &Instance) -> String {
    let Answer { status, body, .. } = ask.of(instance).await;
    assert!(status >= 400, "it was not refused: {body}");
    body["code"].as_str().expect("a problem").to_owned()
}
