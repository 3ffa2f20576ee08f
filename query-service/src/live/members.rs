//! Who is in a room that somebody here listens to? One query at its first socket, overlaid by the ring, then the log.

use super::frame::Name;
use deadpool_postgres::Pool;
use events::{LoungeId, Role, RoomId, Time, UserId, UserKind};
use platform::{Problem, pool};
use std::collections::HashMap;
use uuid::Uuid;

/// A member, as rights and frames need it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Name,
    pub(super) role: Role,
    /// `Time::MAX_UTC`: for ever.
    pub(super) muted_until: Option<Time>,
}

impl Member {
    pub(super) fn is_muted(&self, now: Time) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }
}

/// A room's members as of a checkpoint.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) checkpoint: u64,
    pub(super) lounge: Option<LoungeId>,
    pub(super) members: HashMap<UserId, Member>,
}

/// How the read model writes a role.
pub(super) fn role(text: &str) -> Role {
    match text {
        "owner" => Role::Owner,
        "moderator" => Role::Moderator,
        _ => Role::Member,
    }
}

/// How the read model writes a kind.
pub(super) fn kind(text: &str) -> UserKind {
    if text == "guest" { UserKind::Guest } else { UserKind::Registered }
}

/// Reads the members of several rooms, with the checkpoint in the same statement.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn load(pool: &Pool, rooms: &[RoomId]) -> Result<HashMap<RoomId, Loaded>, Problem> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select c.seq, wanted.id as room_id, r.lounge_id, m.user_id, m.role, m.muted, m.muted_until,
                    u.display_name, u.kind
               from rm.checkpoint c
              cross join unnest($1::uuid[]) as wanted (id)
               left join rm.rooms r on r.id = wanted.id
               left join rm.members m on m.room_id = wanted.id and m.role is not null
               left join rm.users u on u.id = m.user_id
              where c.projection = 'chat' and c.part = 0",
        )
        .await?;
    let rows = pool::timed("live: members of rooms", client.query(&statement, &[&ids])).await?;
    let mut loaded: HashMap<RoomId, Loaded> = HashMap::with_capacity(rooms.len());
    for row in rows {
        let checkpoint = u64::try_from(row.get::<_, i64>("seq")).unwrap_or_default();
        let lounge = row.get::<_, Option<Uuid>>("lounge_id").map(LoungeId);
        let room = loaded.entry(RoomId(row.get("room_id"))).or_insert_with(|| Loaded {
            checkpoint,
            lounge,
            members: HashMap::new(),
        });
        let Some(user) = row.get::<_, Option<Uuid>>("user_id") else { continue };
        let display_name = row.get::<_, Option<String>>("display_name").unwrap_or_default();
        let name = Name { display_name, kind: kind(row.get::<_, Option<&str>>("kind").unwrap_or_default()) };
        let role = role(row.get::<_, Option<&str>>("role").unwrap_or_default());
        let until = || row.get::<_, Option<Time>>("muted_until").unwrap_or(Time::MAX_UTC);
        let muted_until = row.get::<_, Option<bool>>("muted").unwrap_or_default().then(until);
        room.members.insert(UserId(user), Member { name, role, muted_until });
    }
    Ok(loaded)
}

/// Reads names: of authors who are members no more.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn names(pool: &Pool, users: &[UserId]) -> Result<HashMap<UserId, Name>, Problem> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    let client = pool.get().await?;
    let statement = client.prepare_cached("select id, display_name, kind from rm.users where id = any($1)").await?;
    let rows = pool::timed("live: names", client.query(&statement, &[&ids])).await?;
    let name = |row: &tokio_postgres::Row| Name { display_name: row.get("display_name"), kind: kind(row.get("kind")) };
    Ok(rows.iter().map(|row| (UserId(row.get("id")), name(row))).collect())
}

/// The rooms that somebody is a member of, the newest first, at most `limit`.
///
/// # Errors
/// 503 `overloaded` while Postgres is away.
pub(super) async fn rooms_of(pool: &Pool, user: UserId, limit: usize) -> Result<Vec<RoomId>, Problem> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "select room_id from rm.members
              where user_id = $1 and role is not null
              order by room_id desc
              limit $2",
        )
        .await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = pool::timed("live: rooms of a person", client.query(&statement, &[&user.0, &limit])).await?;
    Ok(rows.iter().map(|row| RoomId(row.get("room_id"))).collect())
}
