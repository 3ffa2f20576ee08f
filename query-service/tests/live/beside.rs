//! Who is there, who types, who has read how far: is it told to whom it concerns, and to nobody else?

use crate::{
    house::House,
    socket::{Socket, numbers},
};
use anyhow::{Context, Result, ensure};
use events::PresenceState;
use serde_json::json;

/// The next answer to a heartbeat: what was told before it has come.
async fn beats(socket: &mut Socket) -> Result<Vec<String>> {
    socket.says("hb", json!({})).await?;
    let (heard, _) = socket.hears_until("hb_ack").await?;
    Ok(heard.into_iter().map(|frame| frame.t).collect())
}

// Red without `insert` into `changed`: nobody hears.
#[tokio::test]
async fn a_room_hears_who_comes_and_goes_and_no_other_does() -> Result<()> {
    let house = House::start(&[]).await?;
    let (ada, bob, eve) = (house.welcomes("Ada").await?, house.welcomes("Bob").await?, house.welcomes("Eve").await?);
    let room = house.opens_room(&[ada, bob]).await?;
    let other = house.opens_room(&[eve]).await?;
    let last = house.posts(ada, room, "here").await?;
    let rooms = |room| json!({ "rooms": [{ "room": room }], "resume": house.position(last) });
    let mut socket = house.listens(ada, rooms(room)).await?;
    let mut eves = house.listens(eve, rooms(other)).await?;
    socket.hears_until("caught_up").await?;
    eves.hears_until("caught_up").await?;
    for state in [PresenceState::Online, PresenceState::Online, PresenceState::Dnd, PresenceState::Offline] {
        house.shows(bob, state).await?;
    }
    let mut states = Vec::new();
    while states.last() != Some(&json!("offline")) {
        let diff = socket.hears().await?;
        ensure!(diff.t == "presence_diff", "{diff:?}");
        assert_eq!((&diff.d["room"], &diff.d["users"][0]["user_id"]), (&json!(room), &json!(bob)));
        assert_eq!(diff.d["users"].as_array().context("people")?.len(), 1);
        states.push(diff.d["users"][0]["state"].clone());
    }
    states.dedup();
    ensure!(states.len() <= 3, "{states:?}");
    assert_eq!(beats(&mut eves).await?, Vec::<String>::new(), "of another room nothing is heard");
    house.stop().await
}

// Red with `may_type` and `hears_typing_of` always true, and without `socket.user != user`.
#[tokio::test]
async fn typing_is_heard_by_the_others_and_of_nobody_who_may_not() -> Result<()> {
    let house = House::start(&[]).await?;
    let (ada, bob) = (house.welcomes("Ada").await?, house.welcomes("Bob").await?);
    let room = house.opens_room(&[ada, bob]).await?;
    let last = house.posts(ada, room, "here").await?;
    let rooms = json!({ "rooms": [{ "room": room }], "resume": house.position(last) });
    let mut adas = house.listens(ada, rooms.clone()).await?;
    let mut bobs = house.listens(bob, rooms.clone()).await?;
    adas.hears_until("caught_up").await?;
    bobs.hears_until("caught_up").await?;
    // Said twice at once it is heard once.
    for _ in 0..2 {
        bobs.says("typing", json!({ "room": room })).await?;
    }
    let typing = adas.hears().await?;
    assert_eq!((typing.t.as_str(), typing.d), ("typing", json!({ "room": room, "user": bob })));
    assert_eq!(beats(&mut adas).await?, Vec::<String>::new());
    assert_eq!(beats(&mut bobs).await?, Vec::<String>::new(), "he knows that he types");

    let muted = house.mutes(ada, room, bob).await?;
    let mut again = house.listens(bob, json!({ "rooms": [{ "room": room }], "resume": house.position(muted) })).await?;
    again.hears_until("caught_up").await?;
    again.says("typing", json!({ "room": room })).await?;
    beats(&mut again).await?;
    house.posts(ada, room, "quiet").await?;
    let (before, _) = adas.hears_until("message.posted").await?;
    assert_eq!(before.iter().map(|frame| frame.t.as_str()).collect::<Vec<_>>(), ["member.muted"]);
    house.stop().await
}

// Red without `shows` at `enter`, without it in `answer`, and without `goes`.
#[tokio::test]
async fn a_socket_holds_a_lease_that_says_what_it_shows_and_ends_with_it() -> Result<()> {
    let house = House::start(&[]).await?;
    let ada = house.welcomes("Ada").await?;
    let becomes = async |state: Option<PresenceState>| {
        while house.lease(ada).await != state {
            tokio::task::yield_now().await;
        }
    };
    let mut first = house.listens(ada, json!({})).await?;
    becomes(Some(PresenceState::Online)).await;
    let mut second = house.listens(ada, json!({})).await?;
    second.says("presence", json!({ "state": "dnd" })).await?;
    becomes(Some(PresenceState::Dnd)).await;
    drop(second);
    becomes(Some(PresenceState::Online)).await;
    first.says("presence", json!({ "state": "away" })).await?;
    becomes(Some(PresenceState::Away)).await;
    drop(first);
    becomes(None).await;
    house.stop().await
}

// Red without `read_by` in `count_unread`, and without the sockets' frame in `reads`.
#[tokio::test]
async fn what_was_read_on_one_device_is_known_on_the_others_at_once() -> Result<()> {
    let house = House::start(&[]).await?;
    let (ada, bob) = (house.welcomes("Ada").await?, house.welcomes("Bob").await?);
    let room = house.opens_room(&[ada, bob]).await?;
    for n in 0..4 {
        house.posts(ada, room, &n.to_string()).await?;
    }
    let last = house.posts(ada, room, "last").await?;
    house.is_projected(bob, last).await?;
    let rooms = json!({ "rooms": [{ "room": room }], "resume": house.position(last) });
    let unread = async || {
        let mut socket = house.opens().await?;
        let mut identify = rooms.clone();
        identify["token"] = house.token(bob)?.into();
        socket.says("identify", identify).await?;
        let (_, ready) = socket.hears_until("ready").await?;
        let summary = ready.d["rooms"][0].clone();
        anyhow::Ok((socket, [summary["read"].clone(), summary["unread"].clone()]))
    };
    let (mut first, counted) = unread().await?;
    assert_eq!(counted, [json!(3), json!(5)]);
    first.hears_until("caught_up").await?;
    house.stops_projecting();
    house.reads(bob, room, 6).await?;
    let read = first.hears().await?;
    assert_eq!((read.t.as_str(), read.d), ("read", json!({ "room": room, "seq": 6 })));
    assert_eq!(unread().await?.1, [json!(6), json!(2)]);
    house.stop().await
}

// Red without `goes_on` in `identify`, and in `sub`.
#[tokio::test]
async fn a_room_whose_events_wait_is_not_heard_until_it_goes_on() -> Result<()> {
    let house = House::start(&[]).await?;
    let ada = house.welcomes("Ada").await?;
    let (room, other) = (house.opens_room(&[ada]).await?, house.opens_room(&[ada]).await?);
    let last = house.posts(ada, room, "before").await?;
    house.is_projected(ada, last).await?;
    house
        .writes(&format!(
            "begin;
             insert into rm.parked (seq, key, room_id, room_seq, subject, event_type, headers, body, at, why)
             values (2, 'room {room}', '{room}', 3, 'chat', 'broken', '{{}}', '', now(), 'no JSON');
             select pg_notify('rm_checkpoint', '2'); commit"
        ))
        .await?;
    let rooms = json!({ "rooms": [{ "room": room, "seq": 1 }, { "room": other }] });
    let reset = loop {
        let mut socket = house.listens(ada, rooms.clone()).await?;
        let (heard, _) = socket.hears_until("caught_up").await?;
        if let Some(reset) = heard.into_iter().find(|frame| frame.t == "reset") {
            break (socket, reset);
        }
    };
    let (mut socket, reset) = reset;
    assert_eq!((&reset.d["room"], &reset.d["reason"]), (&json!(room), &json!("parked")));
    socket.says("sub", json!({ "room": room, "seq": 1 })).await?;
    let reset = socket.hears().await?;
    assert_eq!((reset.t.as_str(), &reset.d["reason"]), ("reset", &json!("parked")));
    house.posts(ada, room, "behind it").await?;
    house.posts(ada, other, "goes on").await?;
    assert_eq!(socket.hears().await?.room, Some(other));

    house.writes("begin; delete from rm.parked; select pg_notify('rm_checkpoint', 'released'); commit").await?;
    loop {
        socket.says("sub", json!({ "room": room, "seq": 2 })).await?;
        let first = socket.hears().await?;
        if first.t == "reset" {
            continue;
        }
        let (heard, _) = socket.hears_until("caught_up").await?;
        assert_eq!((first.seq, numbers(&heard, room)), (Some(3), vec![4]));
        break;
    }
    house.stop().await
}
