//! What becomes of commands on messages, on two instances with one log and one read model?

#[path = "../instances/mod.rs"]
mod instances;

mod marking;
mod moderating;
mod reacting;
mod read_model;
mod repeating;

use axum::Router;
use event_log::{EventLog, Fact, Freshness, JetStream};
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, MembershipEvent, MessageEvent, NewEvent, RoomId, Subject,
    UserId,
};
use instances::{Answer, Ask, NO_POSTGRES, Pair};
use read_model::ReadModel;
use serde_json::{Value, json};
use servers::Role;
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
        let pair = Pair::start(&read_model.url()).await;
        let account = json!({ "phone": "+4915100000001", "password": "the pass phrase of Ada", "display_name": "Ada" });
        let ada = Ask::new("POST", "/v1/users", account).done(&pair.one).await;
        let lounge = Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(&ada).done(&pair.one).await;
        let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
        let wish = json!({ "name": "Hall", "language": "en", "guests": true });
        let room = Ask::new("POST", rooms, wish).by(&ada).done(&pair.one).await;
        let path = format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"));
        let hall = Self { pair, read_model, ada, bob: Value::Null, path };
        let bob = hall.welcomes("Bob").await;
        hall.ask("PUT", "/members/me", Value::Null).by(&bob).done(&hall.pair.one).await;
        Self { bob, ..hall }
    }

    /// A guest, who is not in the room yet.
    async fn welcomes(&self, name: &str) -> Value {
        Ask::new("POST", "/v1/guests", json!({ "display_name": name })).done(&self.pair.one).await
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
        let log = JetStream::new(self.pair.nats.connect(Role::Command).await.expect("a command service may connect"));
        let subject = Subject::Member(self.room(), user);
        let tip = log.last(subject, Freshness::Leader).await.expect("a log").expect("he was in the room");
        let Event::Membership(Change { after, .. }) = tip.fact().expect("of our vocabulary").event else {
            panic!("a member's fact")
        };
        let mut envelope = Envelope::new(EventId(Uuid::now_v7()), chrono::Utc::now(), Actor::System, "test");
        envelope.after = Some(Condition { subject, seq: tip.seq });
        let event = Change::of(Some(after), event.into()).into();
        log.append(vec![NewEvent { subject, envelope, event }]).await.expect("nobody else writes there");
    }

    /// What stands on the room's messages so far.
    async fn messages(&self) -> Vec<MessageEvent> {
        let event = |fact: Fact| if let Event::Message(event) = fact.event { Some(event) } else { None };
        self.pair.chat().await.into_iter().filter_map(event).collect()
    }

    fn room(&self) -> RoomId {
        self.path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id")
    }

    async fn stop(self) {
        self.pair.stop().await;
        self.read_model.stop().await;
    }
}

fn id(tokens: &Value) -> UserId {
    tokens["user"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

fn key() -> String {
    Uuid::now_v7().to_string()
}

/// The code of a refusal, which has to be one.
async fn refused(ask: Ask<'_>, instance: &Router) -> String {
    let Answer { status, body, .. } = ask.of(instance).await;
    assert!(status >= 400, "it was not refused: {body}");
    body["code"].as_str().expect("a problem").to_owned()
}
