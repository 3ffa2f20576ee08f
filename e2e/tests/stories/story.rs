//! What do two people live through in a room? The main path, through HTTP and the socket.

use chatroom::client::{Account, Ask, Outcome, Session};
use hyper::Method;
use serde_json::json;
use testkit::System;

#[tokio::test]
async fn two_people_talk_and_both_see_the_same() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let bob = system.welcomes("Bob").await;
    let room = ada.opens_room("Deutsch").await;
    bob.joins(room).await;
    let mut bob_hears = bob.listens(room).await;

    let hello = ada.posts(room, " Guten Morgen! \u{1f44b}\n").await;
    let frame = bob_hears.hears().await;
    assert_eq!(
        (frame.t.as_str(), frame.d["text"].as_str()),
        ("message.posted", Some(" Guten Morgen! \u{1f44b}\n")),
        "{frame:?} {:?}",
        bob_hears.ready
    );
    assert_eq!(frame.d["author"]["display_name"], "Ada");
    assert_eq!(frame.d["id"], json!(hello));

    ada.edits(room, hello, "Moin!").await;
    assert_eq!(bob_hears.hears().await.t, "message.edited");
    assert_eq!(bob.reads_room(room).await, [Some("Moin!".to_owned())]);

    bob.posts(room, "Hallo Ada").await;
    assert_eq!(bob_hears.hears().await.d["text"], "Hallo Ada");
    ada.deletes(room, hello).await;
    assert_eq!(bob_hears.hears().await.t, "message.deleted");
    assert_eq!(ada.reads_room(room).await, [None, Some("Hallo Ada".to_owned())]);

    bob.leaves(room).await;
    assert_eq!(bob_hears.hears_of("room_gone").await.d["room"], json!(room.id));
    let refused = bob.is_refused(Ask::new(Method::GET, format!("/v1/rooms/{}/messages", room.id))).await;
    assert_eq!(refused.code, "forbidden");
    system.stop().await;
}

#[tokio::test]
async fn an_account_is_one_and_a_sign_in_ends_when_it_is_signed_out() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let account = ada.account.clone().expect("she has one");

    // The same phone and password again is a sign-in; another password is refused.
    let again = Session::register(&system.api, &account).await.applied().expect("a sign-in");
    assert_eq!(again.user(), ada.id());
    let stranger = Account { password: "another pass phrase".into(), ..account.clone() };
    let Outcome::Refused(taken) = Session::register(&system.api, &stranger).await else { panic!("taken") };
    assert_eq!(taken.code, "phone-taken");

    // A wrong phone and a wrong password are answered alike.
    for (phone, password) in [(account.phone.as_str(), "a wrong pass phrase"), ("+4915999999999", "any pass phrase")] {
        let Outcome::Refused(wrong) = Session::sign_in(&system.api, phone, password).await else { panic!("wrong") };
        assert_eq!(wrong.code, "wrong-credentials");
    }

    // A refresh token works once; within 30 s its repeat gives the same successor.
    let first = again.refresh_token();
    let second = Session::resume(&system.api, &first).await.applied().expect("it is fresh");
    let repeat = Session::resume(&system.api, &first).await.applied().expect("two tabs race");
    assert_eq!(second.refresh_token(), repeat.refresh_token());
    let third = Session::resume(&system.api, &second.refresh_token()).await.applied().expect("the successor");
    // Once the successor was used, the first is a stolen one: the session is over for everybody.
    let Outcome::Refused(reused) = Session::resume(&system.api, &first).await else { panic!("reused") };
    assert_eq!(reused.code, "token-reused");
    let Outcome::Refused(over) = Session::resume(&system.api, &third.refresh_token()).await else { panic!("over") };
    assert_eq!(over.status, 401);

    let room = ada.opens_room("Deutsch").await;
    let mut ears = ada.listens(room).await;
    ada.does(Ask::new(Method::DELETE, "/v1/sessions/current")).await;
    let closed = ears.is_closed().await.to_string();
    assert!(closed.contains("4504"), "{closed}");
    let refused = ada.is_refused(Ask::new(Method::GET, "/v1/users/me")).await;
    assert_eq!(refused.code, "unauthenticated");
    system.stop().await;
}

#[tokio::test]
async fn a_repeat_with_its_key_gives_the_original_answer() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let room = ada.opens_room("Deutsch").await;
    let key = uuid::Uuid::now_v7().to_string();
    let post = |text: &str| {
        Ask::new(Method::POST, format!("/v1/rooms/{}/messages", room.id))
            .json(&json!({ "text": text }))
            .header("idempotency-key", &key)
    };
    let original = ada.session.ask(post("once")).await.applied().expect("a member may post");
    let repeat = ada.session.ask(post("once")).await.applied().expect("it was applied");
    assert_eq!(original.body, repeat.body);
    assert_eq!(repeat.header("idempotency-replayed"), Some("true"));
    let mismatch = ada.is_refused(post("twice")).await;
    assert_eq!(mismatch.code, "idempotency-mismatch");

    // In parallel, in two roles' lifetimes: one message.
    let key = uuid::Uuid::now_v7().to_string();
    let tries = (0..16).map(|_| ada.tries_to_post(room, &key, "in parallel"));
    let outcomes = futures::future::join_all(tries).await;
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Applied(_))), "{outcomes:?}");
    let last = ada.posts(room, "last").await;
    let texts = ada.reads_room(room).await;
    assert_eq!(texts, ["once", "in parallel", "last"].map(|text| Some(text.to_owned())), "{last}");
    system.stop().await;
}

#[tokio::test]
async fn who_may_not_does_not() {
    let system = System::start().await;
    let ada = system.registers("Ada").await;
    let bob = system.registers("Bob").await;
    let guest = system.welcomes("Guest").await;
    let room = ada.opens_room("Deutsch").await;
    let path = format!("/v1/rooms/{}", room.id);
    let text = json!({ "text": "hi" });

    let lounge = Ask::new(Method::POST, "/v1/lounges").json(&json!({ "name": "Mine" }));
    assert_eq!(guest.is_refused(lounge).await.code, "forbidden");
    let rooms = format!("/v1/lounges/{}/rooms", room.lounge);
    let foreign = json!({ "name": "R", "language": "de", "visibility": "public", "guests": true });
    assert_eq!(bob.is_refused(Ask::new(Method::POST, rooms.as_str()).json(&foreign)).await.code, "forbidden");
    let post = || Ask::new(Method::POST, format!("{path}/messages")).json(&text);
    assert_eq!(bob.is_refused(post()).await.code, "forbidden");

    bob.joins(room).await;
    let hers = ada.posts(room, "mine").await;
    let message = format!("{path}/messages/{hers}");
    assert_eq!(bob.is_refused(Ask::new(Method::PATCH, message.as_str()).json(&text)).await.code, "forbidden");
    assert_eq!(bob.is_refused(Ask::new(Method::DELETE, message.as_str())).await.code, "forbidden");
    let leave = Ask::new(Method::DELETE, format!("{path}/members/me"));
    assert_eq!(ada.is_refused(leave).await.code, "last-owner");

    // A private room does not exist for others.
    let secret = json!({ "name": "Secret", "language": "de", "visibility": "private", "guests": false });
    let made = ada.does(Ask::new(Method::POST, rooms.as_str()).json(&secret)).await;
    let secret = made["room"]["id"].as_str().expect("an id").to_owned();
    for ask in [
        Ask::new(Method::PUT, format!("/v1/rooms/{secret}/members/me")),
        Ask::new(Method::GET, format!("/v1/rooms/{secret}")),
        Ask::new(Method::GET, format!("/v1/rooms/{secret}/messages")),
        Ask::new(Method::POST, format!("/v1/rooms/{secret}/messages")).json(&text),
    ] {
        assert_eq!(bob.is_refused(ask).await.code, "not-found");
    }
    let listed = bob.reads(&rooms).await;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
    system.stop().await;
}
