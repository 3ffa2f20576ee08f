//! What did a message say before it was edited?

use events::{MessageId, Position, RoomId, Time, UserId, Visibility};
use platform::Problem;
use sqlx::PgPool;

use crate::{read, rights::Standing};

/// A text that an edit replaced, and the sequence of the posting or the edit that said it.
pub struct Version {
    pub log_seq: u64,
    pub text: String,
    pub at: Time,
}

/// A message's older texts and the caller's own right to see them.
pub struct Found {
    pub position: Position,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
    /// Whether the message is in this room.
    pub exists: bool,
    /// Oldest first.
    pub versions: Vec<Version>,
}

/// A message's older texts after `after`; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of(
    pool: &PgPool,
    (room, message): (RoomId, MessageId),
    caller: UserId,
    after: u64,
    limit: u32,
) -> Result<Found, Problem> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = read::all("versions", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, r.visibility as "visibility?",
                   me.role as "role?", me.banned as "banned?", me.banned_until as "banned_until?",
                   (m.id is not null) as "exists!", v.position as "position?", v.text as "text?", v.at as "at?"
              from rm.checkpoint c
              left join rm.rooms r on r.id = $1
              left join rm.members me on me.room_id = $1 and me.user_id = $3
              left join rm.messages m on m.id = $2 and m.room_id = $1
              left join lateral (
                   select position, text, at
                     from rm.message_versions
                    where message_id = m.id and position > $4
                    order by position
                    limit $5
                   ) v on true
             where c.projection = 'chat' and c.part = 0
             order by v.position
            "#,
            room.0,
            message.0,
            caller.0,
            after,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let role = first.role.as_deref().map(read::role).transpose()?;
    let (position, exists) = (read::position(first.epoch, first.seq)?, first.exists);
    let visibility = first.visibility.as_deref().map(read::visibility).transpose()?;
    let caller = Standing::new(role, first.banned.unwrap_or_default(), first.banned_until);
    let version = |seq: i64, text, at| Version { log_seq: read::number(seq), text, at };
    let versions = rows.into_iter().filter_map(|row| Some(version(row.position?, row.text?, row.at?)));
    Ok(Found { position, visibility, caller, exists, versions: versions.collect() })
}
