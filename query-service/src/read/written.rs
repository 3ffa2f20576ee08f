//! What did somebody write, in whatever room? His own messages, or those in rooms that the caller moderates.

use events::{MessageId, Position, Role, RoomId, Time, UserId};
use platform::Problem;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    read::{self, messages::Stored},
    resource::{Author, Message, Reaction},
    rights::Standing,
};

/// So many of the author's messages are looked through for one page: in rooms of others there may be many.
pub const SCAN_MAX: u32 = 1_000;

/// A message, its sequence in `CHAT`, and how the caller stands in its room.
pub struct Written {
    pub log_seq: u64,
    pub stored: Stored,
    pub caller: Standing,
}

/// A part of what somebody wrote.
pub struct Found {
    pub position: Position,
    /// Whether there is such a person.
    pub exists: bool,
    /// The rooms that the caller moderates.
    pub moderated: Vec<RoomId>,
    /// The oldest message that was looked at, where there may be more behind it.
    pub goes_on_before: Option<u64>,
    /// Newest first.
    pub written: Vec<Written>,
}

struct Row {
    epoch: i64,
    seq: i64,
    exists: bool,
    moderated: Option<Vec<Uuid>>,
    display_name: Option<String>,
    kind: Option<String>,
    scanned: Option<i64>,
    oldest: Option<i64>,
    position: Option<i64>,
    id: Option<Uuid>,
    room_id: Option<Uuid>,
    room_seq: Option<i64>,
    text: Option<String>,
    reply_to: Option<Uuid>,
    mentions: Option<Vec<Uuid>>,
    created_at: Option<Time>,
    edited_at: Option<Time>,
    status: Option<String>,
    role: Option<String>,
    emojis: Option<Vec<String>>,
    counts: Option<Vec<i64>>,
    own: Option<Vec<String>>,
}

/// What `author` wrote before `before`, newest first; at most `limit`, and of others only what stands in rooms that
/// the caller moderates.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn by(pool: &PgPool, author: UserId, caller: UserId, before: u64, limit: u32) -> Result<Found, Problem> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let scan_max = if author == caller { limit } else { SCAN_MAX };
    let rows = read::all("written", || {
        sqlx::query_as!(
            Row,
            r#"
            select c.epoch, c.seq, (u.id is not null) as "exists!", u.display_name as "display_name?", u.kind as "kind?",
                   mine.rooms as "moderated?", scan.scanned as "scanned?", scan.oldest as "oldest?",
                   m.position as "position?", m.id as "id?", m.room_id as "room_id?", m.room_seq as "room_seq?",
                   m.text as "text?", m.reply_to as "reply_to?", m.mentions as "mentions?",
                   m.created_at as "created_at?", m.edited_at as "edited_at?", m.status as "status?",
                   me.role as "role?", reacted.emojis as "emojis?", reacted.counts as "counts?", reacted.own as "own?"
              from rm.checkpoint c
              left join rm.users u on u.id = $1
              left join lateral (
                   select array_agg(room_id) as rooms
                     from rm.members
                    where user_id = $2 and role in ('moderator', 'owner')
                   ) mine on true
              left join lateral (
                   select count(*) as scanned, min(position) as oldest
                     from (select position
                             from rm.messages
                            where author_id = $1 and position < $3
                            order by position desc
                            limit $4) looked_at
                   ) scan on true
              left join lateral (
                   select *
                     from (select id, room_id, room_seq, position, text, reply_to, mentions, created_at, edited_at,
                                  status
                             from rm.messages
                            where author_id = $1 and position < $3
                            order by position desc
                            limit $4) looked_at
                    where $1 = $2 or room_id = any(mine.rooms)
                    order by position desc
                    limit $5
                   ) m on true
              left join rm.members me on me.room_id = m.room_id and me.user_id = $2
              left join lateral (
                   select array_agg(emoji order by first) as emojis, array_agg(count order by first) as counts,
                          array_agg(emoji order by first) filter (where own) as own
                     from (select emoji, count(*) as count, min(position) as first, bool_or(user_id = $2) as own
                             from rm.reactions
                            where message_id = m.id
                            group by emoji) by_emoji
                   ) reacted on m.id is not null
             where c.projection = 'chat' and c.part = 0
             order by m.position desc
            "#,
            author.0,
            caller.0,
            before,
            i64::from(scan_max),
            i64::from(limit),
        )
        .fetch_all(pool)
    })
    .await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let scanned = first.scanned.unwrap_or_default();
    let all_looked_at = scanned < i64::from(scan_max);
    Ok(Found {
        position: read::position(first.epoch, first.seq)?,
        exists: first.exists,
        moderated: first.moderated.iter().flatten().copied().map(RoomId).collect(),
        goes_on_before: first.oldest.filter(|_| !all_looked_at).map(read::number),
        written: rows.into_iter().filter_map(|row| written(row, author).transpose()).collect::<Result<_, _>>()?,
    })
}

/// `None` for the row that says only the checkpoint.
fn written(row: Row, author: UserId) -> Result<Option<Written>, Problem> {
    let (Some(id), Some(room), Some(seq), Some(log_seq)) = (row.id, row.room_id, row.room_seq, row.position) else {
        return Ok(None);
    };
    let (Some(text), Some(created_at), Some(status)) = (row.text, row.created_at, row.status) else { return Ok(None) };
    let role: Option<Role> = row.role.as_deref().map(read::role).transpose()?;
    let kind = read::user_kind(row.kind.as_deref().unwrap_or("registered"))?;
    let reactions = row.emojis.unwrap_or_default().into_iter().zip(row.counts.unwrap_or_default());
    let message = Message {
        id: MessageId(id),
        room_id: RoomId(room),
        seq: read::number(seq),
        author: Author { id: author, display_name: row.display_name.unwrap_or_default(), kind },
        text: Some(text).filter(|text| !text.is_empty()),
        reply_to: row.reply_to.map(MessageId),
        mentions: row.mentions.unwrap_or_default().into_iter().map(UserId).collect(),
        created_at,
        edited_at: row.edited_at,
        status: read::message_status(&status)?,
        reactions: reactions.map(|(emoji, count)| Reaction { emoji, count: read::number(count) }).collect(),
    };
    let stored = Stored { message, own_reactions: row.own.unwrap_or_default() };
    Ok(Some(Written { log_seq: read::number(log_seq), stored, caller: Standing::new(role, false, None) }))
}
