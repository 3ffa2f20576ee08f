//! Is a room whose events wait for an operator read by nobody, and does everything else go on?

use crate::read_model::System;
use anyhow::{Result, ensure};
use std::time::Duration;
use uuid::Uuid;

async fn becomes(system: &System, room: Uuid, parked: bool) -> Result<()> {
    let seen = async {
        while system.checkpoint.goes_on(events::RoomId(room)).is_err() != parked {
            tokio::task::yield_now().await;
        }
    };
    Ok(tokio::time::timeout(Duration::from_secs(10), seen).await?)
}

// Red without `goes_on` in `App::reader`, in `latest` (the page that is kept ready), in `find` or in the search.
#[tokio::test]
async fn a_parked_room_is_read_by_nobody_and_the_others_go_on() -> Result<()> {
    let system = System::start().await?;
    let (ada, eve) = (system.user("Ada").await?, system.user("Eve").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let (room, other) = (system.room(lounge, "Green", "private").await?, system.room(lounge, "Red", "public").await?);
    system.hub_is_at(1);
    let mut message = Uuid::nil();
    for room in [room, other] {
        system.member(room, &ada, Some("owner"), None).await?;
        message = system.message(room, 2, &ada, "hello", "visible").await?;
    }
    let of = |room: Uuid| {
        ["", "/messages", "/members", "/feed?after=9", "/presence", "/moderation"]
            .map(|what| format!("/v1/rooms/{room}{what}"))
    };
    let status = async |path: &str| anyhow::Ok(system.get(Some(&ada), path, &[]).await?.status);
    for path in of(room) {
        assert_eq!(status(&path).await?, 200, "{path}");
    }
    system
        .write(&format!(
            "begin;
             insert into rm.parked (seq, key, room_id, room_seq, subject, event_type, headers, body, at, why)
             values (2, 'room {room}', '{room}', 3, 'chat', 'broken', '{{}}', '', now(), 'no JSON');
             select pg_notify('rm_checkpoint', '2'); commit"
        ))
        .await?;
    becomes(&system, room, true).await?;
    for path in of(room) {
        let answer = system.get(Some(&ada), &path, &[]).await?;
        assert_eq!((answer.status, answer.code()), (503, "read-model-behind"), "{path}");
        // Who may not know of the room does not learn of it by this.
        assert_eq!(system.get(Some(&eve), &path, &[]).await?.status, 404, "{path}");
    }
    for path in of(other) {
        assert_eq!(status(&path).await?, 200, "{path}");
    }
    // Lists go on: cards stay, texts of the room do not.
    let rooms = system.reads(&ada, "/v1/users/me/rooms").await?;
    assert_eq!(rooms["items"].as_array().map(Vec::len), Some(2));
    for path in ["/v1/search?q=hello".to_owned(), format!("/v1/users/{}/messages", ada.id())] {
        let found = system.reads(&ada, &path).await?;
        let items = found["items"].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(items.len() == 1, "{path}: {found}");
        assert!(found.to_string().contains(&message.to_string()), "{path}");
    }
    system.write("begin; delete from rm.parked; select pg_notify('rm_checkpoint', 'released'); commit").await?;
    becomes(&system, room, false).await?;
    for path in of(room) {
        assert_eq!(status(&path).await?, 200, "{path}");
    }
    system.stop().await
}
