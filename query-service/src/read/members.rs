//! Who is in a room?

use events::{Position, Role, RoomId, Time, UserId, Visibility};
use platform::Problem;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    read,
    resource::{Member, User},
    rights::Standing,
};

/// A member's place in the list: by rank, highest first.
pub type Key = (Role, Uuid);

/// Before the first of the list.
pub const START: Option<Key> = None;

/// A room's members and the caller's own right to see them.
pub struct Found {
    pub position: Position,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
    pub members: Vec<Member>,
}

/// Members of a room after `after`, at most `limit`; mutes that are over at `now` are left out.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of(
    pool: &PgPool,
    room: RoomId,
    caller: UserId,
    after: Option<Key>,
    limit: u32,
    now: Time,
) -> Result<Found, Problem> {
    // Nothing sorts after this pair: the roles are `member` < `moderator` < `owner`.
    let (after_role, after_id) = after.map_or(("z", Uuid::max()), |(role, id)| (role.as_str(), id));
    let rows = read::all("members", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, r.visibility as "visibility?",
                   me.role as "own_role?", me.banned as "own_banned?", me.banned_until as "own_banned_until?",
                   m.user_id as "user_id?", m.role as "role?", m.joined_at as "joined_at?",
                   m.muted as "muted?", m.muted_until as "muted_until?",
                   u.display_name as "display_name?", u.kind as "kind?", u.created_at as "created_at?"
              from rm.checkpoint c
              left join rm.rooms r on r.id = $1
              left join rm.members me on me.room_id = $1 and me.user_id = $2
              left join lateral (
                   select user_id, role, joined_at, muted, muted_until
                     from rm.members
                    where room_id = $1 and role is not null and (role, user_id) < ($3, $4)
                    order by role desc, user_id desc
                    limit $5
                   ) m on true
              left join rm.users u on u.id = m.user_id
             where c.projection = 'chat' and c.part = 0
             order by m.role desc, m.user_id desc
            "#,
            room.0,
            caller.0,
            after_role,
            after_id,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let position = read::position(first.epoch, first.seq)?;
    let visibility = first.visibility.as_deref().map(read::visibility).transpose()?;
    let own_role = first.own_role.as_deref().map(read::role).transpose()?;
    let caller = Standing::new(own_role, first.own_banned.unwrap_or_default(), first.own_banned_until);
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(id), Some(role), Some(joined_at)) = (row.user_id, row.role, row.joined_at) else { continue };
        let user = user(id, row.display_name, row.kind.as_deref(), row.created_at.unwrap_or(joined_at))?;
        let until = restricted(row.muted.unwrap_or_default(), row.muted_until, now);
        members.push(Member { user, role: read::role(&role)?, joined_at, muted_until: until, banned_until: None });
    }
    Ok(Found { position, visibility, caller, members })
}

/// A person joined from another key's table: his own fact may be missing there only if the log never had it.
fn user(id: Uuid, name: Option<String>, kind: Option<&str>, created_at: Time) -> Result<User, Problem> {
    let kind = read::user_kind(kind.unwrap_or("registered"))?;
    let display_name = name.unwrap_or_default();
    Ok(User { id: UserId(id), display_name, kind, created_at, phone_hint: None, expires_at: None })
}

/// Until when a restriction holds, if it does.
fn restricted(spoken: bool, until: Option<Time>, now: Time) -> Option<Time> {
    let until = spoken.then(|| until.unwrap_or_else(for_ever))?;
    (until > now).then_some(until)
}

/// The end of the year 9999, the last that RFC 3339 can write.
fn for_ever() -> Time {
    Time::from_timestamp(253_402_300_799, 0).expect("within chrono's range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_mute_without_an_end_is_for_ever_and_one_that_is_over_is_none() {
        let now = chrono::Utc::now();
        let soon = now + TimeDelta::seconds(1);
        assert_eq!(restricted(true, Some(soon), now), Some(soon));
        assert_eq!(restricted(true, Some(now), now), None);
        assert_eq!(restricted(false, Some(soon), now), None);
        let ever = serde_json::to_value(restricted(true, None, now)).expect("a time");
        assert_eq!(ever, "9999-12-31T23:59:59Z");
    }
}
