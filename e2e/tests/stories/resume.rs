//! What does a client miss whose connection is cut? Nothing.

use futures::future::join_all;
use serde_json::json;
use testkit::System;

#[tokio::test]
async fn a_cut_socket_hears_everything_it_missed() {
    let mut system = System::start().await;
    let ada = system.registers("Ada").await;
    let bob = system.registers("Bob").await;
    let room = ada.opens_room("Deutsch").await;
    bob.joins(room).await;
    let mut ears = bob.listens(room).await;
    let kept = ada.posts(room, "before the cut").await;
    ears.hears().await;
    let seq = ears.seq;
    drop(ears);

    // More than fits one page of the feed, with an edit and a deletion among them.
    let doomed = ada.posts(room, "to be deleted").await;
    for n in 0..120 {
        ada.posts(room, &format!("missed {n}")).await;
    }
    ada.edits(room, kept, "edited meanwhile").await;
    ada.deletes(room, doomed).await;

    let mut ears = bob.listens_again(room, seq).await;
    let mut missed = Vec::new();
    for _ in 0..123 {
        missed.push(ears.hears().await);
    }
    assert_eq!(missed.iter().filter(|frame| frame.t == "message.posted").count(), 121);
    // What was deleted meanwhile shows no text any more.
    assert!(missed.iter().all(|frame| frame.d["id"] != json!(doomed) || frame.d["text"].is_null()));
    assert_eq!(missed[121].t, "message.edited");
    assert_eq!(missed[121].d["text"], "edited meanwhile");
    assert_eq!(missed[122].t, "message.deleted");

    // And goes on live.
    ada.posts(room, "after").await;
    assert_eq!(ears.hears().await.d["text"], "after");

    // Also behind a restart of everything but the servers, whose rings are empty then.
    let seq = ears.seq;
    drop(ears);
    ada.posts(room, "in the old process").await;
    system.restarts_its_roles().await;
    let bob_again = system.signs_in(&bob).await;
    let ada_again = system.signs_in(&ada).await;
    let mut ears = bob_again.listens_again(room, seq).await;
    assert_eq!(ears.hears().await.d["text"], "in the old process");
    ada_again.posts(room, "in the new one").await;
    assert_eq!(ears.hears().await.d["text"], "in the new one");
    system.stop().await;
}

#[tokio::test]
async fn sockets_that_join_while_others_talk_miss_and_repeat_nothing() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let room = ada.opens_room("Deutsch").await;
    let start = ada.listens(room).await.seq;
    let talk = async {
        for n in 0..300 {
            ada.posts(room, &format!("{n}")).await;
        }
    };
    // Each takes the room up from the start, at another moment of the talk; `hears` holds that the numbers are dense.
    let listen = join_all((0..8).map(|_| async {
        let mut ears = ada.listens_again(room, start).await;
        let mut texts = Vec::new();
        for _ in 0..300 {
            texts.push(ears.hears().await.d["text"].as_str().expect("a text").to_owned());
        }
        texts
    }));
    let ((), heard) = tokio::join!(talk, listen);
    let said: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert!(heard.iter().all(|texts| *texts == said));
    system.stop().await;
}
