//! Is a read model that changes places under load ever seen to fail, or to say something wrong? Readers on every route.

use chatroom::client::{Ask, Outcome};
use event_log::EventLog;
use events::{
    Actor, Change, Condition, Envelope, EventId, MessageId, NewEvent, Presence, PresenceEvent, PresenceState, Subject,
    UserId, presence::PresenceChanged,
};
use hyper::Method;
use platform::config::Secret;
use projector::rebuild::{Swapped, Until, Workshop};
use serde_json::{Value, json};
use servers::Role;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use testkit::{Room, System, User};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NEXT: &str = "rm_next";
const PARTS: usize = 2;
const KEEP: Duration = Duration::from_secs(3_600);
/// Messages that are there before it begins.
const BEFORE: u64 = 40;
/// Of a page that is followed to its end.
const PAGE: &str = "limit=7";

/// How often a model is made anew, put in place, taken back and put there again: `REBUILDS=N`; one here.
fn rounds() -> u64 {
    std::env::var("REBUILDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// Each says 1, 2, 3 … in the room, one after the other.
fn said(n: u64) -> String {
    format!("number {n}")
}

fn number(message: &Value) -> u64 {
    let text = message["text"].as_str().unwrap_or_else(|| panic!("no text: {message}"));
    text.strip_prefix("number ").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("nobody said {text:?}"))
}

/// What each person said follows on without a hole, in the order of the room.
fn is_whole(items: &[Value]) -> BTreeMap<String, u64> {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut seq = 0;
    for message in items {
        let at = message["seq"].as_u64().expect("a number");
        assert!(at > seq, "{at} stands behind {seq}");
        seq = at;
        let author = message["author"]["id"].as_str().expect("an author").to_owned();
        let n = number(message);
        if let Some(before) = last.insert(author, n) {
            assert_eq!(n, before + 1, "behind {before}");
        }
    }
    last
}

async fn speaks(user: &User, room: Room, from: u64, stop: &CancellationToken) -> u64 {
    let mut n = from;
    while !stop.is_cancelled() {
        n += 1;
        user.posts(room, &said(n)).await;
        // His own write is there, whatever changes places meanwhile.
        let page = user.reads(&format!("/v1/rooms/{}/messages", room.id)).await;
        let last = is_whole(page["items"].as_array().expect("a page"));
        assert_eq!(last.get(&user.id().to_string()), Some(&n));
    }
    n
}

/// Every route, again and again. Any answer but a page is a failed read.
async fn reads_all(user: &User, room: Room, first: MessageId, stop: &CancellationToken, reads: &AtomicU64) {
    let (id, lounge, me) = (room.id, room.lounge, user.id());
    let paths = [
        "/v1/users/me".to_owned(),
        format!("/v1/users/{me}"),
        format!("/v1/users/{me}/messages"),
        "/v1/users/me/rooms".to_owned(),
        "/v1/sessions".to_owned(),
        "/v1/lounges".to_owned(),
        format!("/v1/lounges/{lounge}"),
        format!("/v1/lounges/{lounge}/rooms"),
        format!("/v1/rooms/{id}"),
        format!("/v1/rooms/{id}/members"),
        format!("/v1/rooms/{id}/presence"),
        format!("/v1/rooms/{id}/moderation"),
        format!("/v1/rooms/{id}/feed?after=0"),
        format!("/v1/rooms/{id}/messages?limit=50"),
        format!("/v1/rooms/{id}/messages?around={first}"),
        format!("/v1/rooms/{id}/messages?at=2020-01-01T00:00:00Z"),
        format!("/v1/rooms/{id}/messages/{first}"),
        format!("/v1/rooms/{id}/messages/{first}/versions"),
        "/v1/search?q=number".to_owned(),
    ];
    while !stop.is_cancelled() {
        // He is there: what says so in the log goes on.
        user.does(Ask::new(Method::POST, "/v1/presence/heartbeat").json(&json!({}))).await;
        for path in &paths {
            match user.session.ask(Ask::new(Method::GET, path.clone())).await {
                Outcome::Applied(answer) => {
                    let answer = answer.value();
                    if path.contains("/messages?") {
                        is_whole(answer["items"].as_array().expect("a page"));
                    }
                }
                failed => panic!("{path}: {failed:?}"),
            }
            reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// From a cursor back to the beginning.
async fn followed_back(user: &User, room: Room, cursor: &str) -> Vec<Value> {
    let (mut cursor, mut all) = (cursor.to_owned(), Vec::new());
    loop {
        let page = user.reads(&format!("/v1/rooms/{}/messages?{PAGE}&before={cursor}", room.id)).await;
        let mut items = page["items"].as_array().expect("a page").clone();
        items.append(&mut all);
        all = items;
        if page["page"]["has_more_before"] == json!(false) {
            return all;
        }
        page["page"]["prev"].as_str().expect("there is more").clone_into(&mut cursor);
    }
}

/// What no swap may touch: it is of streams that forget.
async fn kept(user: &User, room: Room) -> [Value; 3] {
    let rooms = user.reads("/v1/users/me/rooms").await;
    let read = rooms["items"].as_array().expect("rooms").iter().map(|item| item["read"].clone()).collect();
    let sessions = user.reads("/v1/sessions").await["items"].clone();
    let presence = user.reads(&format!("/v1/rooms/{}/presence", room.id)).await["items"].clone();
    [read, sessions, presence]
}

async fn comes(system: &System, user: UserId) {
    let (subject, at) = (Subject::Presence(user), chrono::DateTime::UNIX_EPOCH);
    let changed = PresenceEvent::from(PresenceChanged { user, state: PresenceState::Online, at });
    let mut envelope = Envelope::new(EventId(Uuid::now_v7()), at, Actor::System, "test");
    envelope.after = Some(Condition { subject, seq: 0 });
    let event = Change::<_, Presence>::of(None, changed).into();
    let log = system.log(Role::Command).await;
    log.append(vec![NewEvent { subject, envelope, event }]).await.expect("it is stored");
}

/// Made anew, compared with the live one, and put in its place.
async fn replaced(workshop: &Workshop) -> Swapped {
    let built = workshop.build(NEXT, Until::End, PARTS).await.expect("it is built");
    let mut follower = workshop.follow(&built).expect("it follows");
    let compared = workshop.compare(&built, &mut follower).await.expect("it answers").expect("one epoch");
    assert_eq!(compared.differences, [], "at {}", compared.seq);
    assert_eq!(compared.ours.to_string(), compared.live.to_string());
    workshop.swap(built, follower, KEEP).await.expect("it changes places")
}

// Red with each of the two renames of `change_places` in a transaction of its own: reads fail between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_on_every_route_see_no_model_change_places() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let (bob, eve) = (system.registers("Bob").await, system.registers("Eve").await);
    let room = ada.opens_room("Numbers").await;
    bob.joins(room).await;
    eve.joins(room).await;
    let first = bob.posts(room, &said(1)).await;
    for n in 2..=BEFORE {
        bob.posts(room, &said(n)).await;
    }
    bob.does(Ask::new(Method::PUT, format!("/v1/rooms/{}/read", room.id)).json(&json!({ "seq": 7 }))).await;
    comes(&system, ada.id()).await;
    let page = ada.reads(&format!("/v1/rooms/{}/messages?{PAGE}", room.id)).await;
    let cursor = page["page"]["prev"].as_str().expect("there is more").to_owned();
    let there = async || kept(&bob, room).await;
    while there().await[2] == json!([]) || there().await[0][0] == json!(0) {
        tokio::task::yield_now().await;
    }
    let before = there().await;

    let log: Arc<dyn EventLog> = Arc::new(system.log(Role::Operator).await);
    let database = Secret::from(system.servers.postgres.url(Role::Operator).as_str());
    let workshop = Workshop::new(log, &database).expect("a URL");
    let (stop, reads) = (CancellationToken::new(), AtomicU64::new(0));
    let change_places = async {
        for _ in 0..rounds() {
            let swapped = replaced(&workshop).await;
            let back = workshop.roll_back(KEEP).await.expect("the older one is kept");
            assert_eq!(back.to, swapped.from.0);
            let again = workshop.roll_back(KEEP).await.expect("and the newer one by now");
            assert_eq!(again.to, swapped.to);
        }
        stop.cancel();
    };
    let (adas, eves, (), (), ()) = tokio::join!(
        speaks(&ada, room, 0, &stop),
        speaks(&eve, room, 0, &stop),
        reads_all(&ada, room, first, &stop, &reads),
        reads_all(&ada, room, first, &stop, &reads),
        change_places,
    );
    println!("{adas} and {eves} messages, {} reads", reads.load(Ordering::Relaxed));
    assert!(reads.load(Ordering::Relaxed) > 100, "this proves nothing");

    let old = followed_back(&ada, room, &cursor).await;
    assert_eq!(old.iter().map(number).collect::<Vec<_>>(), (1..=BEFORE - 7).collect::<Vec<_>>());
    let after = there().await;
    assert_eq!((&after[1], &after[2]), (&before[1], &before[2]), "sessions and presence");
    assert_eq!(after[0], before[0], "read markers");
    replaced(&workshop).await;
    system.stop().await;
}
