//! Two instances, two commands, and the moment between a decision and its append: played step by step.

use crate::house::{
    Ask, Pair, a_guest, a_room, a_user, ada_and_her_room, join, leave, make, member, room_id, said, say, user_id,
};
use event_log::Fact;
use events::{Change, Event, Role, Subject, UserId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BOB: &str = "+4915100000002";
const MO: &str = "+4915100000003";

/// Who owns the room, by its last fact and by each person's.
fn owners(facts: &[Fact], room: &str) -> (BTreeSet<UserId>, BTreeSet<UserId>) {
    let room = room_id(room);
    let (mut listed, mut ranked) = (BTreeSet::new(), BTreeSet::new());
    for fact in facts {
        match (&fact.subject, &fact.event) {
            (Subject::Room(id), Event::Room(Change { after, .. })) if *id == room => listed.clone_from(&after.owners),
            (Subject::Member(id, user), Event::Membership(Change { after, .. })) if *id == room => {
                if after.role == Some(Role::Owner) {
                    ranked.insert(*user)
                } else {
                    ranked.remove(user)
                };
            }
            _ => {}
        }
    }
    (listed, ranked)
}

// Red with `self.room` for `self.member` in `InRoom::draft`.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_decided_before_a_ban_is_not_written_after_it() {
    let (pair, [_, two]) = Pair::halting().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let bob = a_guest(&pair, "Bob").await;
    join(&room, &bob).done(&pair.two).await;
    say(&room, &bob, "before").done(&pair.two).await;

    let mut halt = two.stops_before(Subject::RoomMessages(room_id(&room)));
    let post = say(&room, &bob, "after");
    let post = post.of(&pair.two);
    let ban = async {
        halt.reached().await;
        Ask::new("PUT", member(&room, &bob, "/ban"), json!({})).by(&ada).done(&pair.one).await;
        halt.goes_on();
    };
    let (post, ()) = tokio::join!(post, ban);
    assert_eq!(post.told(), (403, "banned"));
    assert_eq!(said(&pair.chat().await), ["before"]);
    pair.stop().await;
}

// Red with a leaving owner that stays on the room's list: `None` for `owner` in `members::leave`.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_go_at_the_same_time_one_stays() {
    let (pair, [one, two]) = Pair::halting().await;
    let (ada, _) = ada_and_her_room(&pair).await;
    let bob = a_user(&pair, BOB, "Bob").await;
    for second_steps_down in [false, true] {
        let room = a_room(&pair, &ada, "public").await;
        join(&room, &bob).done(&pair.two).await;
        make(&room, &ada, &bob, "owner").done(&pair.one).await;

        let mut first = one.stops_before(Subject::Member(room_id(&room), user_id(&ada)));
        let mut second = two.stops_before(Subject::Member(room_id(&room), user_id(&bob)));
        let second_goes = if second_steps_down { make(&room, &bob, &bob, "member") } else { leave(&room, &bob) };
        let first_goes = leave(&room, &ada);
        let (first_goes, mut second_goes) = (first_goes.of(&pair.one), Box::pin(second_goes.of(&pair.two)));
        let in_turn = async {
            tokio::join!(first.reached(), second.reached());
            first.goes_on();
        };
        // Both are decided on two owners; the second is written once the first has been answered.
        let (first_gone, ()) = tokio::select! {
            _ = &mut second_goes => panic!("the second waits"),
            both = futures::future::join(first_goes, in_turn) => both,
        };
        assert_eq!(first_gone.status, 200, "{}", first_gone.body);
        second.goes_on();
        assert_eq!(second_goes.await.told(), (409, "last-owner"));

        let bob = BTreeSet::from([user_id(&bob)]);
        assert_eq!(owners(&pair.chat().await, &room), (bob.clone(), bob));
    }
    pair.stop().await;
}

// Red with a fact that stands under the caller's membership (`self.mine`) in `Another::draft`.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_raised_in_the_moment_of_his_ban_stays() {
    let (pair, [_, two]) = Pair::halting().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let (bob, mo) = (a_user(&pair, BOB, "Bob").await, a_user(&pair, MO, "Mo").await);
    for user in [&bob, &mo] {
        join(&room, user).done(&pair.two).await;
    }
    make(&room, &ada, &mo, "moderator").done(&pair.one).await;

    let mut halt = two.stops_before(Subject::Member(room_id(&room), user_id(&bob)));
    let ban = Ask::new("PUT", member(&room, &bob, "/ban"), Value::Null).by(&mo);
    let raising = async {
        halt.reached().await;
        make(&room, &ada, &bob, "owner").done(&pair.one).await;
        halt.goes_on();
    };
    let (ban, ()) = tokio::join!(ban.of(&pair.two), raising);
    assert_eq!(ban.told(), (403, "forbidden"));
    let both = BTreeSet::from([user_id(&ada), user_id(&bob)]);
    assert_eq!(owners(&pair.chat().await, &room), (both.clone(), both));
    pair.stop().await;
}

// Red with `Age::Any` for the caller's own membership in `Another::command`.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_a_moderator_no_more_moderates_no_more_whatever_an_instance_remembers() {
    let pair = Pair::start().await;
    let (ada, room) = ada_and_her_room(&pair).await;
    let (mo, bob) = (a_user(&pair, MO, "Mo").await, a_guest(&pair, "Bob").await);
    for user in [&bob, &mo] {
        join(&room, user).done(&pair.two).await;
    }
    make(&room, &ada, &mo, "moderator").done(&pair.one).await;
    let mute = Ask::new("PUT", member(&room, &bob, "/mute"), Value::Null).by(&mo);
    mute.done(&pair.two).await;

    make(&room, &ada, &mo, "member").done(&pair.one).await;
    for (method, what) in [("DELETE", "/mute"), ("PUT", "/ban"), ("DELETE", "")] {
        let ask = Ask::new(method, member(&room, &bob, what), Value::Null).by(&mo);
        assert_eq!(ask.of(&pair.two).await.told(), (403, "forbidden"), "{method} {what}");
    }
    pair.stop().await;
}

// Red with `Age::Any` for the lounge in `rooms::create`.
#[tokio::test(flavor = "multi_thread")]
async fn a_lounge_that_was_archived_through_one_gets_no_room_through_the_other() {
    let pair = Pair::start().await;
    let (ada, _) = ada_and_her_room(&pair).await;
    let made = Ask::new("POST", "/v1/lounges", json!({ "name": "Tea" })).by(&ada).done(&pair.two).await;
    let lounge = format!("/v1/lounges/{}", made["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en" });
    let room = Ask::new("POST", format!("{lounge}/rooms"), wish).by(&ada);
    room.done(&pair.two).await;
    Ask::new("POST", format!("{lounge}/archive"), Value::Null).by(&ada).done(&pair.one).await;
    assert_eq!(room.of(&pair.two).await.told(), (409, "archived"));
    pair.stop().await;
}
