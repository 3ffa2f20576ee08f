//! Does every question to the read model find its rows by an index, also where there are many?

mod asked;
mod filled;

use asked::{Asked, Statement};
use chatroom::client::{Ask, Follow, Socket};
use hyper::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Room, System, User};
use uuid::Uuid;

/// Parts of the statements that are prepared by hand, so that none is forgotten; the sweep's comes too seldom.
const BY_HAND: [(&str, &str); 13] = [
    ("a page of messages", "where room_id = $1 and room_seq < a.bound \n"),
    ("a page of messages of one status", "where room_id = $1 and room_seq < a.bound and status = $8"),
    ("the feed", "select min(room_seq) as oldest from rm.feed"),
    ("live: members of rooms", "cross join unnest($1::uuid[]) as wanted (id)"),
    ("live: names", "from rm.users where id = any($1)"),
    ("live: seqs at a position", "where room_id = wanted.id and position <= $2"),
    ("live: users changed since", "where id = member.user_id and position > $2"),
    ("live: lounges changed since", "and position > $2"),
    ("live: unread", "as wanted (id, read, head)"),
    ("room_head", "select seq from rm.room_head where room_id = $1"),
    ("messages_known", "left join rm.messages as message on message.id = any($1)"),
    ("rooms_of_a_person", "select room_id, role = 'owner' as owns from rm.members"),
    ("sessions_of_a_person", "select id from rm_live.guest_sessions"),
];

/// What is read whole on purpose: the hub begins with every room's head, once in a process.
const WHOLE: &str = "left join rm.room_head h on true";

// Red without any of the indexes of the migrations that a statement names, and with a route left out of `asks`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_reads_a_large_table_through() {
    let mut system = System::start().await;
    let (ada, bob) = (system.registers("Ada").await, system.registers("Bob").await);
    let room = ada.opens_room("Deutsch").await;
    bob.joins(room).await;
    let message = bob.posts(room, "Guten Morgen").await;
    filled::fill(&system, room, [ada.id(), bob.id()]).await;
    let asked = Asked::listen(&system).await;
    reads(&ada, &bob, room, message.0).await;
    commands(&ada, &bob, room).await;
    sockets(&mut system, &ada, room).await;
    let statements = asked.statements().await;

    let missing: Vec<&str> = checked().into_iter().filter(|text| !statements.iter().any(|s| s.text == *text)).collect();
    assert!(missing.is_empty(), "nobody asked {missing:#?}");
    let by_hand = BY_HAND.iter().filter(|(_, part)| !statements.iter().any(|s| s.text.contains(part)));
    let by_hand: Vec<&str> = by_hand.map(|(name, _)| *name).collect();
    assert!(by_hand.is_empty(), "nobody asked {by_hand:?}");
    let mut faults = Vec::new();
    for statement in statements.iter().filter(|statement| !statement.text.contains(WHOLE)) {
        faults.extend(asked.read_through(statement).await);
    }
    println!("{} statements", statements.len());
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), statements.len(), faults.join("\n"));
    system.stop().await;
}

/// Every checked query of the workspace, as it is prepared.
fn checked() -> BTreeSet<&'static str> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.sqlx")).expect("they are committed");
    let texts = files.map(|file| {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("readable");
        let described: Value = serde_json::from_str(&text).expect("JSON");
        &*described["query"].as_str().expect("a query").to_owned().leak()
    });
    texts.collect()
}

/// Every read, in each of the ways that make a statement of their own or another plan.
async fn reads(ada: &User, bob: &User, room: Room, message: Uuid) {
    let (room_id, lounge, bob_id) = (room.id, room.lounge, bob.id());
    let paths = [
        "/v1/users/me".to_owned(),
        "/v1/users/me/rooms?limit=2".to_owned(),
        "/v1/sessions".to_owned(),
        "/v1/lounges".to_owned(),
        "/v1/lounges?active=false".to_owned(),
        format!("/v1/users/{bob_id}"),
        format!("/v1/users/{bob_id}/messages"),
        format!("/v1/lounges/{lounge}"),
        format!("/v1/lounges/{lounge}/rooms"),
        format!("/v1/rooms/{room_id}"),
        format!("/v1/rooms/{room_id}/members"),
        format!("/v1/rooms/{room_id}/presence"),
        format!("/v1/rooms/{room_id}/moderation"),
        format!("/v1/rooms/{room_id}/feed?after=0"),
        format!("/v1/rooms/{room_id}/messages/{message}"),
        format!("/v1/rooms/{room_id}/messages/{message}/versions"),
        format!("/v1/rooms/{room_id}/messages?status=hidden"),
        format!("/v1/rooms/{room_id}/messages?around={message}"),
        format!("/v1/rooms/{room_id}/messages?at=2026-01-01T00:00:00Z"),
    ];
    for path in &paths {
        ada.reads(path).await;
    }
    ada.reads(&format!("/v1/users/{}/messages", ada.id())).await;
    for list in ["/v1/lounges", "/v1/users/me/rooms"] {
        let next = ada.reads(&format!("{list}?limit=3")).await["page"]["next"].clone();
        ada.reads(&format!("{list}?cursor={}", next.as_str().expect("there are more"))).await;
    }
    // Pages in both directions, from the end back.
    let page = ada.reads(&format!("/v1/rooms/{room_id}/messages?limit=50")).await;
    let prev = page["page"]["prev"].as_str().expect("a cursor");
    ada.reads(&format!("/v1/rooms/{room_id}/messages?before={prev}")).await;
    ada.reads(&format!("/v1/rooms/{room_id}/messages?after={prev}")).await;
}

/// Commands, as far as they ask the read model.
async fn commands(ada: &User, bob: &User, room: Room) {
    let path = format!("/v1/rooms/{}", room.id);
    ada.does(Ask::new(Method::PUT, format!("{path}/read")).json(&json!({ "seq": 2 }))).await;
    // A key that may be of any time: whether it is a repeat is sought in the read model.
    ada.tries_to_post(room, &Uuid::new_v4().to_string(), "with a key of another kind").await.applied().expect("a post");
    // Made by no instance that runs: only the read model may know it.
    let unknown = Ask::new(Method::DELETE, format!("{path}/messages/{}", Uuid::now_v7()));
    assert_eq!(ada.is_refused(unknown).await.code.as_str(), "not-found");
    // Leaves with all that he wrote.
    let password = bob.account.clone().expect("registered").password;
    let erase = json!({ "current_password": password });
    bob.does(Ask::new(Method::DELETE, "/v1/users/me".to_owned()).json(&erase)).await;
}

/// Sockets that come, and come back: to what is at hand, and to what only the read model knows.
async fn sockets(system: &mut System, ada: &User, room: Room) {
    let mut ears = ada.listens(room).await;
    ada.posts(room, "heard").await;
    ears.hears_of("message.posted").await;
    let (seq, position) = (ears.seq, ada.reads("/v1/users/me").await["position"].clone());
    drop(ears);
    ada.listens_again(room, seq - 1).await.hears_of("message.posted").await;
    let (silent, cleo) = (ada.opens_room_in(room.lounge, "silent").await, system.registers("Cleo").await);
    system.restarts_its_roles().await;
    let (ada, cleo) = (system.signs_in(ada).await, system.signs_in(&cleo).await);
    // Of who came, wrote and left while nobody listened, not even the name is at hand.
    cleo.joins(silent).await;
    cleo.posts(silent, "gone soon").await;
    cleo.leaves(silent).await;
    ada.listens_again(silent, 2).await.hears_of("member.left").await;
    let token = ada.session.access_token().await.applied().expect("signed in");
    let (mut socket, _) = Socket::open(&system.api).await.expect("it is open");
    let follow = [Follow { room: room.id, seq: None }];
    socket.identify(&token, &follow, position.as_str()).await.expect("it is open");
    while socket.frame().await.expect("it stays open").t != "caught_up" {}
    ada.posts(room, "by another process").await;
}

/// For messages of faults.
impl std::fmt::Display for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        write!(f, "{}", words.join(" "))
    }
}
