//! What does a repeat get when everything has changed since? What the command got when it first came.

use super::{Hall, key, refused};
use crate::house::{Ask, Pair, ada_and_her_room, user_id};
use events::membership::MemberBanned;
use serde_json::{Value, json};

/// What happened since the command first came.
#[derive(Clone, Copy)]
enum Since {
    Banned,
    Archived,
    Deleted,
}

/// A command with its key, and the same with another body where it has one.
struct Keyed<'a> {
    method: &'a str,
    path: String,
    body: Value,
    another: Value,
    by: &'a Value,
    key: String,
}

impl<'a> Keyed<'a> {
    fn new(method: &'a str, path: String, body: Value, another: Value, by: &'a Value) -> Self {
        Self { method, path, body, another, by, key: key() }
    }

    fn ask(&self, hall: &Hall) -> Ask<'_> {
        hall.ask(self.method, &self.path, self.body.clone()).by(self.by).with_key(&self.key)
    }
}

/// Every command on messages, in an order in which all are allowed.
async fn all(hall: &Hall) -> Vec<Keyed<'_>> {
    let hello = hall.bob_says("hello").await;
    let (ada, bob) = (&hall.ada, &hall.bob);
    let thumb = format!("{hello}/reactions/%F0%9F%91%8D");
    let text = |text: &str| json!({ "text": text });
    let reason = |reason: &str| json!({ "reason": reason });
    let status = |status: &str| json!({ "status": status });
    vec![
        Keyed::new("POST", "/messages".into(), text("more"), text("less"), bob),
        Keyed::new("PATCH", hello.clone(), text("hi"), text("ho"), bob),
        Keyed::new("PUT", thumb.clone(), Value::Null, Value::Null, bob),
        Keyed::new("DELETE", thumb, Value::Null, Value::Null, bob),
        Keyed::new("POST", format!("{hello}/report"), reason("mine"), Value::Null, bob),
        Keyed::new("PUT", format!("{hello}/status"), status("hidden"), status("visible"), ada),
        Keyed::new("DELETE", format!("/members/{}/messages", user_id(bob)), reason("rude"), reason("dull"), ada),
        Keyed::new("DELETE", hello, Value::Null, Value::Null, bob),
    ]
}

async fn a_repeat_gets_what_the_command_got(since: Since) {
    let hall = Hall::start().await;
    let commands = all(&hall).await;
    hall.is_read("visible").await;
    let mut first = Vec::new();
    for command in &commands {
        let answer = command.ask(&hall).of(&hall.pair.one).await;
        assert!(answer.status < 300, "{}", answer.body);
        assert!(!answer.headers.contains_key("idempotency-replayed"));
        first.push(answer);
    }
    match since {
        Since::Deleted => hall.is_read("deleted").await,
        Since::Archived => {
            hall.ask("POST", "/archive", Value::Null).by(&hall.ada).done(&hall.pair.one).await;
        }
        Since::Banned => {
            for user in [user_id(&hall.ada), user_id(&hall.bob)] {
                let banned = MemberBanned { room: hall.room(), user, until: None, reason: None };
                hall.happens(user, banned).await;
            }
        }
    }
    let end = hall.pair.chat().await.len();
    for (command, first) in commands.iter().zip(&first) {
        for instance in [&hall.pair.two, &hall.pair.one, &hall.pair.two] {
            let again = command.ask(&hall).of(instance).await;
            let what = format!("{} {}: {}", command.method, command.path, again.body);
            assert_eq!((again.status, &again.body), (first.status, &first.body), "{what}");
            assert_eq!(again.headers["idempotency-replayed"], "true", "{what}");
            assert_eq!(again.headers["chat-position"], first.headers["chat-position"], "{what}");
        }
        if command.another != command.body {
            let another = hall.ask(command.method, &command.path, command.another.clone());
            let another = another.by(command.by).with_key(&command.key);
            assert_eq!(refused(another, &hall.pair.two).await, "idempotency-mismatch", "{}", command.path);
        }
        if let Since::Banned = since {
            let new = hall.ask(command.method, &command.path, command.body.clone()).by(command.by);
            assert_eq!(refused(new, &hall.pair.two).await, "banned", "{}", command.path);
        }
    }
    assert_eq!(hall.pair.chat().await.len(), end, "nothing was written twice");
    hall.stop().await;
}

// Red with `Creates::Entry(_) => None` in `own_event`: the other instance says 403.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_what_the_command_got_before_its_author_was_banned() {
    a_repeat_gets_what_the_command_got(Since::Banned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_what_the_command_got_before_the_room_was_archived() {
    a_repeat_gets_what_the_command_got(Since::Archived).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_what_the_command_got_before_the_message_was_deleted() {
    a_repeat_gets_what_the_command_got(Since::Deleted).await;
}

// Red with `is_fresh` giving true always: the message is posted, perhaps a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_be_old_needs_the_read_model_and_a_fresh_one_does_not() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let messages = format!("{room}/messages");
    let post = |key| Ask::new("POST", messages.as_str(), json!({ "text": "hello" })).by(&ada).with_key(key);
    let end = pair.chat().await.len();
    assert_eq!(refused(post("no-time-is-in-this-key"), &pair.one).await, "overloaded");
    assert_eq!(pair.chat().await.len(), end);
    assert_eq!(post(&key()).of(&pair.one).await.status, 201);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_any_age_is_found_in_the_read_model() {
    let hall = Hall::start().await;
    let post = || {
        let ask = hall.ask("POST", "/messages", json!({ "text": "hello" }));
        ask.by(&hall.bob).with_key("no-time-is-in-this-key")
    };
    let first = post().of(&hall.pair.one).await;
    hall.is_read("visible").await;
    let end = hall.pair.chat().await.len();
    let repeats = (0..16).map(|_| async { post().of(&hall.pair.two).await });
    for again in futures::future::join_all(repeats).await {
        match again.status {
            201 => assert_eq!(
                (again.body, again.headers["idempotency-replayed"].as_bytes()),
                (first.body.clone(), b"true".as_slice())
            ),
            _ => assert_eq!(again.body["code"], "idempotency-in-flight"),
        }
    }
    assert_eq!(hall.pair.chat().await.len(), end);
    hall.stop().await;
}
