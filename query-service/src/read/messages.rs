//! What was said in a room: one statement for any page of it, prepared by hand, because it is the hottest.

use deadpool_postgres::Pool;
use events::{MessageId, RoomId, Time, UserId, Visibility, message::MessageStatus};
use platform::Problem;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    read,
    resource::{Author, Message, Reaction, shows_text},
    rights::Standing,
    wait::AsOf,
};

/// Where in the room a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At a message's `seq`, which need not exist (any more).
    Seq(u64),
    Message(MessageId),
    /// At the first message of this time or later; behind the last when there is none.
    Time(Time),
    /// Behind the last message.
    End,
}

/// The part of a room's messages to read: below and above the anchor, so many of each. With `after`
/// the anchor itself belongs to what is below, else to what is above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub anchor: Anchor,
    pub after: bool,
    pub below_max: u32,
    pub above_max: u32,
}

/// A message as stored, and what the caller did with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub message: Message,
    pub own_reactions: Vec<String>,
}

/// That somebody reacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reacted {
    pub user: UserId,
    pub message: MessageId,
    /// The emoji's place among the message's.
    pub nth: usize,
    pub emoji: String,
}

/// What the statement found.
#[derive(Debug)]
pub struct Found {
    pub as_of: AsOf,
    /// Where the room or the name of somebody among the messages was last changed.
    pub changed: u64,
    /// Absent: there is no such room.
    pub visibility: Option<Visibility>,
    pub caller: Standing,
    /// `seq` of the room's last event.
    pub head: u64,
    /// The first `seq` that is above; absent: the anchor's message does not exist in this room.
    pub bound: Option<u64>,
    /// Oldest first; those below `bound` and those from it on.
    pub messages: Vec<Stored>,
    /// Who reacted to these messages with what, where that was asked for and is not too much.
    pub reactors: Option<Vec<Reacted>>,
}

impl Stored {
    /// As this viewer may see it.
    #[must_use]
    pub fn shown(mut self, viewer: UserId, role: events::Role) -> Self {
        let message = &mut self.message;
        if !shows_text(message.status, role, message.author.id == viewer) {
            message.text = None;
        }
        self
    }
}

/// The viewer's own reactions, by message, for beside a page.
#[must_use]
pub fn own_reactions(messages: &[Stored]) -> BTreeMap<MessageId, Vec<String>> {
    let reacted = messages.iter().filter(|stored| !stored.own_reactions.is_empty());
    reacted.map(|stored| (stored.message.id, stored.own_reactions.clone())).collect()
}

// The anchor comes as a number, a message or a time; the others are null. A bigint's end stands for the end.
// `offset 0` computes the anchor once. The limits are parameters, for which the planner would expect a tenth of the
// room and read all users: 102, twice a page and one more, tells it better.
fn statement(filter: &str, (reactors, who): (&str, &str)) -> String {
    format!(
        r"
        select c.epoch, c.seq, r.visibility, h.seq, me.role, me.banned, me.banned_until, a.bound,
               m.id, m.room_seq, m.author_id, m.text, m.reply_to, m.mentions, m.created_at, m.edited_at, m.status,
               u.display_name, u.kind, reacted.emojis, reacted.counts, reacted.own,
               c.generation, h.position, u.position{reactors}
          from rm.checkpoint c
          left join rm.rooms r on r.id = $1
          left join rm.room_head h on h.room_id = $1
          left join rm.members me on me.room_id = $1 and me.user_id = $2
          left join lateral (
               select case
                      when $4::uuid is not null then
                           (select room_seq + $3 from rm.messages where id = $4 and room_id = $1)
                      when $5::timestamptz is not null then
                           coalesce((select room_seq + $3
                                       from rm.messages
                                      where room_id = $1 and created_at >= $5
                                      order by created_at, room_seq
                                      limit 1), 9223372036854775807)
                      else $3 end as bound
              offset 0
               ) a on true
          left join lateral (
               (select id, room_seq, author_id, text, reply_to, mentions, created_at, edited_at, status
                  from rm.messages
                 where room_id = $1 and room_seq < a.bound {filter}
                 order by room_seq desc
                 limit $6)
               union all
               (select id, room_seq, author_id, text, reply_to, mentions, created_at, edited_at, status
                  from rm.messages
                 where room_id = $1 and room_seq >= a.bound {filter}
                 order by room_seq
                 limit $7)
               limit 102
               ) m on true
          left join rm.users u on u.id = m.author_id
          left join lateral (
               select array_agg(emoji order by first) as emojis, array_agg(count order by first) as counts,
                      array_agg(emoji order by first) filter (where own) as own
                 from (select emoji, count(*) as count, min(position) as first, bool_or(user_id = $2) as own
                         from rm.reactions
                        where message_id = m.id
                        group by emoji) by_emoji
               ) reacted on m.id is not null
          {who}
         where c.projection = 'chat' and c.part = 0
         order by m.room_seq
        "
    )
}

/// Without who reacted.
const COUNTED: (&str, &str) = ("", "");
/// With who reacted; a null stands for more than are wanted. Of a message without reactions nothing is looked for.
const NAMED: (&str, &str) = (
    ", who.users, who.emojis",
    "left join lateral (
               select array_agg(user_id) as users, array_agg(emoji) as emojis
                 from (select user_id, emoji
                         from rm.reactions
                        where message_id = m.id
                        limit 501) first
               ) who on reacted.emojis is not null",
);
/// One fewer than the statement's limit.
const REACTORS_MAX: usize = 500;

static ANY_STATUS: LazyLock<String> = LazyLock::new(|| statement("", COUNTED));
/// A statement of its own, so that each has the plan of its own index.
static ONE_STATUS: LazyLock<String> = LazyLock::new(|| statement("and status = $8", COUNTED));
static WITH_REACTORS: LazyLock<String> = LazyLock::new(|| statement("", NAMED));

/// The statement of a page of any status: what a bench compares with.
#[must_use]
pub fn any_status() -> &'static str {
    &ANY_STATUS
}

/// Reads a window of a room's messages; with `status`, of those that have it.
///
/// # Errors
/// As every read: 503 while Postgres does not answer.
pub async fn window(
    pool: &Pool,
    room: RoomId,
    caller: UserId,
    window: Window,
    status: Option<MessageStatus>,
) -> Result<Found, Problem> {
    let sql: &str = if status.is_some() { &ONE_STATUS } else { &ANY_STATUS };
    let rows = run(pool, sql, (room, caller), window, status).await?;
    found(&rows, room, None)
}

/// Reads a window likewise, with who reacted.
///
/// # Errors
/// As [`window`].
pub async fn window_with_reactors(pool: &Pool, room: RoomId, caller: UserId, window: Window) -> Result<Found, Problem> {
    let rows = run(pool, &WITH_REACTORS, (room, caller), window, None).await?;
    found(&rows, room, reactors(&rows)?)
}

async fn run(
    pool: &Pool,
    sql: &str,
    (room, caller): (RoomId, UserId),
    window: Window,
    status: Option<MessageStatus>,
) -> Result<Vec<Row>, Problem> {
    let step = i64::from(window.after);
    let (base, message, time): (i64, Option<Uuid>, Option<Time>) = match window.anchor {
        Anchor::Seq(seq) => (i64::try_from(seq).unwrap_or(i64::MAX - 1) + step, None, None),
        Anchor::Message(id) => (step, Some(id.0), None),
        Anchor::Time(at) => (step, None, Some(at)),
        Anchor::End => (i64::MAX, None, None),
    };
    let (below, above) = (i64::from(window.below_max), i64::from(window.above_max));
    let (room_id, caller_id, status) = (room.0, caller.0, status.map(MessageStatus::as_str));
    let all: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&room_id, &caller_id, &base, &message, &time, &below, &above, &status];
    let parameters = if status.is_some() { &all[..] } else { &all[..7] };
    read::direct("messages", pool, sql, parameters).await
}

fn found(rows: &[Row], room: RoomId, reactors: Option<Vec<Reacted>>) -> Result<Found, Problem> {
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let role = first.try_get::<_, Option<&str>>(4)?.map(read::role).transpose()?;
    let banned = first.try_get::<_, Option<bool>>(5)?.unwrap_or_default();
    let mut changed = first.try_get::<_, Option<i64>>(23)?;
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        changed = changed.max(row.try_get(24)?);
        // The row that says only the checkpoint has no message.
        if let Some(id) = row.try_get::<_, Option<Uuid>>(8)? {
            messages.push(stored(row, MessageId(id), room)?);
        }
    }
    Ok(Found {
        as_of: read::as_of(first.try_get(0)?, first.try_get(1)?, first.try_get(22)?)?,
        changed: read::number(changed.unwrap_or_default()),
        visibility: first.try_get::<_, Option<&str>>(2)?.map(read::visibility).transpose()?,
        head: read::number(first.try_get::<_, Option<i64>>(3)?.unwrap_or_default()),
        caller: Standing::new(role, banned, first.try_get(6)?),
        bound: first.try_get::<_, Option<i64>>(7)?.map(read::number),
        messages,
        reactors,
    })
}

/// Who reacted with what; `None` where that is too much of one message.
fn reactors(rows: &[Row]) -> Result<Option<Vec<Reacted>>, Problem> {
    let mut all = Vec::new();
    for row in rows {
        let Some(users) = row.try_get::<_, Option<Vec<Uuid>>>(25)? else { continue };
        let emojis: Vec<String> = row.try_get::<_, Option<_>>(26)?.unwrap_or_default();
        if users.len() > REACTORS_MAX {
            return Ok(None);
        }
        let (message, order) =
            (MessageId(row.try_get(8)?), row.try_get::<_, Option<Vec<&str>>>(19)?.unwrap_or_default());
        all.extend(users.into_iter().zip(emojis).map(|(user, emoji)| {
            let nth = order.iter().position(|known| *known == emoji).unwrap_or(order.len());
            Reacted { user: UserId(user), message, nth, emoji }
        }));
    }
    Ok(Some(all))
}

pub(super) fn stored(row: &Row, id: MessageId, room: RoomId) -> Result<Stored, Problem> {
    let kind = row.try_get::<_, Option<&str>>(18)?.unwrap_or("registered");
    let author = Author {
        id: UserId(row.try_get(10)?),
        display_name: row.try_get::<_, Option<String>>(17)?.unwrap_or_default(),
        kind: read::user_kind(kind)?,
    };
    let emojis: Vec<String> = row.try_get::<_, Option<_>>(19)?.unwrap_or_default();
    let counts: Vec<i64> = row.try_get::<_, Option<_>>(20)?.unwrap_or_default();
    let reactions = emojis.into_iter().zip(counts);
    let text: String = row.try_get(11)?;
    let mentions: Vec<Uuid> = row.try_get(13)?;
    let message = Message {
        id,
        room_id: room,
        seq: read::number(row.try_get(9)?),
        author,
        // Nobody can say nothing: an empty text is one that is gone for good.
        text: Some(text).filter(|text| !text.is_empty()),
        reply_to: row.try_get::<_, Option<Uuid>>(12)?.map(MessageId),
        mentions: mentions.into_iter().map(UserId).collect(),
        created_at: row.try_get(14)?,
        edited_at: row.try_get(15)?,
        status: read::message_status(row.try_get(16)?)?,
        reactions: reactions.map(|(emoji, count)| Reaction { emoji, count: read::number(count) }).collect(),
    };
    Ok(Stored { message, own_reactions: row.try_get::<_, Option<_>>(21)?.unwrap_or_default() })
}
