//! What did a client miss? Pages of the read model's feed, as `GET …/feed` shows them, and counts of what is unread.

use super::protocol::RoomSummary;
use crate::{
    feed::{self, Viewer},
    read,
};
use axum::extract::ws::Utf8Bytes;
use deadpool_postgres::Pool;
use events::{Position, RoomId, UserId};
use platform::{Problem, pool};
use std::collections::HashMap;
use tokio_postgres::Row;
use uuid::Uuid;

/// Entries of one page: one query, then written as fast as the socket takes them.
const PAGE: u32 = 200;
/// Who missed more in a room is told to load it anew.
pub(super) const MISSED_MAX: u64 = 10_000;

/// A page of a room's feed.
pub(super) struct Page {
    /// Whether it begins right where the client is; what came before it was forgotten.
    pub(super) follows_on: bool,
    /// By number, oldest first.
    pub(super) frames: Vec<(u64, Utf8Bytes)>,
}

/// Reads the entries after `seq`, as this viewer may see them.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn page(pool: &Pool, room: RoomId, seq: u64, viewer: Viewer) -> Result<Page, Problem> {
    let found = read::feed::page(pool, room, viewer.user, seq, PAGE).await?;
    let follows_on = found.follows_on(seq);
    let frame = |entry| {
        let frame = feed::frame(entry, room, found.position.epoch, viewer);
        (frame.seq, serde_json::to_string(&frame).expect("a frame has string keys").into())
    };
    Ok(Page { follows_on, frames: found.entries.iter().map(frame).collect() })
}

/// The number that a room had at a position; `None` when the feed does not reach back that far.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn seq_at(pool: &Pool, room: RoomId, position: Position) -> Result<Option<u64>, Problem> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select room_seq, position from rm.feed
              where room_id = $1 and position <= $2
              order by room_seq desc
              limit 1",
        )
        .await?;
    let at = i64::try_from(position.seq).unwrap_or(i64::MAX);
    let row = pool::timed("live: seq at a position", client.query_opt(&statement, &[&room.0, &at])).await?;
    Ok(row.map(|row| u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()))
}

/// What is unread in each of these rooms: visible messages by others after the person's own last message and
/// joining, at most 1,000.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn unread(pool: &Pool, user: UserId, rooms: &mut [RoomSummary]) -> Result<(), Problem> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.id.0).collect();
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select me.room_id, own.read, missed.unread, missed.mentions
               from rm.members me
              cross join lateral (
                    select greatest(coalesce(me.joined_seq, 0), coalesce((
                           select room_seq from rm.messages
                            where room_id = me.room_id and author_id = $1
                            order by room_seq desc
                            limit 1), 0)) as read) own
              cross join lateral (
                    select count(*) as unread, count(*) filter (where newest.mentions @> array[$1]) as mentions
                      from (select mentions from rm.messages
                             where room_id = me.room_id and status = 'visible' and room_seq > own.read
                               and author_id <> $1
                             limit 1000) newest) missed
              where me.user_id = $1 and me.room_id = any($2)",
        )
        .await?;
    let rows = pool::timed("live: unread", client.query(&statement, &[&user.0, &ids])).await?;
    let count = |row: &Row, name| u64::try_from(row.get::<_, i64>(name)).unwrap_or_default();
    let found: HashMap<RoomId, &Row> = rows.iter().map(|row| (RoomId(row.get("room_id")), row)).collect();
    for room in rooms {
        if let Some(row) = found.get(&room.id) {
            (room.read, room.unread, room.mentions) =
                (count(row, "read"), count(row, "unread"), count(row, "mentions"));
        }
    }
    Ok(())
}
