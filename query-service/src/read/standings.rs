//! How does somebody stand, in a room or a lounge? Small statements for who has the rest of an answer already.

use deadpool_postgres::Pool;
use events::{LoungeId, RoomId, UserId};
use platform::Problem;
use sqlx::PgPool;

use crate::{read, rights::Standing, wait::AsOf};

/// How somebody stands in a room at the checkpoint. Prepared by hand, as the pages that it goes with.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn in_room(pool: &Pool, room: RoomId, user: UserId) -> Result<(Standing, AsOf), Problem> {
    let sql = "select c.epoch, c.seq, c.generation, me.role, me.banned, me.banned_until
                 from rm.checkpoint c
                 left join rm.members me on me.room_id = $1 and me.user_id = $2
                where c.projection = 'chat' and c.part = 0";
    let rows = read::direct("standing", pool, sql, &[&room.0, &user.0]).await?;
    let row = rows.first().ok_or_else(read::no_read_model)?;
    let as_of = read::as_of(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?;
    let role = row.try_get::<_, Option<&str>>(3)?.map(read::role).transpose()?;
    let banned = row.try_get::<_, Option<bool>>(4)?.unwrap_or_default();
    Ok((Standing::new(role, banned, row.try_get(5)?), as_of))
}

/// Whether somebody is in none of a lounge's rooms.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn is_stranger(pool: &PgPool, lounge: LoungeId, user: UserId) -> Result<(AsOf, bool), Problem> {
    let rows = read::all("lounge-stranger", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, c.generation,
                   not exists (
                       select from rm.members me
                         join rm.rooms r on r.id = me.room_id
                        where me.user_id = $2 and me.role is not null and r.lounge_id = $1
                   ) as "is_stranger!"
              from rm.checkpoint c
             where c.projection = 'chat' and c.part = 0
            "#,
            lounge.0,
            user.0,
        )
        .fetch_all(pool)
    })
    .await?;
    let row = rows.first().ok_or_else(read::no_read_model)?;
    Ok((read::as_of(row.epoch, row.seq, row.generation)?, row.is_stranger))
}
