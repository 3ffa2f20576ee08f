//! Does whoever names his own write ever read what was before it, while the projector stands still for two seconds?

use chatroom::client::{Ask, Outcome};
use futures::future::join_all;
use hyper::Method;
use serde_json::json;
use servers::Role;
use std::time::Duration;
use testkit::{Room, System, User};
use tokio_postgres::{Client, NoTls};

/// How long the projector finds its checkpoint locked. This is the delay, not a wait for something.
const DELAY: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

async fn postgres(system: &System) -> Client {
    let url = system.servers.postgres.url(Role::Operator);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("the operator may connect");
    tokio::spawn(connection);
    client
}

/// Every kind of thing that a person can change and read; where it is read, and what is there afterwards.
async fn changes(ada: &User, bob: &User, room: Room, n: usize) -> (String, Vec<(String, String)>) {
    let (id, lounge) = (room.id, room.lounge);
    let patch = |path: String, field: &str, value: &str| Ask::new(Method::PATCH, path).json(&json!({ field: value }));
    let name = |of: &str| format!("{of}-{n}");
    ada.does(patch("/v1/users/me".into(), "display_name", &name("ada"))).await;
    ada.does(patch(format!("/v1/lounges/{lounge}"), "name", &name("lounge"))).await;
    ada.does(patch(format!("/v1/rooms/{id}"), "name", &name("room"))).await;
    bob.joins(room).await;
    let said = ada.posts(room, &name("said")).await;
    let edited = ada.posts(room, &name("early")).await;
    ada.edits(room, edited, &name("late")).await;
    let hidden = Ask::new(Method::PUT, format!("/v1/rooms/{id}/messages/{said}/status"));
    let position = ada.does(hidden.json(&json!({ "status": "hidden" }))).await["position"].clone();
    let reads = [
        ("/v1/users/me".to_owned(), name("ada")),
        (format!("/v1/users/{}", ada.id()), name("ada")),
        ("/v1/lounges".to_owned(), name("lounge")),
        (format!("/v1/lounges/{lounge}"), name("lounge")),
        (format!("/v1/lounges/{lounge}/rooms"), name("room")),
        (format!("/v1/rooms/{id}"), name("room")),
        ("/v1/users/me/rooms".to_owned(), name("room")),
        (format!("/v1/rooms/{id}/members"), bob.id().to_string()),
        (format!("/v1/rooms/{id}/messages"), name("late")),
        (format!("/v1/rooms/{id}/messages/{edited}"), name("late")),
        (format!("/v1/rooms/{id}/messages/{edited}/versions"), name("early")),
        (format!("/v1/rooms/{id}/moderation"), said.to_string()),
        (format!("/v1/rooms/{id}/feed?after=0"), edited.to_string()),
        (format!("/v1/users/{}/messages", ada.id()), name("late")),
        (format!("/v1/search?q=late-{n}"), edited.to_string()),
    ];
    (position.as_str().expect("a position").to_owned(), reads.to_vec())
}

/// Reads each, patiently for so long; says how many were sent away.
async fn reads(ada: &User, position: &str, wanted: &[(String, String)], wait_seconds: u64) -> usize {
    let asked = wanted.iter().map(|(path, _)| {
        let ask = Ask::new(Method::GET, path.clone()).header("chat-min-position", position);
        ada.session.ask(ask.header("prefer", &format!("wait={wait_seconds}")))
    });
    let mut behind = 0;
    for ((path, wanted), answer) in wanted.iter().zip(join_all(asked).await) {
        match answer {
            Outcome::Applied(answer) => {
                let text = String::from_utf8_lossy(&answer.body);
                assert!(text.contains(wanted), "{path} does not say {wanted}: {text}");
            }
            Outcome::Unknown { why, .. } if why.contains("read-model-behind") => behind += 1,
            other => panic!("{path}: {other:?}"),
        }
    }
    behind
}

/// Red with `Chat-Min-Position` not looked at by the reader's extractor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_is_answered_from_before_the_write_that_he_names() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let room = ada.opens_room("Tea").await;
    let mut postgres = postgres(&system).await;
    let mut sent_away = 0;
    for n in 0..ROUNDS {
        let bob = system.registers(&format!("Bob {n}")).await;
        let held = postgres.transaction().await.expect("a connection");
        held.execute("select from rm.checkpoint where projection = 'chat' for update", &[]).await.expect("it is there");
        let (position, wanted) = changes(&ada, &bob, room, n).await;
        sent_away += reads(&ada, &position, &wanted, 0).await;
        let delayed = async {
            tokio::time::sleep(DELAY).await;
            held.rollback().await.expect("a connection");
        };
        let (behind, ()) = tokio::join!(reads(&ada, &position, &wanted, 4), delayed);
        println!("round {n}: {} reads, {behind} of the patient ones were sent away", wanted.len());
    }
    // Nothing of it could be there: who does not wait is sent away.
    assert_eq!(sent_away, ROUNDS * 15);
    system.stop().await;
}
