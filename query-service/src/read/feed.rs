//! What happened in a room, number by number? Its newest entries, joined with what their frames show.

use deadpool_postgres::Pool;
use events::{LoungeId, MessageId, Position, RoomId, Time, UserId, Visibility};
use platform::Problem;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    read,
    resource::{Author, Message},
    rights::Standing,
};

/// An entry, with the current state of what it is about: texts stand in no feed, so what was removed is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub seq: u64,
    /// Its sequence in `CHAT`.
    pub log_seq: u64,
    /// The event's name, or `noop`.
    pub kind: String,
    pub at: Time,
    pub by: Option<UserId>,
    pub message: Option<MessageId>,
    pub user: Option<UserId>,
    /// What the frame needs and no table holds.
    pub detail: Value,
    /// The message as it is now, whoever may see it; without reactions, which have entries of their own.
    pub now: Option<Message>,
    /// The person it is about, as he is called now.
    pub who: Option<Author>,
    /// The room as it is now.
    pub settings: Option<Settings>,
}

/// What a room's own frames tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    pub lounge_id: LoungeId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub language: String,
    pub visibility: Visibility,
    pub guests: bool,
    pub active: bool,
}

/// A page of a room's feed and the caller's own right to see it.
#[derive(Debug)]
pub struct Found {
    pub position: Position,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
    /// `seq` of the room's last event.
    pub head: u64,
    /// The oldest entry that is kept; absent: none is.
    pub oldest: Option<u64>,
    pub entries: Vec<Entry>,
}

impl Found {
    /// Whether the entry right after `after` is kept, or has not happened yet.
    #[must_use]
    pub fn follows_on(&self, after: u64) -> bool {
        after >= self.head || self.oldest.is_some_and(|oldest| oldest <= after + 1)
    }
}

const PAGE: &str = "
    select c.epoch, c.seq, r.visibility, h.seq, me.role, me.banned, me.banned_until, kept.oldest,
           f.room_seq, f.position, f.type, f.at, f.actor_id, f.message_id, f.user_id, f.detail,
           m.room_seq, m.author_id, m.text, m.reply_to, m.mentions, m.created_at, m.edited_at, m.status,
           u.display_name, u.kind, about.display_name, about.kind,
           r.lounge_id, r.name, r.topic, r.language, r.guests, r.active
      from rm.checkpoint c
      left join rm.rooms r on r.id = $1
      left join rm.room_head h on h.room_id = $1
      left join rm.members me on me.room_id = $1 and me.user_id = $2
      left join lateral (
           select min(room_seq) as oldest from rm.feed where room_id = $1
           ) kept on true
      left join lateral (
           select room_seq, position, type, at, actor_id, message_id, user_id, detail
             from rm.feed
            where room_id = $1 and room_seq > $3
            order by room_seq
            limit $4
           ) f on true
      left join rm.messages m on m.id = f.message_id and m.room_id = $1
      left join rm.users u on u.id = m.author_id
      left join rm.users about on about.id = f.user_id
     where c.projection = 'chat' and c.part = 0
     order by f.room_seq";

/// A room's entries after `after`, oldest first; at most `limit`.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn page(pool: &Pool, room: RoomId, caller: UserId, after: u64, limit: u32) -> Result<Found, Problem> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = read::direct("feed", pool, PAGE, &[&room.0, &caller.0, &after, &i64::from(limit)]).await?;
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let role = first.try_get::<_, Option<&str>>(4)?.map(read::role).transpose()?;
    let banned = first.try_get::<_, Option<bool>>(5)?.unwrap_or_default();
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        // The row that says only the checkpoint has no entry.
        if let Some(seq) = row.try_get::<_, Option<i64>>(8)? {
            entries.push(entry(row, read::number(seq), room)?);
        }
    }
    Ok(Found {
        position: read::position(first.try_get(0)?, first.try_get(1)?)?,
        visibility: first.try_get::<_, Option<&str>>(2)?.map(read::visibility).transpose()?,
        caller: Standing::new(role, banned, first.try_get(6)?),
        head: read::number(first.try_get::<_, Option<i64>>(3)?.unwrap_or_default()),
        oldest: first.try_get::<_, Option<i64>>(7)?.map(read::number),
        entries,
    })
}

fn entry(row: &Row, seq: u64, room: RoomId) -> Result<Entry, Problem> {
    let message = row.try_get::<_, Option<Uuid>>(13)?.map(MessageId);
    let now = match (message, row.try_get::<_, Option<i64>>(16)?) {
        (Some(id), Some(room_seq)) => Some(current(row, id, room, read::number(room_seq))?),
        _ => None,
    };
    Ok(Entry {
        seq,
        log_seq: read::number(row.try_get(9)?),
        kind: row.try_get(10)?,
        at: row.try_get(11)?,
        by: row.try_get::<_, Option<Uuid>>(12)?.map(UserId),
        message,
        user: row.try_get::<_, Option<Uuid>>(14)?.map(UserId),
        detail: row.try_get::<_, Option<Value>>(15)?.unwrap_or_default(),
        now,
        who: who(row)?,
        settings: settings(row)?,
    })
}

fn who(row: &Row) -> Result<Option<Author>, Problem> {
    let (Some(id), Some(kind)) = (row.try_get::<_, Option<Uuid>>(14)?, row.try_get::<_, Option<&str>>(27)?) else {
        return Ok(None);
    };
    Ok(Some(Author { id: UserId(id), display_name: row.try_get(26)?, kind: read::user_kind(kind)? }))
}

fn settings(row: &Row) -> Result<Option<Settings>, Problem> {
    let (Some(lounge), Some(visibility)) = (row.try_get::<_, Option<Uuid>>(28)?, row.try_get::<_, Option<&str>>(2)?)
    else {
        return Ok(None);
    };
    Ok(Some(Settings {
        lounge_id: LoungeId(lounge),
        name: row.try_get(29)?,
        topic: row.try_get(30)?,
        language: row.try_get(31)?,
        visibility: read::visibility(visibility)?,
        guests: row.try_get(32)?,
        active: row.try_get(33)?,
    }))
}

fn current(row: &Row, id: MessageId, room: RoomId, seq: u64) -> Result<Message, Problem> {
    let author = Author {
        id: UserId(row.try_get(17)?),
        display_name: row.try_get::<_, Option<String>>(24)?.unwrap_or_default(),
        kind: read::user_kind(row.try_get::<_, Option<&str>>(25)?.unwrap_or("registered"))?,
    };
    let mentions: Vec<Uuid> = row.try_get(20)?;
    Ok(Message {
        id,
        room_id: room,
        seq,
        author,
        text: Some(row.try_get::<_, String>(18)?).filter(|text| !text.is_empty()),
        reply_to: row.try_get::<_, Option<Uuid>>(19)?.map(MessageId),
        mentions: mentions.into_iter().map(UserId).collect(),
        created_at: row.try_get(21)?,
        edited_at: row.try_get(22)?,
        status: read::message_status(row.try_get(23)?)?,
        reactions: Vec::new(),
    })
}
