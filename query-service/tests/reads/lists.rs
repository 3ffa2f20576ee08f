//! Do lists, cards and people read as they are, and no sooner than the reader's own writes are in them?

use crate::read_model::System;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_read_with_a_position_waits_until_the_read_model_is_there() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let (here, ahead) = (system.position(1), system.position(5));
    let asked = async |position: &str, prefer: &str| {
        system.get(Some(&ada), "/v1/lounges", &[("chat-min-position", position), ("prefer", prefer)]).await
    };
    assert_eq!(asked(&here, "wait=4").await?.body["position"], json!(here));
    let late = asked(&ahead, "wait=0").await?;
    assert_eq!((late.status, late.code()), (503, "read-model-behind"));
    let (waited, told) = tokio::join!(asked(&ahead, "wait=4"), system.reaches(5));
    told?;
    assert_eq!(waited?.body["position"], json!(ahead));
    assert_eq!(asked("nonsense", "").await?.code(), "invalid-request");
    let foreign = events::Position { epoch: events::Epoch(8), seq: 1 }.to_string();
    let gone = asked(&foreign, "wait=0").await?;
    assert_eq!((gone.status, gone.code()), (410, "gone"));
    system.stop().await
}

// Red with the sequence that was told taken as the news.
#[tokio::test]
async fn what_another_generation_tells_moves_nobody() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let checkpoint = system.checkpoint.clone();
    let (far, near) = (system.at(50), system.at(3));
    let waiting = tokio::spawn(async move { checkpoint.reaches(far, Duration::from_millis(700)).await });
    // A read model that is being rebuilt, or was replaced and still follows, commits beside the one that is read.
    system
        .write(
            "begin; update rm.checkpoint set seq = 3 where projection = 'chat';
             select pg_notify('rm_checkpoint', '3'), pg_notify('rm_checkpoint', '50'); commit",
        )
        .await?;
    system.checkpoint.reaches(near, Duration::from_secs(4)).await?;
    waiting.await?.expect_err("the one that is read is not there");
    assert_eq!(system.checkpoint.now().map(|at| at.position), Some(near));
    // One takes its place at the same sequence, and a third at a later one.
    system.write("update rm.checkpoint set generation = 2 where projection = 'chat'").await?;
    system.reaches(3).await?;
    system.write("update rm.checkpoint set generation = 3 where projection = 'chat'").await?;
    system.reaches(9).await?;
    let asked = system.get(Some(&ada), "/v1/lounges", &[("chat-min-position", &system.position(9))]).await?;
    assert_eq!((asked.status, asked.body["position"].as_str()), (200, Some(system.position(9).as_str())));
    assert_eq!(system.checkpoint.now().map(|at| at.generation), Some(3));
    system.stop().await
}

#[tokio::test]
async fn lists_go_on_where_their_cursor_stands() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    for name in ["Tea", "Coffee", "Water"] {
        system.lounge(&ada, name).await?;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = system.reads(&ada, &format!("/v1/lounges?limit=1{cursor}")).await?;
        names.push(page["items"][0]["name"].as_str().context("a name")?.to_owned());
        let Some(next) = page["page"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["Tea", "Coffee", "Water"]);
    assert_eq!(system.reads(&ada, "/v1/lounges?active=false").await?["items"], json!([]));
    let bound = format!("/v1/lounges?active=false{cursor}");
    for bad in [bound.as_str(), "/v1/lounges?cursor=*", "/v1/lounges?limit=51", "/v1/lounges?page=2", "/v1/lounges/*"] {
        assert_eq!(system.get(Some(&ada), bad, &[]).await?.code(), "invalid-request", "{bad}");
    }
    system.stop().await
}

#[tokio::test]
async fn unread_counts_what_others_said_after_ones_own_last_word() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("owner"), None).await?;
    system.member(room, &bob, Some("member"), None).await?;
    system.message(room, 2, &bob, "before", "visible").await?;
    system.message(room, 3, &ada, "own", "visible").await?;
    let named = system.message(room, 4, &bob, "after", "visible").await?;
    system.message(room, 5, &bob, "hidden", "hidden").await?;
    system.message(room, 6, &bob, "after", "visible").await?;
    system
        .write(&format!("update rm.messages set mentions = array['{}'::uuid] where id = '{named}'", ada.id()))
        .await?;
    let own = system.reads(&ada, "/v1/users/me/rooms").await?;
    let expected = json!({"role": "owner", "read": 3, "unread": 2, "mentions": 1});
    assert_eq!(own["items"][0]["member"], expected);
    assert_eq!(system.reads(&ada, &format!("/v1/rooms/{room}")).await?["room"]["member"], expected);
    assert_eq!(system.reads(&ada, &format!("/v1/lounges/{lounge}/rooms")).await?["items"][0]["member"], expected);
    let bobs = system.reads(&bob, "/v1/users/me/rooms").await?;
    assert_eq!(bobs["items"][0]["member"], json!({"role": "member", "read": 6, "unread": 0, "mentions": 0}));
    let members = system.reads(&ada, &format!("/v1/rooms/{room}/members?limit=1")).await?;
    assert_eq!(
        (&members["items"][0]["user"]["display_name"], &members["items"][0]["role"]),
        (&json!("Ada"), &json!("owner"))
    );
    let next = members["page"]["next"].as_str().context("more")?;
    let rest = system.reads(&ada, &format!("/v1/rooms/{room}/members?cursor={next}")).await?;
    assert_eq!(rest["items"][0]["user"]["display_name"], "Bob");
    assert_eq!(rest["page"], json!({"next": null, "has_more_after": false}));
    system.stop().await
}

// Red without `marker.seq` in the statements' `greatest`.
#[tokio::test]
async fn what_is_marked_as_read_is_unread_no_more() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("owner"), None).await?;
    system.message(room, 2, &ada, "own", "visible").await?;
    for seq in 3..=6 {
        system.message(room, seq, &bob, "tea", "visible").await?;
    }
    let cards = async || -> Result<Vec<Value>> {
        let own = system.reads(&ada, "/v1/users/me/rooms").await?["items"][0]["member"].clone();
        let one = system.reads(&ada, &format!("/v1/rooms/{room}")).await?["room"]["member"].clone();
        let list = system.reads(&ada, &format!("/v1/lounges/{lounge}/rooms")).await?["items"][0]["member"].clone();
        Ok(vec![own, one, list])
    };
    for (marker, read, unread) in [(None, 2, 4), (Some(4), 4, 2), (Some(1), 2, 4)] {
        if let Some(marker) = marker {
            system
                .write(&format!(
                    "insert into rm_live.markers (user_id, room_id, seq, position) values ('{}', '{room}', {marker}, 1)
                     on conflict (user_id, room_id) do update set seq = excluded.seq",
                    ada.id()
                ))
                .await?;
        }
        let expected = json!({"role": "owner", "read": read, "unread": unread, "mentions": 0});
        assert_eq!(cards().await?, vec![expected; 3], "marked {marker:?}");
    }
    system.stop().await
}

#[tokio::test]
async fn a_person_sees_more_of_himself_than_others_do() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    system
        .write(&format!(
            "insert into rm_live.accounts (user_id, kind, phone_hint, standing, created_at, position)
             values ('{}', 'registered', '12', 'active', now(), 1)",
            ada.id()
        ))
        .await?;
    let own = system.reads(&ada, "/v1/users/me").await?;
    assert_eq!((&own["user"]["display_name"], &own["user"]["phone_hint"]), (&json!("Ada"), &json!("…12")));
    let path = format!("/v1/users/{}", ada.id());
    assert!(system.reads(&bob, &path).await?["user"].get("phone_hint").is_none());
    system
        .write(&format!("update rm.users set standing = 'erased', display_name = '' where id = '{}'", ada.id()))
        .await?;
    assert_eq!(system.get(Some(&bob), &path, &[]).await?.code(), "gone");
    let unknown = format!("/v1/users/{}", uuid::Uuid::now_v7());
    assert_eq!(system.get(Some(&bob), &unknown, &[]).await?.code(), "not-found");
    system.write(&format!("delete from rm.users where id = '{}'", bob.id())).await?;
    assert_eq!(system.get(Some(&bob), "/v1/users/me", &[]).await?.code(), "read-model-behind");
    assert_eq!(system.get(None, "/.well-known/jwks.json", &[]).await?.body["keys"][0]["kid"], "test");
    system.stop().await
}

#[tokio::test]
async fn sessions_that_are_over_or_revoked_are_not_listed() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let other = uuid::Uuid::now_v7();
    for (id, device, ends) in [
        (ada.caller.session.0, "laptop", "1 hour"),
        (other, "phone", "1 hour"),
        (uuid::Uuid::now_v7(), "lost", "-1 second"),
    ] {
        system
            .write(&format!(
                "insert into rm_live.sessions (id, user_id, credential, device, created_at, last_used_at, ends_at, expires_at, position)
                 values ('{id}', '{}', 1, '{device}', clock_timestamp(), now(), now() + interval '{ends}', now() + interval '30 days', 1)",
                ada.id()
            ))
            .await?;
    }
    let devices = async || -> Result<Vec<(String, bool)>> {
        let page = system.reads(&ada, "/v1/sessions").await?;
        let items = page["items"].as_array().context("items")?.clone();
        Ok(items
            .iter()
            .map(|s| (s["device"].as_str().unwrap_or_default().to_owned(), s["current"] == json!(true)))
            .collect())
    };
    assert_eq!(devices().await?, [("laptop".to_owned(), true), ("phone".to_owned(), false)]);
    system.authenticator.revocations().close_session(events::SessionId(other));
    assert_eq!(devices().await?, [("laptop".to_owned(), true)]);
    system.stop().await
}
