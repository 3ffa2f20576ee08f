//! Which rooms are there, and how does the caller stand in them?

use events::{LoungeId, RoomId, Time, UserId};
use platform::Problem;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    read,
    resource::{OwnMembership, Room},
    rights::Standing,
    wait::AsOf,
};

/// A room's place in a lounge's list: by creation.
pub type Key = (Time, Uuid);

/// A room's card with the caller's standing at the checkpoint. `room.member` is as of the checkpoint, too:
/// [`Card::seen`] brings both up to date.
#[derive(Debug)]
pub struct Card {
    pub room: Room,
    pub standing: Standing,
}

/// Cards, and the checkpoint they are of.
pub struct Cards {
    pub as_of: AsOf,
    /// Whether what should hold the rooms exists: the lounge.
    pub exists: bool,
    pub cards: Vec<Card>,
}

impl Card {
    /// The card as the caller may see it with the standing that was seen last; `None`: he may not.
    #[must_use]
    pub fn seen(self, standing: &Standing) -> Option<Room> {
        let mut room = self.room;
        if !standing.sees_card(room.visibility) {
            return None;
        }
        room.member = standing.role.map(|role| match room.member {
            Some(member) => OwnMembership { role, ..member },
            // He came after the checkpoint: what is shown here was before him.
            None => OwnMembership { role, read: room.head, unread: 0, mentions: 0 },
        });
        Some(room)
    }
}

/// A row of the statements below: the same columns, so that the three read alike.
struct Row {
    epoch: i64,
    seq: i64,
    generation: i32,
    exists: Option<bool>,
    id: Option<Uuid>,
    lounge_id: Option<Uuid>,
    name: Option<String>,
    topic: Option<String>,
    language: Option<String>,
    visibility: Option<String>,
    guests: Option<bool>,
    active: Option<bool>,
    created_at: Option<Time>,
    member_count: Option<i64>,
    head: Option<i64>,
    role: Option<String>,
    banned: Option<bool>,
    banned_until: Option<Time>,
    read: Option<i64>,
    unread: Option<i64>,
    mentions: Option<i64>,
}

// Read is what lies before the greatest of joining, read marker and own last post. The marker follows a stream of its
// own, which may be a moment ahead of the checkpoint or behind it. Own last posts are looked for among the person's own messages, newest first: `offset 0` keeps the planner
// from reading all of the room's messages instead.

/// One room's card, whoever asks: the caller judges.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn find(pool: &PgPool, room: RoomId, caller: UserId) -> Result<Cards, Problem> {
    let rows = read::all("room", || {
        sqlx::query_as!(
            Row,
            r#"
            select c.epoch, c.seq, c.generation, (r.id is not null) as "exists",
                   r.id as "id?", r.lounge_id as "lounge_id?", r.name as "name?", r.topic as "topic?",
                   r.language as "language?", r.visibility as "visibility?", r.guests as "guests?",
                   r.active as "active?", r.created_at as "created_at?",
                   n.members as "member_count?", h.seq as "head?",
                   me.role as "role?", me.banned as "banned?", me.banned_until as "banned_until?",
                   own.read as "read?", missed.unread as "unread?", missed.mentions as "mentions?"
              from rm.checkpoint c
              left join rm.rooms r on r.id = $1
              left join rm.room_head h on h.room_id = r.id
              left join rm.members me on me.room_id = r.id and me.user_id = $2
              left join rm_live.markers marker on marker.user_id = $2 and marker.room_id = r.id
              left join lateral (
                   select count(*) as members from rm.members where room_id = r.id and role is not null
                   ) n on r.id is not null
              left join lateral (
                   select greatest(me.joined_seq, marker.seq, (
                          select said.room_seq
                            from (select room_id, room_seq, position
                                    from rm.messages
                                   where author_id = $2
                                   order by position desc
                                  offset 0) said
                           where said.room_id = r.id
                           order by said.position desc
                           limit 1)) as read
                   ) own on me.role is not null
              left join lateral (
                   select count(*) as unread, count(*) filter (where newest.mentions @> array[$2]) as mentions
                     from (select m.mentions
                             from rm.messages m
                            where m.room_id = r.id and m.status = 'visible' and m.room_seq > own.read
                              and m.author_id <> $2
                            order by m.room_seq desc
                            limit 1000) newest
                   ) missed on me.role is not null
             where c.projection = 'chat' and c.part = 0
            "#,
            room.0,
            caller.0,
        )
        .fetch_all(pool)
    })
    .await?;
    cards(rows)
}

/// A lounge's rooms that the caller may see at the checkpoint, active ones or archived ones, after `after`;
/// at most `limit`. Without unread counts: who is a member finds those in his own list.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn in_lounge(
    pool: &PgPool,
    lounge: LoungeId,
    caller: UserId,
    active: bool,
    after: Key,
    limit: u32,
) -> Result<Cards, Problem> {
    let rows = read::all("lounge-rooms", || {
        sqlx::query_as!(
            Row,
            r#"
            select c.epoch, c.seq, c.generation, (l.id is not null) as "exists",
                   r.id as "id?", r.lounge_id as "lounge_id?", r.name as "name?", r.topic as "topic?",
                   r.language as "language?", r.visibility as "visibility?", r.guests as "guests?",
                   r.active as "active?", r.created_at as "created_at?",
                   n.members as "member_count?",
                   (select h.seq from rm.room_head h where h.room_id = r.id) as "head?",
                   r.role as "role?", r.banned as "banned?", r.banned_until as "banned_until?",
                   own.read as "read?", missed.unread as "unread?", missed.mentions as "mentions?"
              from rm.checkpoint c
              left join rm.lounges l on l.id = $1
              left join lateral (
                   select r.id, r.lounge_id, r.name, r.topic, r.language, r.visibility, r.guests, r.active,
                          r.created_at, me.role, me.joined_seq, me.banned, me.banned_until
                     from rm.rooms r
                     left join rm.members me on me.room_id = r.id and me.user_id = $2
                    where r.lounge_id = $1 and r.active = $3 and (r.created_at, r.id) > ($4, $5)
                      and (r.visibility = 'public' or me.role is not null)
                    order by r.created_at, r.id
                    limit $6
                   ) r on true
              left join rm_live.markers marker on marker.user_id = $2 and marker.room_id = r.id
              left join lateral (
                   select count(*) as members from rm.members where room_id = r.id and role is not null
                   ) n on r.id is not null
              left join lateral (
                   select greatest(r.joined_seq, marker.seq, (
                          select said.room_seq
                            from (select room_id, room_seq, position
                                    from rm.messages
                                   where author_id = $2
                                   order by position desc
                                  offset 0) said
                           where said.room_id = r.id
                           order by said.position desc
                           limit 1)) as read
                   ) own on r.role is not null
              left join lateral (
                   select count(*) as unread, count(*) filter (where newest.mentions @> array[$2]) as mentions
                     from (select m.mentions
                             from rm.messages m
                            where m.room_id = r.id and m.status = 'visible' and m.room_seq > own.read
                              and m.author_id <> $2
                            order by m.room_seq desc
                            limit 1000) newest
                   ) missed on r.role is not null
             where c.projection = 'chat' and c.part = 0
             order by r.created_at, r.id
            "#,
            lounge.0,
            caller.0,
            active,
            after.0,
            after.1,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    cards(rows)
}

/// The rooms that the caller is in, archived ones as well, by id after `after`; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn of_member(pool: &PgPool, caller: UserId, after: Uuid, limit: u32) -> Result<Cards, Problem> {
    let rows = read::all("own-rooms", || {
        sqlx::query_as!(
            Row,
            r#"
            select c.epoch, c.seq, c.generation, true as "exists",
                   r.id as "id?", r.lounge_id as "lounge_id?", r.name as "name?", r.topic as "topic?",
                   r.language as "language?", r.visibility as "visibility?", r.guests as "guests?",
                   r.active as "active?", r.created_at as "created_at?",
                   n.members as "member_count?", h.seq as "head?",
                   me.role as "role?", me.banned as "banned?", me.banned_until as "banned_until?",
                   own.read as "read?", missed.unread as "unread?", missed.mentions as "mentions?"
              from rm.checkpoint c
              left join lateral (
                   select room_id, role, joined_seq, banned, banned_until
                     from rm.members
                    where user_id = $1 and role is not null and room_id > $2
                    order by room_id
                    limit $3
                   ) me on true
              left join rm.rooms r on r.id = me.room_id
              left join rm.room_head h on h.room_id = r.id
              left join rm_live.markers marker on marker.user_id = $1 and marker.room_id = r.id
              left join lateral (
                   select count(*) as members from rm.members where room_id = r.id and role is not null
                   ) n on r.id is not null
              left join lateral (
                   select greatest(me.joined_seq, marker.seq, (
                          select said.room_seq
                            from (select room_id, room_seq, position
                                    from rm.messages
                                   where author_id = $1
                                   order by position desc
                                  offset 0) said
                           where said.room_id = r.id
                           order by said.position desc
                           limit 1)) as read
                   ) own on r.id is not null
              left join lateral (
                   select count(*) as unread, count(*) filter (where newest.mentions @> array[$1]) as mentions
                     from (select m.mentions
                             from rm.messages m
                            where m.room_id = r.id and m.status = 'visible' and m.room_seq > own.read
                              and m.author_id <> $1
                            order by m.room_seq desc
                            limit 1000) newest
                   ) missed on r.id is not null
             where c.projection = 'chat' and c.part = 0
             order by r.id
            "#,
            caller.0,
            after,
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    cards(rows)
}

fn cards(rows: Vec<Row>) -> Result<Cards, Problem> {
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let as_of = read::as_of(first.epoch, first.seq, first.generation)?;
    let exists = first.exists.unwrap_or_default();
    let cards = rows.into_iter().filter_map(|row| card(row).transpose()).collect::<Result<_, _>>()?;
    Ok(Cards { as_of, exists, cards })
}

/// `None` for the row that says only the checkpoint.
fn card(row: Row) -> Result<Option<Card>, Problem> {
    let role = row.role.as_deref().map(read::role).transpose()?;
    let standing = Standing::new(role, row.banned.unwrap_or_default(), row.banned_until);
    let visibility = row.visibility.as_deref().map(read::visibility).transpose()?;
    let count = |value: Option<i64>| read::number(value.unwrap_or_default());
    let member = role.map(|role| OwnMembership {
        role,
        read: count(row.read),
        unread: count(row.unread),
        mentions: count(row.mentions),
    });
    let room = (|| {
        Some(Room {
            id: RoomId(row.id?),
            lounge_id: LoungeId(row.lounge_id?),
            name: row.name?,
            topic: row.topic,
            language: row.language?,
            visibility: visibility?,
            guests: row.guests?,
            active: row.active?,
            member_count: count(row.member_count),
            head: count(row.head),
            created_at: row.created_at?,
            member,
        })
    })();
    Ok(room.map(|room| Card { room, standing }))
}

#[cfg(test)]
mod tests;
