//! Who is who: one person, and the caller himself.

use events::{Position, UserId};
use platform::Problem;
use sqlx::PgPool;

use crate::{read, resource::User};

/// A person as the read model has him.
pub struct Found {
    pub position: Position,
    /// Absent: not (yet) known here.
    pub user: Option<User>,
    /// Whether the account was erased, for good.
    pub erased: bool,
}

/// One person, with his public fields.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn find(pool: &PgPool, user: UserId) -> Result<Found, Problem> {
    let rows = read::all("user", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq,
                   u.id as "id?", u.display_name as "display_name?", u.kind as "kind?", u.standing as "standing?",
                   u.created_at as "created_at?"
              from rm.checkpoint c
              left join rm.users u on u.id = $1
             where c.projection = 'chat' and c.part = 0
            "#,
            user.0,
        )
        .fetch_all(pool)
    })
    .await?;
    let row = rows.into_iter().next().ok_or_else(read::no_read_model)?;
    let position = read::position(row.epoch, row.seq)?;
    let erased = row.standing.as_deref() == Some("erased");
    let (Some(id), Some(display_name), Some(kind), Some(created_at)) =
        (row.id, row.display_name, row.kind, row.created_at)
    else {
        return Ok(Found { position, user: None, erased: false });
    };
    let kind = read::user_kind(&kind)?;
    let user = User { id: UserId(id), display_name, kind, created_at, phone_hint: None, expires_at: None };
    Ok(Found { position, user: Some(user), erased })
}

/// The caller, with what only he sees. The account's own row follows another stream and may come a moment
/// later: then its fields are absent.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn own(pool: &PgPool, user: UserId) -> Result<Found, Problem> {
    let rows = read::all("own-user", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq,
                   u.id as "id?", u.display_name as "display_name?", u.kind as "kind?", u.standing as "standing?",
                   u.created_at as "created_at?", a.phone_hint as "phone_hint?", a.expires_at as "expires_at?"
              from rm.checkpoint c
              left join rm.users u on u.id = $1
              left join rm_live.accounts a on a.user_id = $1
             where c.projection = 'chat' and c.part = 0
            "#,
            user.0,
        )
        .fetch_all(pool)
    })
    .await?;
    let row = rows.into_iter().next().ok_or_else(read::no_read_model)?;
    let position = read::position(row.epoch, row.seq)?;
    let erased = row.standing.as_deref() == Some("erased");
    let (Some(id), Some(display_name), Some(kind), Some(created_at)) =
        (row.id, row.display_name, row.kind, row.created_at)
    else {
        return Ok(Found { position, user: None, erased: false });
    };
    let kind = read::user_kind(&kind)?;
    // Two digits in the read model; the ellipsis says that there are more.
    let phone_hint = row.phone_hint.map(|digits| format!("…{digits}"));
    let user = User { id: UserId(id), display_name, kind, created_at, phone_hint, expires_at: row.expires_at };
    Ok(Found { position, user: Some(user), erased })
}
