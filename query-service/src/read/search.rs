//! In which messages is it said? One pure question for what the words are, then one statement for hits and rights.

use deadpool_postgres::Pool;
use events::{MessageId, Position, RoomId, UserId, Visibility};
use platform::Problem;
use std::{sync::LazyLock, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    read::{self, messages::Stored},
    resource::{Fragment, HitRoom},
    rights::Standing,
    search::{
        Asked, Cut, Question, Term,
        highlight::{Marks, Piece, highlight},
    },
};

/// Searches at a time, so that they leave connections to pages and sockets. Each is ended by the pool's
/// statement timeout.
const AT_ONCE_MAX: usize = 2;
/// A search that has not begun so long after it was asked for is refused: 503 `overloaded`.
const BEGINS_WITHIN: Duration = Duration::from_secs(1);
/// Rooms that the index itself is asked for, by the word that each room's messages carry. With more, putting these words
/// together costs more than it spares (of 200,000 messages with the word: 50 rooms 0.1 s, 300 rooms 2.7 s, none named
/// 0.2 s), so whoever is in more is shown only his own, but all that match are looked at.
const ROOMS_IN_QUERY_MAX: usize = 50;

static AT_ONCE: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// A message that was found.
#[derive(Debug)]
pub struct Hit {
    pub at: u64,
    pub room: HitRoom,
    /// The caller's, in its room.
    pub standing: Standing,
    pub stored: Stored,
    pub highlight: Vec<Fragment>,
}

/// What the statement found.
#[derive(Debug)]
pub struct Found {
    pub position: Position,
    /// Of the room that was asked for; absent: there is none such.
    pub visibility: Option<Visibility>,
    /// The caller's, in the room that was asked for.
    pub caller: Standing,
    /// Newest first.
    pub hits: Vec<Hit>,
}

const CUT: &str = "
    select btrim(bare), text_search.runs(bare), text_search.alternatives(plain)
      from (select n, plain, text_search.bare(plain) as bare
              from (select n, text_search.plain(term) as plain
                      from unnest($1::text[]) with ordinality as terms (term, n)) as plain
             ) as cut
     order by n";

// The first columns are those of a page of messages, which reads them.
static HITS: LazyLock<String> = LazyLock::new(|| {
    format!(
        r"
        with own as materialized (
             select room_id, role
               from rm.members
              where user_id = $1 and role is not null and ($2::uuid is null or room_id = $2)
        ), asked as materialized (
             select case
                    when count(*) <= {ROOMS_IN_QUERY_MAX} then
                         $4::text::tsquery
                         && string_agg('''' || text_search.room(room_id) || '''', ' | ')::tsquery
                    else $4::text::tsquery end as query
               from own
        )
        select c.epoch, c.seq, r.visibility, m.position, me.role, me.banned, me.banned_until, m.room_id,
               m.id, m.room_seq, m.author_id, m.text, m.reply_to, m.mentions, m.created_at, m.edited_at, m.status,
               u.display_name, u.kind, reacted.emojis, reacted.counts, reacted.own,
               hit_room.name, own.role, marked.pieces, marked.bares, marked.stems
          from rm.checkpoint c
          left join rm.rooms r on r.id = $2
          left join rm.members me on me.room_id = $2 and me.user_id = $1
          left join lateral (
               select id, room_id, room_seq, position, author_id, text, language, reply_to, mentions, created_at,
                      edited_at, status
                 from rm.messages
                where status = 'visible'
                  and search @@ (select query from asked)
                  and room_id in (select room_id from own)
                  and position < $3
                  and (cardinality($5::text[]) = 0 or text_search.holds(text, $5))
                order by position desc
                limit $6
               ) m on true
          left join rm.rooms hit_room on hit_room.id = m.room_id
          left join own on own.room_id = m.room_id
          left join rm.users u on u.id = m.author_id
          left join lateral (
               select array_agg(emoji order by first) as emojis, array_agg(count order by first) as counts,
                      array_agg(emoji order by first) filter (where own) as own
                 from (select emoji, count(*) as count, min(position) as first, bool_or(user_id = $1) as own
                         from rm.reactions
                        where message_id = m.id
                        group by emoji) by_emoji
               ) reacted on m.id is not null
          left join lateral (
               select array_agg(piece order by n) as pieces, array_agg(bare order by n) as bares,
                      array_agg(stem order by n) as stems
                 from text_search.pieces(m.text, m.language) with ordinality as cut (piece, bare, stem, n)
               ) marked on m.id is not null
         where c.projection = 'chat' and c.part = 0
         order by m.position desc
        "
    )
});

/// Looks for one page of hits and one more, in rooms that the caller is in.
///
/// # Errors
/// 400 `invalid-request` without a word; 503 `overloaded` while too many search, or when it takes too long.
pub(crate) async fn find(pool: &Pool, caller: UserId, asked: &Asked) -> Result<Found, Problem> {
    let permit = timeout(BEGINS_WITHIN, AT_ONCE.acquire()).await;
    let permit = permit.map_err(|_| Problem::overloaded("Too many searches at once."))?;
    let _permit = permit.expect("never closed");
    let question = question(pool, &asked.terms).await?;
    let room = asked.room.map(|room| room.0);
    let before = i64::try_from(asked.before).unwrap_or(i64::MAX);
    let limit = i64::from(asked.limit) + 1;
    let rows =
        read::direct("search", pool, &HITS, &[&caller.0, &room, &before, &question.query, &question.exact, &limit])
            .await?;
    found(&rows, &question.marks)
}

/// What the words are: says nothing of what anybody wrote.
async fn question(pool: &Pool, terms: &[Term]) -> Result<Question, Problem> {
    let texts: Vec<&str> = terms.iter().map(|term| term.text.as_str()).collect();
    let rows = read::direct("search_terms", pool, CUT, &[&texts]).await?;
    let mut cut = Vec::with_capacity(rows.len());
    for (term, row) in terms.iter().zip(&rows) {
        let (bare, runs, alternatives) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        cut.push((term.kind, Cut { bare, runs, alternatives }));
    }
    Question::of(&cut)
}

fn found(rows: &[Row], marks: &Marks) -> Result<Found, Problem> {
    let first = rows.first().ok_or_else(read::no_read_model)?;
    let role = first.try_get::<_, Option<&str>>(4)?.map(read::role).transpose()?;
    let banned = first.try_get::<_, Option<bool>>(5)?.unwrap_or_default();
    let mut hits = Vec::with_capacity(rows.len());
    for row in rows {
        // The row that says only the checkpoint has no message.
        if let Some(id) = row.try_get::<_, Option<Uuid>>(8)? {
            hits.push(hit(row, MessageId(id), marks)?);
        }
    }
    Ok(Found {
        position: read::position(first.try_get(0)?, first.try_get(1)?)?,
        visibility: first.try_get::<_, Option<&str>>(2)?.map(read::visibility).transpose()?,
        caller: Standing::new(role, banned, first.try_get(6)?),
        hits,
    })
}

fn hit(row: &Row, id: MessageId, marks: &Marks) -> Result<Hit, Problem> {
    let room = RoomId(row.try_get(7)?);
    let role = row.try_get::<_, Option<&str>>(23)?.map(read::role).transpose()?;
    let texts: Vec<&str> = row.try_get::<_, Option<_>>(24)?.unwrap_or_default();
    let bares: Vec<&str> = row.try_get::<_, Option<_>>(25)?.unwrap_or_default();
    let stems: Vec<&str> = row.try_get::<_, Option<_>>(26)?.unwrap_or_default();
    let pieces = texts.into_iter().zip(bares).zip(stems);
    let pieces: Vec<_> = pieces.map(|((text, bare), stem)| Piece { text, bare, stem }).collect();
    Ok(Hit {
        at: read::number(row.try_get(3)?),
        room: HitRoom { id: room, name: row.try_get::<_, Option<String>>(22)?.unwrap_or_default() },
        standing: Standing::new(role, false, None),
        stored: read::messages::stored(row, id, room)?,
        highlight: highlight(&pieces, marks),
    })
}

#[cfg(test)]
mod tests;
