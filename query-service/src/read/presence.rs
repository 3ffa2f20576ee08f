//! Who of a room is there? As far as it was told in the log: leases lie beside it.

use events::{Position, RoomId, UserId, Visibility};
use platform::Problem;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::{read, resource::Presence, rights::Standing};

/// Whether the caller may see it.
pub struct Right {
    pub position: Position,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
}

/// How many of a room's members are how much there; the others are offline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    pub online: u64,
    pub away: u64,
    pub dnd: u64,
}

/// A room's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub position: Position,
    /// Of all members.
    pub counts: Counts,
    /// Those who are there, by user id.
    pub there: Vec<Presence>,
}

/// The caller's right to see a room's presence, which is the same for all who may.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn right(pool: &PgPool, room: RoomId, caller: UserId) -> Result<Right, Problem> {
    let rows = read::all("presence-right", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, r.visibility as "visibility?",
                   me.role as "role?", me.banned as "banned?", me.banned_until as "banned_until?"
              from rm.checkpoint c
              left join rm.rooms r on r.id = $1
              left join rm.members me on me.room_id = $1 and me.user_id = $2
             where c.projection = 'chat' and c.part = 0
            "#,
            room.0,
            caller.0,
        )
        .fetch_all(pool)
    })
    .await?;
    let row = rows.into_iter().next().ok_or_else(read::no_read_model)?;
    let role = row.role.as_deref().map(read::role).transpose()?;
    Ok(Right {
        position: read::position(row.epoch, row.seq)?,
        visibility: row.visibility.as_deref().map(read::visibility).transpose()?,
        caller: Standing::new(role, row.banned.unwrap_or_default(), row.banned_until),
    })
}

/// Those of a room's members who are there, at most `limit`, and how many there are.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of(pool: &PgPool, room: RoomId, limit: u32) -> Result<Found, Problem> {
    // `offset 0` keeps the planner from reading everybody's presence: what it costs hangs on the room alone.
    let rows = read::all("presence", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, p.user_id as "user_id?", p.state as "state?", p.last_seen as "last_seen?",
                   p.online as "online?", p.away as "away?", p.dnd as "dnd?"
              from rm.checkpoint c
              left join lateral (
                   select p.user_id, p.state, p.last_seen,
                          count(*) filter (where p.state = 'online') over () as online,
                          count(*) filter (where p.state = 'away') over () as away,
                          count(*) filter (where p.state = 'dnd') over () as dnd
                     from rm.members m
                    cross join lateral (
                          select user_id, state, last_seen from rm_live.presence where user_id = m.user_id offset 0
                          ) p
                    where m.room_id = $1 and m.role is not null and p.state <> 'offline'
                    order by p.user_id
                    limit $2
                   ) p on true
             where c.projection = 'chat' and c.part = 0
             order by p.user_id
            "#,
            room.0,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let position = read::position(first.epoch, first.seq)?;
    let count = |value: Option<i64>| read::number(value.unwrap_or_default());
    let counts = Counts { online: count(first.online), away: count(first.away), dnd: count(first.dnd) };
    let mut there = Vec::with_capacity(rows.len());
    for row in rows {
        // The row that says only the checkpoint has nobody.
        let (Some(user), Some(state), Some(last_seen_at)) = (row.user_id, row.state, row.last_seen) else { continue };
        there.push(Presence { user_id: UserId(user), state: read::presence_state(&state)?, last_seen_at });
    }
    Ok(Found { position, counts, there })
}
