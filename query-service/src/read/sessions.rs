//! Where the caller is signed in.

use events::{Position, SessionId, Time, UserId};
use platform::{Caller, Problem};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{read, resource::Session};

/// A session's place in the list: by sign-in.
pub type Key = (Time, Uuid);

/// A session, and the number of the credential it began with.
pub struct Row {
    pub session: Session,
    pub credential: u32,
}

/// The caller's sessions that are not over at `now`, after `after`; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of(
    pool: &PgPool,
    caller: &Caller,
    now: Time,
    after: Key,
    limit: u32,
) -> Result<(Position, Vec<Row>), Problem> {
    let rows = read::all("sessions", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq,
                   s.id as "id?", s.credential as "credential?", s.device as "device?",
                   s.created_at as "created_at?", s.last_used_at as "last_used_at?", s.expires_at as "expires_at?"
              from rm.checkpoint c
              left join lateral (
                   select id, credential, device, created_at, last_used_at, expires_at
                     from rm_live.sessions
                    where user_id = $1 and (created_at, id) > ($2, $3) and ends_at > $4
                    union all
                   select id, 0, null, created_at, last_used_at, expires_at
                     from rm_live.guest_sessions
                    where user_id = $1 and (created_at, id) > ($2, $3) and ends_at > $4
                    order by created_at, id
                    limit $5
                   ) s on true
             where c.projection = 'chat' and c.part = 0
             order by s.created_at, s.id
            "#,
            caller.user.0,
            after.0,
            after.1,
            now,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let position = read::position(first.epoch, first.seq)?;
    let sessions = rows.into_iter().filter_map(|row| {
        let id = SessionId(row.id?);
        let session = Session {
            id,
            device: row.device,
            created_at: row.created_at?,
            last_used_at: row.last_used_at?,
            expires_at: row.expires_at?,
            current: id == caller.session,
        };
        Some(Row { session, credential: u32::try_from(row.credential?).unwrap_or(0) })
    });
    Ok((position, sessions.collect()))
}

/// The caller whose token such a session would give: what revocations are asked about.
#[must_use]
pub fn holder(row: &Row, user: UserId, caller: &Caller) -> Caller {
    Caller { user, session: row.session.id, credential: row.credential, ..*caller }
}
