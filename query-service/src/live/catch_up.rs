//! What did a client miss? Pages of the read model's feed, as `GET …/feed` shows them, and counts of what is unread.

use super::{
    form::Frame,
    frame::{Name, Person, of_lounge, of_user},
    members::kind,
    protocol::RoomSummary,
};
use crate::{
    feed::{self, Viewer},
    read,
};
use deadpool_postgres::Pool;
use events::{LoungeId, Position, RoomId, UserId};
use platform::{Problem, pool};
use std::collections::HashMap;
use tokio_postgres::Row;
use uuid::Uuid;

/// Entries of one page: one query. What of it finds no room in the outbox is read again.
const PAGE: u32 = 200;
/// Who missed more in a room, or more changes of people, is told to load anew.
pub(super) const MISSED_MAX: u64 = 10_000;

/// A page of a room's feed.
pub(super) enum Page {
    /// By number, oldest first; none where the read model is not that far.
    Entries(Vec<(u64, Frame)>),
    /// What came next is not kept any more.
    Forgotten,
    /// By then the viewer was not in the room: the read model may be ahead of the hub, and know of a ban that the hub
    /// has not heard.
    NoMember,
}

/// Reads the entries after `seq`, as this viewer may see them.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn page(pool: &Pool, room: RoomId, seq: u64, viewer: Viewer) -> Result<Page, Problem> {
    let found = read::feed::page(pool, room, viewer.user, seq, PAGE).await?;
    let Some(role) = found.caller.role else { return Ok(Page::NoMember) };
    if !found.follows_on(seq) {
        return Ok(Page::Forgotten);
    }
    // Hub and read model may be ahead of each other: who is a moderator by one of them only sees what a member sees.
    let viewer = Viewer { role: role.min(viewer.role), ..viewer };
    let frame = |entry| {
        let frame = feed::frame(entry, room, found.position.epoch, viewer);
        (frame.seq, Frame::new(serde_json::to_string(&frame).expect("a frame has string keys"), Some(frame.p)))
    };
    Ok(Page::Entries(found.entries.iter().map(frame).collect()))
}

/// The number that each of these rooms had at a position, as far as its feed reaches back: 0 for a room that began
/// later, or whose feed does.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn seqs_at(
    pool: &Pool,
    rooms: &[RoomId],
    position: Position,
) -> Result<HashMap<RoomId, u64>, Problem> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    let at = i64::try_from(position.seq).unwrap_or(i64::MAX);
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select wanted.id, past.room_seq
               from unnest($1::uuid[]) as wanted (id)
               left join lateral (
                    select room_seq from rm.feed
                     where room_id = wanted.id and position <= $2
                     order by room_seq desc
                     limit 1) past on true",
        )
        .await?;
    let rows = pool::timed("live: seqs at a position", client.query(&statement, &[&ids, &at])).await?;
    let seq = |row: &Row| u64::try_from(row.get::<_, Option<i64>>(1).unwrap_or_default()).unwrap_or_default();
    Ok(rows.iter().map(|row| (RoomId(row.get(0)), seq(row))).collect())
}

/// The latest state of the members and lounges of these rooms that changed after a position, as frames; of more than
/// [`MISSED_MAX`] some.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn changed_since(
    pool: &Pool,
    rooms: &[RoomId],
    Position { epoch, seq }: Position,
) -> Result<Vec<Frame>, Problem> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    let after = i64::try_from(seq).unwrap_or(i64::MAX);
    let enough = i64::try_from(MISSED_MAX + 1).unwrap_or(i64::MAX);
    let client = pool.get().await?;
    // `offset 0` keeps the planner from reading all people where some are members.
    let users = client
        .prepare_cached(
            "select u.id, u.position, u.display_name, u.kind, u.standing
               from (select distinct user_id from rm.members where room_id = any($1) and role is not null) member
              cross join lateral (
                    select id, position, display_name, kind, standing from rm.users
                     where id = member.user_id and position > $2
                    offset 0) u
              limit $3",
        )
        .await?;
    let lounges = client
        .prepare_cached(
            "select id, position, name, description, active from rm.lounges
              where id in (select lounge_id from rm.rooms where id = any($1))
                and position > $2
              limit $3",
        )
        .await?;
    let users = pool::timed("live: users changed since", client.query(&users, &[&ids, &after, &enough])).await?;
    let lounges = pool::timed("live: lounges changed since", client.query(&lounges, &[&ids, &after, &enough])).await?;
    let p = |row: &Row| Position { epoch, seq: u64::try_from(row.get::<_, i64>(1)).unwrap_or_default() };
    let user = |row: &Row| {
        let name = Name { display_name: row.get(2), kind: kind(row.get(3)) };
        of_user("user.changed", p(row), UserId(row.get(0)), &Person { name, standing: row.get(4) })
    };
    let lounge = |row: &Row| {
        let (name, description, active) = (row.get::<_, &str>(2), row.get::<_, Option<&str>>(3), row.get(4));
        of_lounge("lounge.changed", p(row), LoungeId(row.get(0)), (name, description, active))
    };
    Ok(users.iter().map(user).chain(lounges.iter().map(lounge)).collect())
}

/// What is unread in each of these rooms, up to the head that the summary tells: visible messages by others after the
/// person's read marker, own last message and joining, at most 1,000. `read` are markers that the read model may not know
/// yet, one for each room.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn unread(pool: &Pool, user: UserId, read: &[u64], rooms: &mut [RoomSummary]) -> Result<(), Problem> {
    let bigint = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let heads: Vec<i64> = rooms.iter().map(|room| bigint(room.head)).collect();
    let read: Vec<i64> = read.iter().copied().map(bigint).collect();
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.id.0).collect();
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select me.room_id, own.read, missed.unread, missed.mentions
               from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as wanted (id, read, head)
               join rm.members me on me.room_id = wanted.id and me.user_id = $1
              cross join lateral (
                    select greatest(wanted.read, coalesce(me.joined_seq, 0), coalesce((
                           select seq from rm_live.markers
                            where user_id = $1 and room_id = me.room_id), 0), coalesce((
                           select room_seq from rm.messages
                            where room_id = me.room_id and author_id = $1
                            order by room_seq desc
                            limit 1), 0)) as read) own
              cross join lateral (
                    select count(*) as unread, count(*) filter (where newest.mentions @> array[$1]) as mentions
                      from (select mentions from rm.messages
                             where room_id = me.room_id and status = 'visible' and room_seq > own.read
                               and room_seq <= wanted.head and author_id <> $1
                             limit 1000) newest) missed",
        )
        .await?;
    let rows = pool::timed("live: unread", client.query(&statement, &[&user.0, &ids, &read, &heads])).await?;
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
