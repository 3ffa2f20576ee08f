//! Does a socket hear everything, in order, whatever is away or ends meanwhile? On real servers.

mod beside;
mod forms;
mod gate;
mod house;
mod socket;

use anyhow::{Context, Result, ensure};
use house::House;
use serde_json::json;
use socket::numbers;
use std::time::Duration;
use tokio::time::timeout;

/// The feed is looked at for four seconds; this is well below a test's patience, and well above four.
const VERDICT_WITHIN: Duration = Duration::from_secs(15);

// Red with `fetching` set to `None` whenever the outbox is ready: the reading would begin again with each frame.
#[tokio::test]
async fn a_loud_room_does_not_keep_another_from_its_verdict() -> Result<()> {
    let mut house = House::start(&[]).await?;
    let ada = house.welcomes("Ada").await?;
    let (loud, quiet) = (house.opens_room(&[ada]).await?, house.opens_room(&[ada]).await?);
    let last = house.posts(ada, quiet, "before this process").await?;
    house.is_projected(ada, last).await?;
    house.raises_another_roof().await?;
    let mut socket = house.listens(ada, json!({ "rooms": [{ "room": loud }, { "room": quiet }] })).await?;
    socket.hears_until("caught_up").await?;
    house.servers.postgres.stop().await;
    // The ring has none of it, and the feed cannot be read.
    socket.says("sub", json!({ "room": quiet, "seq": 1 })).await?;
    let talk = async {
        loop {
            if let Err(failed) = house.posts(ada, loud, "hi").await {
                return failed;
            }
        }
    };
    let (heard, _) = tokio::select! {
        heard = timeout(VERDICT_WITHIN, socket.hears_until("caught_up")) => heard??,
        failed = talk => return Err(failed),
    };
    let reset = heard.iter().find(|frame| frame.t == "reset").context("a verdict")?;
    assert_eq!(
        (&reset.d["room"], &reset.d["reason"], &reset.d["head"]),
        (&json!(quiet), &json!("unavailable"), &3.into())
    );
    ensure!(heard.iter().any(|frame| frame.room == Some(loud)), "the loud room was heard all the while");
    house.servers.postgres.restart().await?;
    house.stop().await
}

// Red with a page read as a member's where `role` is absent (`catch_up::page`).
#[tokio::test]
async fn what_came_after_a_ban_is_not_shown_by_a_hub_that_has_not_heard_the_ban() -> Result<()> {
    let mut house = House::start(&[]).await?;
    let (ada, bob) = (house.welcomes("Ada").await?, house.welcomes("Bob").await?);
    let room = house.opens_room(&[ada, bob]).await?;
    let last = house.posts(ada, room, "before").await?;
    house.is_projected(ada, last).await?;
    house.raises_another_roof().await?;
    let mut adas = house.listens(ada, json!({ "rooms": [{ "room": room }] })).await?;
    adas.hears_until("caught_up").await?;

    house.gate.shut();
    house.bans(ada, room, bob).await?;
    let last = house.posts(ada, room, "after").await?;
    house.is_projected(ada, last).await?;
    let mut bobs = house.listens(bob, json!({ "rooms": [{ "room": room, "seq": 1 }] })).await?;
    let (heard, reset) = bobs.hears_until("reset").await?;
    assert_eq!((numbers(&heard, room), &reset.d["reason"]), (vec![], &json!("behind")));
    house.gate.open();
    let (heard, gone) = bobs.hears_until("room_gone").await?;
    assert_eq!((numbers(&heard, room), &gone.d["reason"]), (vec![], &json!("banned")));
    let (_, after) = adas.hears_until("message.posted").await?;
    assert_eq!(after.d["text"], "after");
    house.stop().await
}

// Red without the read model's rows in `seqs_at`, and without those in `changed_since`.
#[tokio::test]
async fn who_comes_back_to_another_process_misses_nothing() -> Result<()> {
    let mut house = House::start(&[]).await?;
    let (ada, bob) = (house.welcomes("Ada").await?, house.welcomes("Bob").await?);
    let lounge = house.opens_lounge(ada).await?;
    let room = house.opens_room_in(lounge, &[ada, bob]).await?;
    let seen = house.posts(ada, room, "seen").await?;
    for n in 0..300 {
        house.posts(ada, room, &format!("missed {n}")).await?;
    }
    let later = house.opens_room(&[ada, bob]).await?;
    house.posts(ada, later, "in a room that was not there").await?;
    house.renames_lounge(ada, lounge, "New").await?;
    let last = house.renames(ada, "Augusta").await?;
    house.is_projected(bob, last).await?;
    house.raises_another_roof().await?;

    let resume = json!({ "resume": house.position(seen), "rooms": [{ "room": room }, { "room": later }] });
    let mut socket = house.listens(bob, resume).await?;
    let (heard, _) = socket.hears_until("caught_up").await?;
    assert_eq!(numbers(&heard, room), (5..=304).collect::<Vec<_>>());
    assert_eq!(numbers(&heard, later), [1, 2, 3, 4]);
    let changed = |t: &str, field: &str| {
        let frames = heard.iter().filter(|frame| frame.t == t);
        frames.map(|frame| frame.d[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (changed("user.changed", "display_name"), changed("lounge.changed", "name")),
        (vec!["Augusta".into()], vec!["New".into()])
    );
    house.posts(ada, room, "and on").await?;
    assert_eq!(socket.hears().await?.seq, Some(305));
    house.stop().await
}

#[tokio::test]
async fn a_room_that_is_asked_for_again_is_taken_up_anew() -> Result<()> {
    let house = House::start(&["--sockets-per-user=2"]).await?;
    let ada = house.welcomes("Ada").await?;
    let room = house.opens_room(&[ada]).await?;
    let tea = house.posts(ada, room, "tea").await?;
    let rooms = json!([{ "room": room, "seq": 2 }, { "room": room }]);
    let mut socket = house.listens(ada, json!({ "rooms": rooms, "resume": house.position(tea) })).await?;
    let (heard, _) = socket.hears_until("caught_up").await?;
    assert_eq!(numbers(&heard, room), [3]);
    socket.says("sub", json!({ "room": room, "seq": 1 })).await?;
    let (heard, caught_up) = socket.hears_until("caught_up").await?;
    assert_eq!((numbers(&heard, room), &caught_up.d["room"]), (vec![2, 3], &json!(room)));
    house.posts(ada, room, "once").await?;
    assert_eq!(socket.hears().await?.seq, Some(4));
    socket.says("hb", json!({})).await?;
    let acknowledged = socket.hears().await?;
    assert_eq!((acknowledged.t.as_str(), &acknowledged.d["heads"][room.to_string()]), ("hb_ack", &4.into()));
    socket.says("unsub", json!({ "room": room })).await?;
    socket.says("hb", json!({})).await?;
    assert_eq!(socket.hears().await?.t, "hb_ack");
    house.posts(ada, room, "to nobody").await?;
    socket.says("sub", json!({ "room": room, "p": house.position(1) })).await?;
    ensure!(socket.hears().await?.t == "caught_up", "it begins at the head");

    // One socket too many for a person.
    let mut second = house.listens(ada, json!({})).await?;
    let mut third = house.opens().await?;
    third.says("identify", json!({ "token": house.token(ada)? })).await?;
    assert_eq!(third.is_closed().await?.0, 4506);
    second.says("hb", json!({})).await?;
    house.stop().await
}
