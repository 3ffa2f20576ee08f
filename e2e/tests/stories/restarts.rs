//! What is lost when servers die under load? Nothing that was acknowledged, and nothing twice.

use chatroom::client::Outcome;
use futures::future::join_all;
use std::collections::BTreeSet;
use testkit::{Room, System, User};
use uuid::Uuid;

/// Posts until it is known what became of it, as a client does.
async fn insists(user: &User, room: Room, text: &str) {
    let key = Uuid::now_v7().to_string();
    loop {
        match user.tries_to_post(room, &key, text).await {
            Outcome::Applied(_) => return,
            Outcome::Refused(refusal) if refusal.code == "idempotency-in-flight" => {}
            Outcome::Refused(refusal) => panic!("{refusal}"),
            Outcome::Unknown { .. } => {}
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_death_of_either_server_loses_and_repeats_nothing() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let rooms = [ada.opens_room("One").await, ada.opens_room("Two").await];
    let mut ears = ada.listens(rooms[0]).await;
    let talk = join_all(rooms.map(|room| {
        let ada = &ada;
        async move {
            for n in 0..150 {
                insists(ada, room, &format!("{n}")).await;
            }
        }
    }));
    let kills = async {
        for _ in 0..2 {
            system.servers.nats.kill().await;
            system.servers.nats.restart().await.expect("it starts again");
            system.servers.postgres.kill().await;
            system.servers.postgres.restart().await.expect("it starts again");
        }
    };
    let hear = async {
        let mut texts = Vec::new();
        while texts.len() < 150 {
            let frame = ears.hears().await;
            if frame.t == "message.posted" {
                texts.push(frame.d["text"].as_str().expect("a text").to_owned());
            }
        }
        texts
    };
    let (_, (), heard) = tokio::join!(talk, kills, hear);
    let said: Vec<String> = (0..150).map(|n| n.to_string()).collect();
    assert_eq!(heard, said, "the socket heard each once, in order");
    let last = ada.posts(rooms[1], "last").await;
    let page = ada.reads(&format!("/v1/rooms/{}/messages?limit=50", rooms[1].id)).await;
    let items = page["items"].as_array().expect("a page");
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!((ids.len(), items.len()), (50, 50));
    assert_eq!(items[49]["id"].as_str(), Some(last.to_string().as_str()));
    let texts: Vec<&str> = items.iter().filter_map(|item| item["text"].as_str()).collect();
    let expected: Vec<&str> = said[101..].iter().map(String::as_str).chain(["last"]).collect();
    assert_eq!(texts, expected);
    system.stop().await;
}
