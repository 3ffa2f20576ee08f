//! Who is shut out or silenced through one instance is so through the other.

use crate::house::{Ask, Pair, a_guest, a_room, a_user, ada_and_her_room, join, make, member, said, say, user_id};
use serde_json::{Value, json};
use uuid::Uuid;

const BOB: &str = "+4915100000002";
const EVE: &str = "+4915100000003";
const FOR_EVER: &str = "9999-12-31T23:59:59Z";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kicked_or_banned_through_one_posts_not_through_the_other() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let bob = a_guest(&pair, "Bob").await;
    join(&room, &bob).done(&pair.two).await;
    // Now the second remembers that he is a member.
    say(&room, &bob, "hi").done(&pair.two).await;

    let kick = Ask::new("DELETE", member(&room, &bob, ""), json!({ "reason": "spam" })).by(&ada);
    let kicked = kick.done(&pair.one).await;
    assert_eq!(kicked["member"]["user"], user(&bob));
    assert_eq!((&kicked["member"]["role"], &kicked["member"]["joined_at"]), (&Value::Null, &Value::Null));
    assert_eq!(say(&room, &bob, "I stay").of(&pair.two).await.told(), (403, "forbidden"));

    join(&room, &bob).done(&pair.two).await;
    say(&room, &bob, "back").done(&pair.two).await;
    let ban = Ask::new("PUT", member(&room, &bob, "/ban"), Value::Null).by(&ada).done(&pair.one).await;
    assert_eq!((&ban["member"]["role"], &ban["member"]["banned_until"]), (&Value::Null, &json!(FOR_EVER)));
    assert_eq!(say(&room, &bob, "I stay").of(&pair.two).await.told(), (403, "banned"));
    assert_eq!(join(&room, &bob).of(&pair.two).await.told(), (403, "banned"));

    let lifted = Ask::new("DELETE", member(&room, &bob, "/ban"), Value::Null).by(&ada).done(&pair.two).await;
    assert_eq!((&lifted["member"]["role"], &lifted["member"]["banned_until"]), (&Value::Null, &Value::Null));
    assert_eq!(join(&room, &bob).done(&pair.one).await["member"]["role"], "member");
    assert_eq!(said(&pair.chat().await), ["hi", "back"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_muted_through_one_is_silent_through_the_other_and_stays_in() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let bob = a_guest(&pair, "Bob").await;
    join(&room, &bob).done(&pair.two).await;
    say(&room, &bob, "hi").done(&pair.two).await;

    let end = "2999-01-01T14:00:00+02:00";
    let mute = Ask::new("PUT", member(&room, &bob, "/mute"), json!({ "until": end })).by(&ada);
    let muted = mute.done(&pair.one).await;
    assert_eq!(muted["member"]["role"], "member");
    assert_eq!(muted["member"]["muted_until"], "2999-01-01T12:00:00Z");
    assert_eq!(say(&room, &bob, "oh").of(&pair.two).await.told(), (403, "muted"));
    Ask::new("DELETE", member(&room, &bob, "/mute"), Value::Null).by(&ada).done(&pair.one).await;
    say(&room, &bob, "thanks").done(&pair.two).await;
    assert_eq!(said(&pair.chat().await), ["hi", "thanks"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_brings_people_into_a_private_room_and_a_ban_keeps_them_out() {
    let pair = Pair::start().await;
    let (ada, public) = ada_and_her_room(&pair).await;
    let (bob, room) = (a_user(&pair, BOB, "Bob").await, a_room(&pair, &ada, "private").await);
    let add = Ask::new("PUT", member(&room, &bob, ""), Value::Null).by(&ada);
    let added = add.done(&pair.two).await;
    assert_eq!((&added["member"]["user"], &added["member"]["role"]), (&user(&bob), &json!("member")));
    say(&room, &bob, "hi").done(&pair.one).await;
    assert_eq!(add.done(&pair.one).await["member"], added["member"], "who is in stays in");

    Ask::new("PUT", member(&room, &bob, "/ban"), Value::Null).by(&ada).done(&pair.one).await;
    assert_eq!(add.of(&pair.two).await.told(), (409, "conflict"));
    assert_eq!(say(&room, &bob, "hi").of(&pair.one).await.told(), (404, "not-found"));
    let nobody = format!("{room}/members/{}", Uuid::now_v7());
    assert_eq!(Ask::new("PUT", nobody, Value::Null).by(&ada).of(&pair.one).await.told(), (404, "not-found"));
    let to_public = Ask::new("PUT", member(&public, &bob, ""), Value::Null).by(&ada);
    assert_eq!(to_public.of(&pair.one).await.told(), (403, "forbidden"));
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_room_is_not_there_for_who_is_not_in_it() {
    let pair = Pair::start().await;
    let (ada, _) = ada_and_her_room(&pair).await;
    let (bob, room) = (a_user(&pair, BOB, "Bob").await, a_room(&pair, &ada, "private").await);
    let (eve, guest) = (a_user(&pair, EVE, "Eve").await, a_guest(&pair, "Guest").await);
    Ask::new("PUT", member(&room, &eve, "/ban"), Value::Null).by(&ada).done(&pair.one).await;
    let nowhere = format!("/v1/rooms/{}", Uuid::now_v7());
    for stranger in [&bob, &eve, &guest] {
        let of_hers = every_command(&room, &ada);
        let of_none = every_command(&nowhere, &ada);
        for ((what, ask), (_, same)) in of_hers.into_iter().zip(of_none) {
            let (hers, none) = (ask.by(stranger).of(&pair.two).await, same.by(stranger).of(&pair.two).await);
            assert_eq!(hers.told(), (404, "not-found"), "{what}");
            assert_eq!(hers.body["detail"], none.body["detail"], "{what}");
        }
    }
    pair.stop().await;
}

/// Each command on a room, about this person where it is about one.
fn every_command(room: &str, whom: &Value) -> Vec<(String, Ask<'static>)> {
    let about = |what: &str| member(room, whom, what);
    let commands = [
        ("PUT", format!("{room}/members/me"), Value::Null),
        ("DELETE", format!("{room}/members/me"), Value::Null),
        ("PUT", about(""), Value::Null),
        ("DELETE", about(""), Value::Null),
        ("PUT", about("/role"), json!({ "role": "member" })),
        ("PUT", about("/ban"), Value::Null),
        ("DELETE", about("/ban"), Value::Null),
        ("PUT", about("/mute"), json!({ "until": "2000-01-01T00:00:00Z" })),
        ("DELETE", about("/mute"), Value::Null),
        ("PATCH", room.to_owned(), json!({ "name": "Mine" })),
        ("POST", format!("{room}/archive"), Value::Null),
        ("POST", format!("{room}/reopen"), Value::Null),
        ("POST", format!("{room}/messages"), json!({ "text": "hi" })),
    ];
    let named = |(method, path, body)| (format!("{method} {path}"), Ask::new(method, path, body));
    commands.into_iter().map(named).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_writes_nothing_and_a_repeat_gives_the_original_answer() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let bob = a_user(&pair, BOB, "Bob").await;
    join(&room, &bob).done(&pair.two).await;
    let commands = [
        make(&room, &ada, &bob, "owner"),
        make(&room, &ada, &bob, "member"),
        Ask::new("PUT", member(&room, &bob, "/mute"), json!({ "reason": "loud" })).by(&ada),
        Ask::new("DELETE", member(&room, &bob, "/mute"), Value::Null).by(&ada),
        Ask::new("DELETE", member(&room, &bob, ""), Value::Null).by(&ada),
        Ask::new("PUT", member(&room, &bob, "/ban"), json!({ "until": FOR_EVER })).by(&ada),
        Ask::new("DELETE", member(&room, &bob, "/ban"), Value::Null).by(&ada),
    ];
    for ask in commands {
        let key = Uuid::now_v7().to_string();
        let before = pair.chat().await.len();
        let first = ask.clone().with_key(&key).done(&pair.one).await;
        let written = pair.chat().await.len();
        assert!(written > before);
        let repeat = ask.clone().with_key(&key).of(&pair.two).await;
        assert_eq!(repeat.headers["idempotency-replayed"].as_bytes(), b"true");
        assert_eq!(repeat.body, first);
        assert_eq!(ask.done(&pair.two).await["member"], first["member"]);
        assert_eq!(pair.chat().await.len(), written);
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_body_is_said_all_at_once() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let bob = a_guest(&pair, "Bob").await;
    join(&room, &bob).done(&pair.one).await;
    let long = "x".repeat(501);
    let past = "2000-01-01T00:00:00Z";
    let cases = [
        ("PUT", "/ban", json!({ "reason": long, "until": "soon" }), vec!["/reason", "/until"]),
        ("PUT", "/mute", json!({ "reason": "a\u{0}b", "until": past }), vec!["/reason", "/until"]),
        ("PUT", "/ban", json!({ "until": past }), vec!["/until"]),
        ("PUT", "/mute", json!({ "until": 7 }), vec!["/until"]),
        ("PUT", "/ban", json!({ "for": "ever" }), vec!["/for"]),
        ("DELETE", "", json!({ "reason": " " }), vec!["/reason"]),
        ("DELETE", "", json!({ "until": FOR_EVER }), vec!["/until"]),
        ("PUT", "/role", json!({ "role": "king" }), vec!["/role"]),
        ("PUT", "/role", json!({}), vec!["/role"]),
    ];
    let before = pair.chat().await.len();
    for (method, what, body, pointers) in cases {
        let answer = Ask::new(method, member(&room, &bob, what), body.clone()).by(&ada).of(&pair.one).await;
        assert_eq!(answer.told(), (422, "validation"), "{what} {body}");
        let errors = answer.body["errors"].as_array().expect("field errors").iter();
        let told: Vec<&str> = errors.map(|error| error["pointer"].as_str().expect("a pointer")).collect();
        assert_eq!(told, pointers, "{what} {body}");
    }
    assert_eq!(pair.chat().await.len(), before);
    pair.stop().await;
}

/// Somebody as everybody may know him.
fn user(tokens: &Value) -> Value {
    let user = &tokens["user"];
    json!({
        "id": user_id(tokens).to_string(), "display_name": user["display_name"], "kind": user["kind"],
        "created_at": user["created_at"],
    })
}
