//! Do moderators read what was before and what was done, and does nobody else?

use crate::read_model::System;
use anyhow::{Context, Result};
use events::Membership;
use serde_json::{Value, json};

fn column<'a>(page: &'a Value, name: &str) -> Vec<&'a str> {
    page["items"].as_array().into_iter().flatten().filter_map(|item| item[name].as_str()).collect()
}

// Red without `moderates(…)?` in either handler, and without `position > $4` in the statement.
#[tokio::test]
async fn older_texts_are_for_moderators_oldest_first() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob, eve) = (system.user("Ada").await?, system.user("Bob").await?, system.user("Eve").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "private").await?;
    system.member(room, &ada, Some("moderator"), None).await?;
    system.member(room, &bob, Some("member"), None).await?;
    let message = system.message(room, 2, &bob, "third", "hidden").await?;
    for (position, text) in [(2, "first"), (5, "second")] {
        system
            .write(&format!(
                "insert into rm.message_versions (message_id, position, room_id, text, at)
                 values ('{message}', {position}, '{room}', '{text}', now())"
            ))
            .await?;
    }
    let path = format!("/v1/rooms/{room}/messages/{message}/versions");
    let page = system.reads(&ada, &format!("{path}?limit=1")).await?;
    assert_eq!((column(&page, "text"), &page["page"]["has_more_after"]), (vec!["first"], &json!(true)));
    let next = page["page"]["next"].as_str().context("more")?;
    let rest = system.reads(&ada, &format!("{path}?limit=1&cursor={next}")).await?;
    assert_eq!((column(&rest, "text"), &rest["page"]["has_more_after"]), (vec!["second"], &json!(false)));
    assert_eq!(system.get(Some(&bob), &path, &[]).await?.code(), "forbidden");
    assert_eq!(system.get(Some(&eve), &path, &[]).await?.code(), "not-found");
    let missing = format!("/v1/rooms/{room}/messages/{}/versions", uuid::Uuid::now_v7());
    assert_eq!(system.get(Some(&ada), &missing, &[]).await?.code(), "not-found");
    let other = system.room(lounge, "Black", "public").await?;
    system.member(other, &ada, Some("owner"), None).await?;
    let elsewhere = format!("/v1/rooms/{other}/messages/{message}/versions");
    assert_eq!(system.get(Some(&ada), &elsewhere, &[]).await?.code(), "not-found");
    system.hub_sees(2, room, &ada, Membership { role: Some(events::Role::Member), ..Membership::default() });
    assert_eq!(system.get(Some(&ada), &path, &[]).await?.code(), "forbidden", "he is a moderator no more");
    system.stop().await
}

#[tokio::test]
async fn the_audit_goes_back_from_the_newest() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let (room, other) = (system.room(lounge, "Green", "public").await?, system.room(lounge, "Red", "public").await?);
    system.member(room, &ada, Some("owner"), None).await?;
    system.member(room, &bob, Some("member"), None).await?;
    let message = system.message(room, 2, &bob, "hello", "hidden").await?;
    let (ada_id, bob_id) = (ada.id(), bob.id());
    system
        .write(&format!(
            "insert into rm.moderation (position, room_id, at, actor_id, action, message_id, user_id, role, reason, until)
             values (3, '{room}', now(), '{bob_id}', 'reported', '{message}', null, null, 'spam', null),
                    (4, '{room}', now(), '{ada_id}', 'hidden', '{message}', null, null, null, null),
                    (5, '{other}', now(), '{ada_id}', 'kicked', null, '{bob_id}', null, null, null),
                    (6, '{room}', now(), '{ada_id}', 'muted', null, '{bob_id}', null, 'rude', '2099-01-01T00:00:00Z'),
                    (7, '{room}', now(), null, 'role', null, '{bob_id}', 'moderator', null, null)"
        ))
        .await?;
    let path = format!("/v1/rooms/{room}/moderation");
    let page = system.reads(&ada, &format!("{path}?limit=3")).await?;
    assert_eq!(column(&page, "action"), ["role", "muted", "hidden"]);
    assert_eq!((&page["items"][0]["role"], page["items"][0].get("by")), (&json!("moderator"), None));
    assert_eq!(page["items"][1]["until"], "2099-01-01T00:00:00Z");
    assert_eq!(page["items"][2]["user"], json!(bob_id), "of a message, its author");
    let next = page["page"]["next"].as_str().context("more")?;
    let rest = system.reads(&ada, &format!("{path}?cursor={next}")).await?;
    assert_eq!((column(&rest, "action"), &rest["items"][0]["reason"]), (vec!["reported"], &json!("spam")));
    assert_eq!(rest["page"]["has_more_after"], json!(false));
    assert_eq!(system.get(Some(&bob), &path, &[]).await?.code(), "forbidden");
    system.stop().await
}

// Red with `Role::Moderator` in place of the caller's own in `seen`.
#[tokio::test]
async fn what_somebody_wrote_is_read_by_himself_and_by_moderators_of_its_rooms() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob, cleo) = (system.user("Ada").await?, system.user("Bob").await?, system.user("Cleo").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let (green, black) =
        (system.room(lounge, "Green", "public").await?, system.room(lounge, "Black", "private").await?);
    system.member(green, &ada, Some("moderator"), None).await?;
    system.member(black, &ada, Some("member"), None).await?;
    system.member(green, &bob, Some("member"), None).await?;
    system.member(green, &cleo, Some("member"), None).await?;
    for (room, seq, status) in
        [(green, 10, "visible"), (black, 11, "visible"), (green, 12, "hidden"), (green, 13, "removed")]
    {
        system.message(room, seq, &bob, &format!("tea {seq}"), status).await?;
    }
    system.message(green, 14, &cleo, "not his", "visible").await?;
    let path = format!("/v1/users/{}/messages", bob.id());
    let own = system.reads(&bob, &path).await?;
    let seqs = |page: &Value| -> Vec<u64> {
        page["items"].as_array().into_iter().flatten().filter_map(|item| item["seq"].as_u64()).collect()
    };
    assert_eq!((seqs(&own), column(&own, "text")), (vec![13, 12, 11, 10], vec!["tea 12", "tea 11", "tea 10"]));
    assert_eq!(own["page"], json!({"next": null, "has_more_after": false}));
    let judged = system.reads(&ada, &path).await?;
    assert_eq!((seqs(&judged), column(&judged, "text")), (vec![13, 12, 10], vec!["tea 13", "tea 12", "tea 10"]));
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = system.reads(&ada, &format!("{path}?limit=1{cursor}")).await?;
        walked.extend(seqs(&page));
        let Some(next) = page["page"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(walked, [13, 12, 10]);
    assert_eq!(system.get(Some(&cleo), &path, &[]).await?.code(), "forbidden");
    let nobody = format!("/v1/users/{}/messages", uuid::Uuid::now_v7());
    assert_eq!(system.get(Some(&ada), &nobody, &[]).await?.code(), "not-found");
    system.hub_sees(2, green, &ada, Membership { role: Some(events::Role::Member), ..Membership::default() });
    assert_eq!(system.get(Some(&ada), &path, &[]).await?.code(), "forbidden", "he moderates nothing any more");
    system.stop().await
}

// Red without `goes_on_before` (the walk ends before the message that stands behind a thousand others), and without the
// filter by `mine.rooms`, whose page is then full of what he may not see.
#[tokio::test]
async fn a_page_that_finds_nothing_says_where_it_goes_on() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let (green, busy) = (system.room(lounge, "Green", "public").await?, system.room(lounge, "Busy", "public").await?);
    system.member(green, &ada, Some("moderator"), None).await?;
    system.message(green, 2, &bob, "found", "visible").await?;
    system
        .write(&format!(
            "insert into rm.messages (id, room_id, room_seq, position, author_id, text, language, mentions, created_at, status)
             select gen_random_uuid(), '{busy}', n, n, '{}', 'elsewhere', 'en', '{{}}', now(), 'visible'
               from generate_series(10, 1500) n",
            bob.id()
        ))
        .await?;
    let path = format!("/v1/users/{}/messages", bob.id());
    let page = system.reads(&ada, &path).await?;
    assert_eq!((&page["items"], &page["page"]["has_more_after"]), (&json!([]), &json!(true)));
    let next = page["page"]["next"].as_str().context("more")?;
    let rest = system.reads(&ada, &format!("{path}?cursor={next}")).await?;
    assert_eq!((column(&rest, "text"), &rest["page"]["has_more_after"]), (vec!["found"], &json!(false)));
    system.stop().await
}
