//! Does a room's history read as it was said, for everybody who may read it and nobody else?

use crate::read_model::System;
use anyhow::{Context, Result};
use events::Membership;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn seqs(page: &Value) -> Vec<u64> {
    page["items"].as_array().into_iter().flatten().filter_map(|message| message["seq"].as_u64()).collect()
}

#[tokio::test]
async fn a_history_walks_in_both_directions_with_no_gap_and_no_repeat() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("owner"), None).await?;
    // Every third event of the room is no message.
    let said: Vec<u64> = (2..=180).filter(|seq| seq % 3 != 0).collect();
    let mut ids = Vec::new();
    for seq in &said {
        ids.push(system.message(room, *seq, &ada, &format!("tea {seq}"), "visible").await?);
    }
    assert_eq!(said.len(), 119);
    let path = format!("/v1/rooms/{room}/messages");

    let mut page = system.reads(&ada, &path).await?;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["head"]), (Some(50), &json!(179)));
    assert_eq!(page["page"]["has_more_after"], json!(false));
    let mut back = seqs(&page);
    while page["page"]["has_more_before"] == json!(true) {
        let prev = page["page"]["prev"].as_str().context("a cursor")?.to_owned();
        page = system.reads(&ada, &format!("{path}?before={prev}&limit=37")).await?;
        back.splice(0..0, seqs(&page));
    }
    assert_eq!(back, said);

    let mut forth = vec![said[0]];
    let mut next = ids[0].to_string();
    loop {
        page = system.reads(&ada, &format!("{path}?after={next}&limit=37")).await?;
        forth.extend(seqs(&page));
        next = page["page"]["next"].as_str().context("a cursor")?.to_owned();
        if page["page"]["has_more_after"] == json!(false) {
            break;
        }
    }
    assert_eq!(forth, said);
    assert_eq!(seqs(&system.reads(&ada, &format!("{path}?after={next}")).await?), [0; 0]);
    system.message(room, 200, &ada, "later", "visible").await?;
    assert_eq!(seqs(&system.reads(&ada, &format!("{path}?after={next}")).await?), [200]);

    let around = system.reads(&ada, &format!("{path}?around={}&limit=3", ids[60])).await?;
    assert_eq!(seqs(&around), &said[59..=61]);
    let time = around["items"][1]["created_at"].as_str().context("a time")?.to_owned();
    let at = system.reads(&ada, &format!("{path}?at={time}&limit=2")).await?;
    assert_eq!(seqs(&at), &said[60..=61]);
    let one = system.reads(&ada, &format!("{path}/{}", ids[60])).await?;
    assert_eq!(
        (&one["message"]["text"], &one["message"]["author"]["display_name"]),
        (&around["items"][1]["text"], &json!("Ada"))
    );

    let other = system.room(lounge, "Black", "public").await?;
    system.member(other, &ada, Some("owner"), None).await?;
    let elsewhere = format!("/v1/rooms/{other}/messages");
    assert_eq!(system.get(Some(&ada), &format!("{elsewhere}?after={next}"), &[]).await?.status, 400);
    assert_eq!(system.get(Some(&ada), &format!("{elsewhere}?after={}", ids[3]), &[]).await?.status, 404);
    assert_eq!(system.get(Some(&ada), &format!("{elsewhere}/{}", ids[3]), &[]).await?.status, 404);
    let empty = system.reads(&ada, &elsewhere).await?;
    assert_eq!((seqs(&empty).len(), &empty["page"]["has_more_before"]), (0, &json!(false)));
    system.stop().await
}

#[tokio::test]
async fn what_is_not_visible_keeps_its_place_without_its_text() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob, eve) = (system.user("Ada").await?, system.user("Bob").await?, system.user("Eve").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "private").await?;
    system.member(room, &ada, Some("moderator"), None).await?;
    system.member(room, &bob, Some("member"), None).await?;
    system.member(room, &eve, Some("member"), None).await?;
    for (seq, status) in [(2, "visible"), (3, "hidden"), (4, "removed")] {
        system.message(room, seq, &bob, status, status).await?;
    }
    let deleted = system.message(room, 5, &bob, "", "deleted").await?;
    for (person, position) in [(&ada, 2), (&bob, 3)] {
        system
            .write(&format!(
                "insert into rm.reactions (message_id, emoji, user_id, room_id, position)
                 values ('{deleted}', '🍵', '{}', '{room}', {position})",
                person.id()
            ))
            .await?;
    }
    let path = format!("/v1/rooms/{room}/messages");
    let texts = async |who| -> Result<Vec<bool>> {
        let page = system.reads(who, &path).await?;
        Ok(page["items"].as_array().context("items")?.iter().map(|item| item["text"].is_string()).collect())
    };
    assert_eq!(texts(&ada).await?, [true, true, true, false]);
    assert_eq!(texts(&bob).await?, [true, true, false, false]);
    assert_eq!(texts(&eve).await?, [true, false, false, false]);

    let page = system.reads(&bob, &path).await?;
    assert_eq!(page["items"][3]["reactions"], json!([{"emoji": "🍵", "count": 2}]));
    assert_eq!(page["own_reactions"], json!({ deleted.to_string(): ["🍵"] }));
    assert!(system.reads(&eve, &path).await?.get("own_reactions").is_none());

    let hidden = system.reads(&ada, &format!("{path}?status=hidden")).await?;
    assert_eq!(seqs(&hidden), [3]);
    let refused = system.get(Some(&bob), &format!("{path}?status=hidden"), &[]).await?;
    assert_eq!((refused.status, refused.code()), (403, "forbidden"));
    system.stop().await
}

#[tokio::test]
async fn rights_are_those_of_the_table() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let lounge = system.lounge(&ada, "Tea").await?;
    let (open, closed) =
        (system.room(lounge, "Green", "public").await?, system.room(lounge, "Black", "private").await?);
    let stranger = system.user("Sam").await?;
    let guest = system.person("Gus", events::UserKind::Guest).await?;
    let banned = system.user("Eve").await?;
    let pardoned = system.user("Pat").await?;
    let mut people = vec![(stranger, "forbidden"), (guest, "forbidden"), (banned, "banned"), (pardoned, "forbidden")];
    for (role, person) in [("member", "Mia"), ("moderator", "Mo")] {
        let person = system.user(person).await?;
        for room in [open, closed] {
            system.member(room, &person, Some(role), None).await?;
        }
        people.push((person, ""));
    }
    for room in [open, closed] {
        system.member(room, &people[2].0, None, Some("null")).await?;
        system.member(room, &people[3].0, None, Some("now() - interval '1 second'")).await?;
        system.member(room, &ada, Some("owner"), None).await?;
        system.message(room, 2, &ada, "tea", "visible").await?;
    }
    for (person, refusal) in &people {
        for what in ["messages", "members"] {
            let public = system.get(Some(person), &format!("/v1/rooms/{open}/{what}"), &[]).await?;
            let private = system.get(Some(person), &format!("/v1/rooms/{closed}/{what}"), &[]).await?;
            let expected = if refusal.is_empty() { (200, 200) } else { (403, 404) };
            assert_eq!((public.status, private.status), expected, "{what} {refusal}");
            assert_eq!(public.code(), *refusal);
        }
        let card = system.get(Some(person), &format!("/v1/rooms/{closed}"), &[]).await?;
        assert_eq!(card.status, if refusal.is_empty() { 200 } else { 404 });
        assert_eq!(system.reads(person, &format!("/v1/rooms/{open}")).await?["room"]["member_count"], 3);
        let list = system.reads(person, &format!("/v1/lounges/{lounge}/rooms")).await?;
        let listed: BTreeSet<&str> =
            list["items"].as_array().into_iter().flatten().filter_map(|room| room["name"].as_str()).collect();
        assert_eq!(
            listed,
            if refusal.is_empty() { BTreeSet::from(["Black", "Green"]) } else { BTreeSet::from(["Green"]) }
        );
    }
    assert_eq!(system.reads(&people[0].0, &format!("/v1/lounges/{lounge}")).await?["lounge"]["room_count"], 1);
    assert_eq!(system.get(None, &format!("/v1/rooms/{open}/messages"), &[]).await?.code(), "unauthenticated");
    let missing = format!("/v1/rooms/{}/messages", uuid::Uuid::now_v7());
    assert_eq!(system.get(Some(&ada), &missing, &[]).await?.code(), "not-found");
    system.stop().await
}

#[tokio::test]
async fn a_kick_holds_as_soon_as_the_hub_has_seen_it() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Black", "private").await?;
    system.member(room, &bob, Some("member"), None).await?;
    let paths =
        [format!("/v1/rooms/{room}"), format!("/v1/rooms/{room}/messages"), format!("/v1/rooms/{room}/members")];
    for path in &paths {
        system.reads(&bob, path).await?;
    }
    assert_eq!(system.reads(&bob, "/v1/users/me/rooms").await?["items"].as_array().map(Vec::len), Some(1));
    system.hub_sees(2, room, &bob, Membership::default());
    for path in &paths {
        assert_eq!(system.get(Some(&bob), path, &[]).await?.code(), "not-found", "{path}");
    }
    for list in ["/v1/users/me/rooms".to_owned(), format!("/v1/lounges/{lounge}/rooms")] {
        assert_eq!(system.reads(&bob, &list).await?["items"], json!([]), "{list}");
    }
    system.stop().await
}
