//! Who of a room is there, and who may know?

use crate::read_model::System;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn who_is_there_is_listed_and_counted_for_members() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    let mut there = BTreeSet::new();
    for state in ["online", "away", "dnd", "offline", "online"] {
        let person = system.user(state).await?;
        system.member(room, &person, Some("member"), None).await?;
        system.is(&person, state).await?;
        if state != "offline" {
            there.insert(person.id().to_string());
        }
    }
    let (stranger, silent) = (system.user("Sam").await?, system.user("Sue").await?);
    system.is(&stranger, "online").await?;
    system.member(room, &silent, Some("member"), None).await?;
    system.member(room, &ada, Some("owner"), None).await?;
    let path = format!("/v1/rooms/{room}/presence");
    let mut listed = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = system.reads(&ada, &format!("{path}?limit=3{cursor}")).await?;
        assert_eq!(page["counts"], json!({"online": 2, "away": 1, "dnd": 1}));
        let items = page["items"].as_array().into_iter().flatten();
        listed.extend(items.filter_map(|item| item["user_id"].as_str()).map(str::to_owned));
        let Some(next) = page["page"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, there);
    assert_eq!(system.get(Some(&stranger), &path, &[]).await?.code(), "forbidden");
    // His own coming is in what he is shown, though others were shown their list a moment ago.
    system.is(&ada, "dnd").await?;
    system.reaches(9).await?;
    let position = system.position(9);
    let page = system.get(Some(&ada), &path, &[("chat-min-position", &position)]).await?.body;
    assert_eq!((&page["counts"]["dnd"], &page["position"]), (&json!(2), &json!(position)));
    system.stop().await
}
