//! What do moderators do, and what does each instance know of it?

use super::{Hall, refused};
use crate::house::{a_guest, user_id};
use events::membership::RoleChanged;
use events::message::{MessagesRemoved, RemovalCause};
use events::{MessageEvent, Role};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn moderators_judge_and_members_do_not() {
    let hall = Hall::start().await;
    let hello = hall.bob_says("hello").await;
    let judge = |body| hall.ask("PUT", &format!("{hello}/status"), body);
    let one = &hall.pair.one;
    assert_eq!(refused(judge(json!({ "status": "hidden" })).by(&hall.bob), one).await, "forbidden");
    for wrong in [
        json!({ "status": "deleted" }),
        json!({ "status": "gone" }),
        json!({}),
        json!({ "status": "hidden", "reason": " " }),
    ] {
        assert_eq!(refused(judge(wrong.clone()).by(&hall.ada), one).await, "validation", "{wrong}");
    }
    let hidden = judge(json!({ "status": "hidden", "reason": "rude" })).by(&hall.ada).done(one).await;
    assert_eq!((&hidden["message"]["status"], &hidden["message"]["text"]), (&json!("hidden"), &Value::Null));
    assert_eq!(hidden["message"]["author"]["display_name"], "Bob");

    hall.ask("DELETE", &hello, Value::Null).by(&hall.bob).done(one).await;
    assert_eq!(refused(judge(json!({ "status": "visible" })).by(&hall.ada), one).await, "gone");
    let outsider = a_guest(&hall.pair, "Eve").await;
    assert_eq!(refused(judge(json!({ "status": "hidden" })).by(&outsider), one).await, "forbidden");
    hall.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_somebodys_messages_go_at_once_and_not_those_of_ones_equals() {
    let hall = Hall::start().await;
    let hello = hall.bob_says("hello").await;
    let one = &hall.pair.one;
    let (ada, bob) = (user_id(&hall.ada), user_id(&hall.bob));
    let all_of = |user| hall.ask("DELETE", &format!("/members/{user}/messages"), json!({ "reason": "rude" }));
    assert_eq!(refused(all_of(ada).by(&hall.bob), one).await, "forbidden");
    assert_eq!(refused(all_of(ada).by(&hall.ada), one).await, "forbidden", "never one's own");
    let nobody = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01".parse().expect("an id");
    assert_eq!(refused(all_of(nobody).by(&hall.ada), one).await, "not-found");
    all_of(bob).by(&hall.ada).done(one).await;
    let removed = MessagesRemoved {
        room: hall.room(),
        user: bob,
        why: RemovalCause::Moderation,
        reason: Some("rude".to_owned()),
    };
    assert_eq!(hall.messages().await.last(), Some(&MessageEvent::AllRemoved(removed)));
    let edit = hall.ask("PATCH", &hello, json!({ "text": "hi" })).by(&hall.bob);
    assert_eq!(refused(edit, one).await, "gone");

    // Bob becomes an owner elsewhere, which this instance has not heard of.
    hall.happens(bob, RoleChanged { room: hall.room(), user: bob, role: Role::Owner }).await;
    assert_eq!(refused(all_of(bob).by(&hall.ada), one).await, "forbidden");
    // And a body is not needed.
    let cleo = a_guest(&hall.pair, "Cleo").await;
    hall.ask("PUT", "/members/me", Value::Null).by(&cleo).done(one).await;
    hall.ask("DELETE", &format!("/members/{}/messages", user_id(&cleo)), Value::Null).by(&hall.ada).done(one).await;
    hall.stop().await;
}

// Red with `Removed` in the first arm of `Lookup::message`: what was restored elsewhere stays gone here.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_here_is_gone_at_once_and_back_when_it_is_restored_elsewhere() {
    let hall = Hall::start().await;
    let hello = hall.bob_says("hello").await;
    let judge = |status: &str| hall.ask("PUT", &format!("{hello}/status"), json!({ "status": status })).by(&hall.ada);
    let edit = || hall.ask("PATCH", &hello, json!({ "text": "hi" })).by(&hall.bob);
    hall.is_read("visible").await;
    judge("removed").done(&hall.pair.one).await;
    // The read model still shows it, and this instance knows better.
    assert_eq!(refused(edit(), &hall.pair.one).await, "gone");
    hall.is_read("removed").await;
    judge("visible").done(&hall.pair.two).await;
    edit().done(&hall.pair.two).await;
    hall.is_read("visible").await;
    edit().done(&hall.pair.one).await;
    hall.stop().await;
}

// Red with `may_pass` giving false for `Removed`: both are told that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_restored_is_not_said_to_be_gone_while_it_is_not_read_yet() {
    let hall = Hall::start().await;
    let (one, two) = (&hall.pair.one, &hall.pair.two);
    let (here, elsewhere) = (hall.bob_says("hello").await, hall.bob_says("bye").await);
    let judge = |message: &str, status: &str| {
        hall.ask("PUT", &format!("{message}/status"), json!({ "status": status })).by(&hall.ada)
    };
    let edit = |message: &str| hall.ask("PATCH", message, json!({ "text": "hi" })).by(&hall.bob);
    judge(&here, "removed").done(one).await;
    judge(&elsewhere, "removed").done(one).await;
    hall.is_read("removed").await;
    judge(&elsewhere, "visible").done(two).await;
    // Who restores needs to know as well.
    hall.is_read("removed").await;
    judge(&here, "visible").done(one).await;
    // The one instance never had the message, the other removed it.
    let told = tokio::join!(refused(edit(&here), two), refused(edit(&elsewhere), one));
    assert_eq!((told.0.as_str(), told.1.as_str()), ("read-model-behind", "read-model-behind"));
    hall.is_read("visible").await;
    edit(&here).done(two).await;
    edit(&elsewhere).done(one).await;
    hall.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_report_what_they_can_read() {
    let hall = Hall::start().await;
    let hello = hall.bob_says("hello").await;
    let report = || hall.ask("POST", &format!("{hello}/report"), json!({ "reason": "rude" }));
    let reported = report().by(&hall.ada).of(&hall.pair.one).await;
    assert_eq!((reported.status, reported.body["position"].is_string()), (201, true));
    let outsider = a_guest(&hall.pair, "Eve").await;
    assert_eq!(refused(report().by(&outsider), &hall.pair.one).await, "forbidden");
    let long = json!({ "reason": "x".repeat(501) });
    let long = hall.ask("POST", &format!("{hello}/report"), long).by(&hall.ada);
    assert_eq!(refused(long, &hall.pair.one).await, "validation");
    hall.ask("DELETE", &hello, Value::Null).by(&hall.bob).done(&hall.pair.one).await;
    assert_eq!(refused(report().by(&hall.ada), &hall.pair.one).await, "gone");
    hall.stop().await;
}

// Red with `WAIT_MAX` elapsed answering `Ok(None)`: what is only not read yet is said not to exist.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_yet_is_not_said_to_be_missing() {
    let hall = Hall::start().await;
    hall.is_read("visible").await;
    let hello = hall.bob_says("hello").await;
    let edit = || hall.ask("PATCH", &hello, json!({ "text": "hi" })).by(&hall.bob);
    assert_eq!(refused(edit(), &hall.pair.two).await, "read-model-behind");
    hall.is_read("visible").await;
    edit().done(&hall.pair.two).await;
    let nobodys = "/messages/0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";
    hall.is_read("visible").await;
    let missing = hall.ask("PATCH", nobodys, json!({ "text": "hi" })).by(&hall.bob);
    assert_eq!(refused(missing, &hall.pair.two).await, "not-found");
    hall.stop().await;
}
