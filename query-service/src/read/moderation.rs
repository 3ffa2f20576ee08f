//! What was reported in a room, and what did moderators do there?

use events::{MessageId, Position, RoomId, UserId, Visibility};
use platform::Problem;
use sqlx::PgPool;

use crate::{read, resource::Moderation, rights::Standing};

/// One entry, and its sequence in `CHAT`.
pub struct Entry {
    pub log_seq: u64,
    pub shown: Moderation,
}

/// A room's audit and the caller's own right to see it.
pub struct Found {
    pub position: Position,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
    /// Newest first.
    pub entries: Vec<Entry>,
}

/// Entries of a room before `before`, newest first; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of(pool: &PgPool, room: RoomId, caller: UserId, before: u64, limit: u32) -> Result<Found, Problem> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let rows = read::all("moderation", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, r.visibility as "visibility?",
                   me.role as "own_role?", me.banned as "banned?", me.banned_until as "banned_until?",
                   d.position as "position?", d.at as "at?", d.actor_id as "actor_id?", d.action as "action?",
                   d.message_id as "message_id?", coalesce(d.user_id, m.author_id) as "user_id?", d.role as "role?",
                   d.reason as "reason?", d.until as "until?"
              from rm.checkpoint c
              left join rm.rooms r on r.id = $1
              left join rm.members me on me.room_id = $1 and me.user_id = $2
              left join lateral (
                   select position, at, actor_id, action, message_id, user_id, role, reason, until
                     from rm.moderation
                    where room_id = $1 and position < $3
                    order by position desc
                    limit $4
                   ) d on true
              left join lateral (
                   select author_id from rm.messages where id = d.message_id and room_id = $1
                   ) m on true
             where c.projection = 'chat' and c.part = 0
             order by d.position desc
            "#,
            room.0,
            caller.0,
            before,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let position = read::position(first.epoch, first.seq)?;
    let visibility = first.visibility.as_deref().map(read::visibility).transpose()?;
    let role = first.own_role.as_deref().map(read::role).transpose()?;
    let caller = Standing::new(role, first.banned.unwrap_or_default(), first.banned_until);
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        // The row that says only the checkpoint has no entry.
        let (Some(seq), Some(at), Some(action)) = (row.position, row.at, row.action) else { continue };
        let shown = Moderation {
            action,
            at,
            by: row.actor_id.map(UserId),
            message: row.message_id.map(MessageId),
            user: row.user_id.map(UserId),
            role: row.role.as_deref().map(read::role).transpose()?,
            reason: row.reason,
            until: row.until,
        };
        entries.push(Entry { log_seq: read::number(seq), shown });
    }
    Ok(Found { position, visibility, caller, entries })
}
