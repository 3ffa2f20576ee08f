//! How does a person go? Erased by himself, wherever he was; or suspended by the operator.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use chatroom::{
    cli::Cli,
    client::{Ask, Outcome, Session},
};
use clap::Parser;
use command_service::Service;
use event_log::{AppendError, Appended, EventLog, Extent, FollowError, Freshness, JetStream, LogError, Record, Start};
use events::{NewEvent, StreamName, Subject, UserId};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use hyper::Method;
use platform::{Shutdown, health::Health};
use serde_json::{Value, json};
use servers::Role;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{System, User};
use tokio_postgres::NoTls;
use tower::ServiceExt;

const NAME: &str = "Zyzzyva";
const SOON: Duration = Duration::from_secs(20);

fn farewell(user: &User) -> Ask {
    let password = user.account.as_ref().map(|account| account.password.as_str());
    Ask::new(Method::DELETE, "/v1/users/me").json(&json!({ "current_password": password }))
}

/// Every row of every table of both schemas, as text, once they have everything that is in the log now.
async fn tables(system: &System) -> String {
    let ends = system.ends().await;
    let end = |stream| ends.iter().find(|(name, _)| *name == stream).map_or(0, |(_, end)| *end);
    let (chat, identity) = (end(StreamName::Chat), end(StreamName::Identity));
    let url = system.servers.postgres.url(Role::Operator);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("the operator may connect");
    tokio::spawn(connection);
    let began = Instant::now();
    loop {
        let reached = "select (select seq from rm.checkpoint where projection = 'chat' and part = 0),
                              (select seq from rm_live.checkpoint where projection = 'identity')";
        let row = client.query_one(reached, &[]).await.expect("two numbers");
        let at = |column| u64::try_from(row.get::<_, Option<i64>>(column).unwrap_or(0)).unwrap_or(0);
        if at(0) >= chat && at(1) >= identity {
            break;
        }
        assert!(began.elapsed() < SOON, "the read model does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let names = "select format('%I.%I', table_schema, table_name) from information_schema.tables
                  where table_schema in ('rm', 'rm_live')";
    let mut text = String::new();
    for name in client.query(names, &[]).await.expect("the tables") {
        let name: String = name.get(0);
        for row in client.query(&format!("select t::text from {name} as t"), &[]).await.expect("its rows") {
            text += &format!("{name}: {}\n", row.get::<_, String>(0));
        }
    }
    text
}

fn is_nowhere(secrets: &[&str], text: &str) {
    for secret in secrets {
        let place = text.lines().find(|line| line.contains(secret));
        assert!(place.is_none(), "{secret:?} in {place:?}");
    }
}

// Red without `removed` among the drafts of a departure; and without the messages among the traces of a person.
#[tokio::test]
async fn who_erases_himself_leaves_neither_name_nor_number_nor_text() {
    let system = System::start().await;
    let bob = system.registers("Bob").await;
    let ada = system.registers(NAME).await;
    let account = ada.account.clone().expect("she has one");
    let laptop = Ask::new(Method::POST, "/v1/sessions")
        .json(&json!({ "phone": account.phone, "password": account.password, "device": "the laptop of Zyzzyva" }));
    assert!(system.api.send(laptop).await.expect("an answer").status.is_success());
    let (hall, attic) = (bob.opens_room("Hall").await, bob.opens_room("Attic").await);
    for room in [hall, attic] {
        ada.joins(room).await;
        ada.posts(room, "a text that is hers alone").await;
        bob.posts(room, "a text of Bob's").await;
    }
    // Of a room that she has left, what she wrote there goes as well.
    ada.leaves(attic).await;
    let mut ears = ada.listens(hall).await;
    let before = tables(&system).await;
    for hers in [NAME, "a text that is hers alone", "the laptop"] {
        assert!(before.contains(hers), "{hers}");
    }

    // She has to mean it.
    assert_eq!(ada.is_refused(Ask::new(Method::DELETE, "/v1/users/me")).await.code, "validation");
    let wrong = json!({ "current_password": "no pass phrase of hers" });
    let wrong = Ask::new(Method::DELETE, "/v1/users/me").json(&wrong);
    assert_eq!(ada.is_refused(wrong).await.code, "wrong-password");
    assert_eq!(bob.reads_room(hall).await.len(), 2);

    ada.does(farewell(&ada)).await;
    let closed = ears.is_closed().await.to_string();
    assert!(closed.contains("45"), "{closed}");
    assert_eq!(ada.is_refused(Ask::new(Method::GET, "/v1/users/me")).await.status, 401);
    let Outcome::Refused(wrong) = Session::sign_in(&system.api, &account.phone, &account.password).await else {
        panic!("nobody has the number")
    };
    assert_eq!(wrong.code, "wrong-credentials");

    let after = tables(&system).await;
    let tag = after_word(&before, &ada.id().to_string(), "registered,");
    assert_eq!(tag.len(), 64, "{tag}");
    is_nowhere(&[NAME, "a text that is hers alone", "the laptop", &tag, &account.phone], &after);
    for room in [hall, attic] {
        bob.posts(room, "is she gone?").await;
        let mut answers = String::new();
        for path in ["messages", "members", "feed?after=0"] {
            answers += &format!("{}\n", bob.reads(&format!("/v1/rooms/{}/{path}", room.id)).await);
        }
        is_nowhere(&[NAME, "a text that is hers alone"], &answers);
        assert!(answers.contains("a text of Bob's"));
        assert_eq!(bob.reads_room(room).await[0], None, "it keeps its place");
    }
    let members = bob.reads(&format!("/v1/rooms/{}/members", hall.id)).await;
    assert_eq!(members["items"].as_array().expect("a list").len(), 1, "{members}");

    // The number is free.
    let anew = Session::register(&system.api, &account).await.applied().expect("a new account");
    assert_ne!(anew.user(), ada.id());
    system.stop().await;
}

/// What follows on this word in the row that begins with the id.
fn after_word(tables: &str, id: &str, word: &str) -> String {
    let row = tables.lines().find(|line| line.starts_with(&format!("rm_live.accounts: ({id}")));
    let rest = row.and_then(|row| row.split_once(word)).map_or("", |(_, rest)| rest);
    rest.split(',').next().unwrap_or_default().to_owned()
}

// Red without the first `each` in `leave_all_rooms`: what stands in the other room goes before the refusal.
#[tokio::test]
async fn the_last_owner_hands_over_first_and_nothing_was_done() {
    let system = System::start().await;
    let (bob, ada) = (system.registers("Bob").await, system.registers(NAME).await);
    let mut rooms = Vec::new();
    for n in 0..5 {
        let room = bob.opens_room(&format!("Room {n}")).await;
        ada.joins(room).await;
        ada.posts(room, "still here").await;
        rooms.push(room);
    }
    ada.opens_room("Hers").await;
    let before = system.ends().await;
    assert_eq!(ada.is_refused(farewell(&ada)).await.code, "last-owner");
    assert_eq!(system.ends().await, before, "nothing was written");
    for room in rooms {
        assert_eq!(bob.reads_room(room).await, [Some("still here".to_owned())]);
    }
    system.stop().await;
}

#[tokio::test]
async fn a_guest_erases_himself_without_a_password() {
    let system = System::start().await;
    let (bob, gus) = (system.registers("Bob").await, system.welcomes(NAME).await);
    let room = bob.opens_room("Hall").await;
    gus.joins(room).await;
    gus.posts(room, "a text that is his alone").await;
    gus.does(Ask::new(Method::DELETE, "/v1/users/me")).await;
    is_nowhere(&[NAME, "a text that is his alone"], &tables(&system).await);
    assert_eq!(gus.is_refused(Ask::new(Method::GET, "/v1/users/me")).await.status, 401);
    system.stop().await;
}

/// A log that takes only so many batches of rooms, and then is away for them.
struct Interrupted {
    log: JetStream,
    rooms_left: AtomicUsize,
}

impl EventLog for Interrupted {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let of_a_room = unit.iter().any(|event| matches!(event.subject, Subject::RoomMessages(_)));
        let lets = |left: usize| left.checked_sub(1);
        if of_a_room && self.rooms_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lets).is_err() {
            return async { Err(AppendError::NotStored("it is away".to_owned())) }.boxed();
        }
        self.log.append(unit)
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.last(subject, freshness)
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.read(stream, seq)
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        self.log.extent(stream)
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        self.log.follow(stream, start, filters)
    }
}

async fn asked(router: &Router, token: &str, body: &Value) -> StatusCode {
    let request = Request::delete("/v1/users/me").header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    let answer = router.clone().oneshot(request.expect("a valid request")).await.expect("infallible");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.expect("in memory");
    println!("{status} {}", String::from_utf8_lossy(&body));
    status
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_goes_on_when_it_is_repeated() {
    let system = System::start().await;
    let (bob, ada) = (system.registers("Bob").await, system.registers(NAME).await);
    let mut rooms = Vec::new();
    for n in 0..6 {
        let room = bob.opens_room(&format!("Room {n}")).await;
        ada.joins(room).await;
        ada.posts(room, "a text that is hers alone").await;
        rooms.push(room);
    }
    let log = Arc::new(Interrupted { log: system.log(Role::Command).await, rooms_left: AtomicUsize::new(2) });
    let shutdown = Shutdown::new();
    let config = system.settings().of(Role::Command).parse().expect("a command service's");
    let service = Service::on(Arc::clone(&log) as Arc<dyn EventLog>, config, &shutdown, &Health::new()).await;
    let router = service.expect("an instance").router;
    let token = ada.session.access_token().await.applied().expect("a token");
    let password = &ada.account.as_ref().expect("she has one").password;
    let body = json!({ "current_password": password });

    assert_eq!(asked(&router, &token, &body).await, StatusCode::SERVICE_UNAVAILABLE);
    let written = tables(&system).await;
    let messages = written.lines().filter(|row| row.starts_with("rm.messages: "));
    let texts = messages.filter(|row| row.contains("a text that is hers alone")).count();
    assert_eq!(texts, 4, "two rooms are done, four are not");
    // She is still herself, and may go on.
    log.rooms_left.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(asked(&router, &token, &body).await, StatusCode::OK);
    is_nowhere(&[NAME, "a text that is hers alone"], &tables(&system).await);
    assert_eq!(asked(&router, &token, &body).await, StatusCode::UNAUTHORIZED, "it is done");
    shutdown.cancel();
    shutdown.wait(SOON).await.expect("its tasks end well");
    system.stop().await;
}

/// As an operator types it.
async fn operator_does(system: &System, words: &[&str]) -> anyhow::Result<()> {
    let settings = system.settings().of(Role::Operator);
    let flags = [("--nats-url", "NATS_URL"), ("--nats-user", "NATS_USER"), ("--nats-password", "NATS_PASSWORD")];
    let more = [("--nats-inbox-prefix", "NATS_INBOX_PREFIX"), ("--nats-monitoring-url", "NATS_MONITORING_URL")];
    let flags = flags.iter().chain(&more).map(|(flag, name)| format!("{flag}={}", settings.get(name).expect("told")));
    let words = ["chatroom", "user"].iter().chain(words).map(|word| (*word).to_owned());
    Cli::try_parse_from(words.chain(flags))?.run().await
}

#[tokio::test]
async fn an_operator_suspends_and_reinstates_from_the_command_line() {
    let system = System::start().await;
    let (bob, ada) = (system.registers("Bob").await, system.registers("Ada").await);
    let room = bob.opens_room("Hall").await;
    ada.joins(room).await;
    let mut ears = ada.listens(room).await;
    let id = ada.id().to_string();
    operator_does(&system, &["suspend", &id, "--reason", "spam"]).await.expect("there is one");
    let began = Instant::now();
    let closed = ears.is_closed().await.to_string();
    let me = || Ask::new(Method::GET, "/v1/users/me");
    let post = || Ask::new(Method::POST, format!("/v1/rooms/{}/messages", room.id)).json(&json!({ "text": "hi" }));
    for ask in [me(), post()] {
        assert_eq!(ada.is_refused(ask).await.status, 401);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{closed}");
    operator_does(&system, &["reinstate", &id]).await.expect("there is one");
    let again = system.signs_in(&ada).await;
    again.posts(room, "back again").await;
    let nobody = UserId(uuid::Uuid::now_v7()).to_string();
    assert!(operator_does(&system, &["suspend", &nobody]).await.is_err());
    assert!(operator_does(&system, &["suspend", "Ada"]).await.is_err(), "an id, not a name");
    system.stop().await;
}
