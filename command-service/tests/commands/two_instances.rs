//! What do two instances beside each other decide? With no Postgres anywhere.

mod identity;
mod limits;
mod log_away;
mod moderation;
mod races;
mod secrets;

use crate::house::{ADA, Answer, Ask, PASSWORD, Pair, ada_and_her_room, registering, said};
use event_log::Fact;
use events::{Event, UserEvent};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_repeats_through_both_say_it_once() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let messages = format!("{room}/messages");
    for round in 0..5 {
        let key = Uuid::now_v7().to_string();
        let text = format!("hello {round}");
        let ask = Ask::new("POST", messages.as_str(), json!({ "text": text })).by(&ada).with_key(&key);
        let repeats = (0..16).map(|n| ask.of(if n % 2 == 0 { &pair.one } else { &pair.two }));
        let answers = futures::future::join_all(repeats).await;
        let applied: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!applied.is_empty());
        for answer in &answers {
            match answer.status {
                201 => assert_eq!(answer.body, applied[0].body, "one answer for all"),
                status => assert_eq!((status, &answer.body["code"]), (409, &json!("idempotency-in-flight"))),
            }
        }
        let again = ask.of(&pair.two).await;
        assert_eq!((again.status, again.headers["idempotency-replayed"].as_bytes()), (201, b"true".as_slice()));
        assert_eq!(again.headers["chat-position"], applied[0].body["position"].as_str().expect("a position"));
        let other = Ask::new("POST", messages.as_str(), json!({ "text": "another" })).by(&ada).with_key(&key);
        assert_eq!(other.of(&pair.one).await.body["code"], "idempotency-mismatch");
    }
    assert_eq!(said(&pair.chat().await), ["hello 0", "hello 1", "hello 2", "hello 3", "hello 4"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_just_joined_through_one_is_never_refused_by_the_other() {
    let pair = Pair::start().await;
    let (_, room) = ada_and_her_room(&pair).await;
    let bob = Ask::new("POST", "/v1/guests", json!({ "display_name": "Bob" })).done(&pair.one).await;
    let post = Ask::new("POST", format!("{room}/messages"), json!({ "text": "hi" })).by(&bob);
    // Now the second remembers that he is no member.
    assert_eq!(post.of(&pair.two).await.body["code"], "forbidden");
    let joined = Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(&bob).done(&pair.one).await;
    assert_eq!(joined["member"]["role"], "member");
    assert_eq!(post.of(&pair.two).await.status, 201);

    // And the first remembers that he is one: a stale yes is a conflict, not a message.
    Ask::new("DELETE", format!("{room}/members/me"), Value::Null).by(&bob).done(&pair.two).await;
    assert_eq!(post.of(&pair.one).await.body["code"], "forbidden");
    assert_eq!(said(&pair.chat().await), ["hi"]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_registrations_make_one_account_that_appears_once() {
    let pair = Pair::start().await;
    let (one, two) = (registering(PASSWORD), registering("another pass phrase"));
    let races = (0..8).map(|n| {
        let ask = if n % 4 < 2 { &one } else { &two };
        ask.of(if n % 2 == 0 { &pair.one } else { &pair.two })
    });
    let answers = futures::future::join_all(races).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    let user = &made[0].body["user"]["id"];
    for answer in &answers {
        match answer.status {
            200 | 201 => assert_eq!(&answer.body["user"]["id"], user),
            _ => assert_eq!(answer.body["code"], "phone-taken", "{}", answer.body),
        }
    }
    let facts = pair.chat().await;
    let appeared =
        |fact: &&Fact| matches!(&fact.event, Event::User(change) if matches!(change.event, UserEvent::Appeared(_)));
    assert_eq!(facts.iter().filter(appeared).count(), 1);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_has_one_successor_however_many_ask() {
    let pair = Pair::start().await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    let refresh = Ask::new("POST", "/v1/sessions/refresh", json!({ "refresh_token": ada["refresh_token"] }));
    let races = (0..16).map(|n| refresh.of(if n % 2 == 0 { &pair.one } else { &pair.two }));
    let answers = futures::future::join_all(races).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["refresh_token"], answers[0].body["refresh_token"]);
        assert_ne!(answer.body["refresh_token"], ada["refresh_token"]);
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_session_everywhere_and_nothing_private_is_public() {
    let pair = Pair::start().await;
    let phone = registering(PASSWORD).done(&pair.one).await;
    let sign_in = |password| Ask::new("POST", "/v1/sessions", json!({ "phone": ADA, "password": password }));
    let laptop = sign_in(PASSWORD).done(&pair.two).await;
    let new = "another pass phrase";
    let wish = json!({ "current_password": PASSWORD, "new_password": new });
    let change = Ask::new("PUT", "/v1/users/me/password", wish);
    let wrong = json!({ "current_password": "no pass phrase", "new_password": new });
    let refused = Ask::new("PUT", "/v1/users/me/password", wrong).by(&phone).of(&pair.one).await;
    assert_eq!(refused.body["code"], "wrong-password");
    let goes_on = change.by(&phone).done(&pair.one).await;

    let make = |tokens| Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(tokens);
    for old in [&phone, &laptop] {
        assert_eq!(make(old).of(&pair.one).await.status, 401);
    }
    assert_eq!(make(&goes_on).of(&pair.one).await.status, 201);
    let refresh = Ask::new("POST", "/v1/sessions/refresh", json!({ "refresh_token": laptop["refresh_token"] }));
    assert_eq!(refresh.of(&pair.two).await.status, 401);
    assert_eq!(sign_in(PASSWORD).of(&pair.two).await.body["code"], "wrong-credentials");
    assert_eq!(sign_in(new).of(&pair.two).await.status, 201);

    for fact in pair.chat().await {
        let body = String::from_utf8(fact.event.body()).expect("JSON");
        for secret in [ADA, "pass phrase", "$2b$", "phone", "hash"] {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
    }
    pair.stop().await;
}
