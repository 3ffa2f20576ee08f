//! Does the feed give every entry once, until it is no longer kept?

use crate::read_model::System;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test]
async fn the_feed_is_dense_and_says_when_it_no_longer_reaches_back() -> Result<()> {
    let system = System::start().await?;
    let (ada, eve) = (system.user("Ada").await?, system.user("Eve").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("owner"), None).await?;
    let hello = system.message(room, 3, &ada, "hello", "visible").await?;
    let entry = async |seq: u64, kind: &str, message: &str, detail: &str| {
        system
            .write(&format!(
                "insert into rm.feed (room_id, room_seq, position, type, at, actor_id, message_id, user_id, detail)
                 values ('{room}', {seq}, {seq}0, '{kind}', now(), '{id}', {message}, '{id}', {detail})",
                id = ada.id()
            ))
            .await
    };
    entry(1, "room.created", "null", "null").await?;
    entry(2, "member.joined", "null", r#"'{"role": "owner"}'"#).await?;
    entry(3, "message.posted", &format!("'{hello}'"), r#"'{"key": "k-1"}'"#).await?;
    let path = format!("/v1/rooms/{room}/feed");
    let mut seqs = Vec::new();
    let mut next = "0".to_owned();
    loop {
        let page = system.reads(&ada, &format!("{path}?after={next}&limit=2")).await?;
        let items = page["items"].as_array().context("items")?;
        seqs.extend(items.iter().filter_map(|item| item["seq"].as_u64()));
        match page["page"]["next"].as_str() {
            Some(more) => next = more.to_owned(),
            None => break,
        }
    }
    assert_eq!(seqs, [1, 2, 3]);
    let last = system.reads(&ada, &format!("{path}?after=2")).await?;
    assert_eq!(last["head"], 3);
    let (frame, here) = (&last["items"][0], system.position(30));
    assert_eq!((&frame["t"], &frame["p"], &frame["room"]), (&json!("message.posted"), &json!(here), &json!(room)));
    assert_eq!((&frame["d"]["text"], &frame["d"]["key"]), (&json!("hello"), &json!("k-1")));

    system.write(&format!("delete from rm.feed where room_id = '{room}' and room_seq < 3")).await?;
    assert_eq!(system.get(Some(&ada), &format!("{path}?after=1"), &[]).await?.code(), "gone");
    assert_eq!(system.reads(&ada, &format!("{path}?after=3")).await?["items"], json!([]));
    assert_eq!(system.get(Some(&eve), &format!("{path}?after=2"), &[]).await?.code(), "forbidden");
    for bad in [path.clone(), format!("{path}?after=-1"), format!("{path}?after=x")] {
        assert_eq!(system.get(Some(&ada), &bad, &[]).await?.code(), "invalid-request", "{bad}");
    }
    system.stop().await
}
