//! What do people see of what was moderated, and of what others think of it?

use chatroom::client::Ask;
use hyper::Method;
use serde_json::{Value, json};
use testkit::{Room, System, User};

async fn first_message(reader: &User, room: Room) -> Value {
    let page = reader.reads(&format!("/v1/rooms/{}/messages", room.id)).await;
    page["items"][0].clone()
}

#[tokio::test]
async fn what_moderators_take_out_nobody_else_reads_until_they_restore_it() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let bob = system.welcomes("Bob").await;
    let cleo = system.welcomes("Cleo").await;
    let room = ada.opens_room("Deutsch").await;
    bob.joins(room).await;
    cleo.joins(room).await;
    let mut cleo_hears = cleo.listens(room).await;
    let hello = bob.posts(room, "hello").await;
    assert_eq!(cleo_hears.hears().await.t, "message.posted");
    let path = format!("/v1/rooms/{}/messages/{hello}", room.id);

    // Hidden and removed alike, and both come back.
    for status in ["hidden", "removed", "visible"] {
        let judge = json!({ "status": status, "reason": "rude" });
        let judged = ada.does(Ask::new(Method::PUT, format!("{path}/status")).json(&judge)).await;
        assert_eq!(judged["message"]["status"], status);
        let frame = cleo_hears.hears().await;
        assert_eq!((frame.t.as_str(), &frame.d["status"]), ("message.moderated", &json!(status)));
        assert_eq!(frame.d.get("reason"), None, "reasons are for moderators");
        let seen = first_message(&cleo, room).await;
        assert_eq!((&seen["status"], seen["text"].is_string()), (&json!(status), status == "visible"));
    }

    // The same reaction twice is one.
    for _ in 0..2 {
        cleo.does(Ask::new(Method::PUT, format!("{path}/reactions/%F0%9F%91%8D"))).await;
        assert_eq!(cleo_hears.hears().await.t, "reaction.added");
    }
    assert_eq!(first_message(&cleo, room).await["reactions"], json!([{ "emoji": "👍", "count": 1 }]));
    cleo.does(Ask::new(Method::DELETE, format!("{path}/reactions/%F0%9F%91%8D"))).await;
    assert_eq!(cleo_hears.hears().await.t, "reaction.removed");
    assert_eq!(first_message(&cleo, room).await["reactions"], json!([]));

    // All of Bob's go at once, and what he says afterwards stays.
    let all = format!("/v1/rooms/{}/members/{}/messages", room.id, bob.id());
    ada.does(Ask::new(Method::DELETE, all).json(&json!({ "reason": "rude" }))).await;
    assert_eq!(cleo_hears.hears().await.t, "messages.removed");
    let sorry = bob.posts(room, "sorry").await;
    assert_eq!(cleo_hears.hears().await.d["text"], "sorry");
    assert_eq!(cleo.reads_room(room).await, [None, Some("sorry".to_owned())]);

    // What its author deletes nobody restores.
    bob.deletes(room, hello).await;
    assert_eq!(cleo_hears.hears().await.t, "message.deleted");
    let restore = Ask::new(Method::PUT, format!("{path}/status")).json(&json!({ "status": "visible" }));
    assert_eq!(ada.is_refused(restore).await.code, "gone");

    // A report is in nobody's feed; a marker stops at what can be read.
    let report = format!("/v1/rooms/{}/messages/{sorry}/report", room.id);
    cleo.does(Ask::new(Method::POST, report)).await;
    let head = cleo.reads(&format!("/v1/rooms/{}", room.id)).await["room"]["head"].clone();
    assert_eq!(head, json!(cleo_hears.seq));
    let read = Ask::new(Method::PUT, format!("/v1/rooms/{}/read", room.id)).json(&json!({ "seq": 1_000_000 }));
    assert_eq!(cleo.does(read).await, json!({ "marker": { "room_id": room.id, "seq": head } }));
    system.stop().await;
}

// Red without `without_text` in `render` of the query service's hub.
#[tokio::test]
async fn what_an_author_writes_on_a_hidden_message_reaches_nobody_until_it_is_restored() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let bob = system.welcomes("Bob").await;
    let cleo = system.welcomes("Cleo").await;
    let room = ada.opens_room("Deutsch").await;
    bob.joins(room).await;
    cleo.joins(room).await;
    let mut cleo_hears = cleo.listens(room).await;
    let start = cleo_hears.seq;
    let hello = bob.posts(room, "hello").await;
    let status = format!("/v1/rooms/{}/messages/{hello}/status", room.id);
    ada.does(Ask::new(Method::PUT, &status).json(&json!({ "status": "hidden" }))).await;
    bob.edits(room, hello, "still rude").await;
    let mut cleo_again = cleo.listens_again(room, start).await;
    for ears in [&mut cleo_hears, &mut cleo_again] {
        let mut frames = Vec::new();
        for _ in 0..3 {
            frames.push(ears.hears().await);
        }
        assert!(frames.iter().all(|frame| frame.d["text"] != "still rude"), "{frames:?}");
    }
    ada.does(Ask::new(Method::PUT, &status).json(&json!({ "status": "visible" }))).await;
    assert_eq!(cleo_hears.hears().await.d["status"], "visible");
    assert_eq!(cleo.reads_room(room).await, [Some("still rude".to_owned())]);
    system.stop().await;
}
