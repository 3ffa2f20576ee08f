//! Which lounges are there?

use events::{LoungeId, Position, Time, UserId};
use platform::Problem;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{read, resource::Lounge, wait::AsOf};

/// A lounge's place in the list: by creation.
pub type Key = (Time, Uuid);

/// Active lounges, or archived ones, after `after`; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn list(pool: &PgPool, active: bool, after: Key, limit: u32) -> Result<(AsOf, Vec<Lounge>), Problem> {
    let rows = read::all("lounges", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq, c.generation,
                   l.id as "id?", l.name as "name?", l.description as "description?", l.owner_id as "owner_id?",
                   l.active as "active?", l.created_at as "created_at?", n.rooms as "rooms?"
              from rm.checkpoint c
              left join lateral (
                   select id, name, description, owner_id, active, created_at
                     from rm.lounges
                    where active = $1 and (created_at, id) > ($2, $3)
                    order by created_at, id
                    limit $4
                   ) l on true
              left join lateral (
                   select count(*) as rooms
                     from rm.rooms r
                    where r.lounge_id = l.id and r.active and r.visibility = 'public'
                   ) n on l.id is not null
             where c.projection = 'chat' and c.part = 0
             order by l.created_at, l.id
            "#,
            active,
            after.0,
            after.1,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let as_of = read::as_of(first.epoch, first.seq, first.generation)?;
    let lounges = rows.into_iter().filter_map(|row| {
        Some(Lounge {
            id: LoungeId(row.id?),
            name: row.name?,
            description: row.description,
            owner: UserId(row.owner_id?),
            active: row.active?,
            room_count: read::number(row.rooms?),
            created_at: row.created_at?,
        })
    });
    Ok((as_of, lounges.collect()))
}

/// One lounge.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn find(pool: &PgPool, lounge: LoungeId) -> Result<(Position, Option<Lounge>), Problem> {
    let rows = read::all("lounge", || {
        sqlx::query!(
            r#"
            select c.epoch, c.seq,
                   l.id as "id?", l.name as "name?", l.description as "description?", l.owner_id as "owner_id?",
                   l.active as "active?", l.created_at as "created_at?", n.rooms as "rooms?"
              from rm.checkpoint c
              left join rm.lounges l on l.id = $1
              left join lateral (
                   select count(*) as rooms
                     from rm.rooms r
                    where r.lounge_id = l.id and r.active and r.visibility = 'public'
                   ) n on l.id is not null
             where c.projection = 'chat' and c.part = 0
            "#,
            lounge.0,
        )
        .fetch_all(pool)
    })
    .await?;
    let row = rows.into_iter().next().ok_or_else(read::no_read_model)?;
    let position = read::position(row.epoch, row.seq)?;
    let lounge =
        row.id.zip(row.name).zip(row.owner_id).zip(row.created_at).map(|(((id, name), owner), created_at)| Lounge {
            id: LoungeId(id),
            name,
            description: row.description,
            owner: UserId(owner),
            active: row.active.unwrap_or_default(),
            room_count: read::number(row.rooms.unwrap_or_default()),
            created_at,
        });
    Ok((position, lounge))
}
