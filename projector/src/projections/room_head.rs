//! How many events has each room had, and what is spoken in it? `rm.room_head`: counted from subjects alone.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::RoomId;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio_postgres::Error;

/// What is spoken in a room that was never created, or whose creation could not be decoded: undetermined, in BCP 47.
const UNKNOWN_LANGUAGE: &str = "und";

/// Rooms whose heads are remembered between batches; above that all are forgotten and read again.
const ROOMS_MAX: usize = 65_536;

const UPSERT: &str = "
    insert into room_head (room_id, seq, position)
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])
    on conflict on constraint room_head_pkey do update set
        seq = excluded.seq,
        position = excluded.position";

const SELECT: &str = "
    select room_head.room_id, room_head.seq, rooms.language
    from room_head
    left join rooms on rooms.id = room_head.room_id
    where room_head.room_id = any($1)";

/// A room as its last event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) seq: u64,
    /// Messages keep the one in which they were said: another room's change of language changes no message.
    pub(super) language: Arc<str>,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, language: UNKNOWN_LANGUAGE.into() }
    }
}

/// The heads of rooms at the checkpoint, as far as they were needed. Right only while nobody else moves it.
#[derive(Default)]
pub(crate) struct Heads(HashMap<RoomId, Head>);

impl Heads {
    /// Reads those of these rooms that are not known. A room without events is at 0.
    pub(crate) async fn know(
        &mut self,
        rooms: impl Iterator<Item = RoomId>,
        transaction: &Transaction<'_>,
    ) -> Result<(), Error> {
        let rooms: Vec<_> = rooms.collect();
        if self.0.len() + rooms.len() > ROOMS_MAX {
            self.forget();
        }
        let unknown: Vec<_> = rooms.iter().filter(|room| !self.0.contains_key(room)).map(|room| room.0).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let select = transaction.prepare_cached(SELECT).await?;
        let found = transaction.query(&select, &[&unknown]).await?;
        self.0.extend(unknown.into_iter().map(|room| (RoomId(room), Head::default())));
        self.0.extend(found.into_iter().map(|row| {
            let (seq, language): (i64, Option<&str>) = (row.get("seq"), row.get("language"));
            let seq = u64::try_from(seq).expect("written from a count");
            (RoomId(row.get("room_id")), Head { seq, language: language.unwrap_or(UNKNOWN_LANGUAGE).into() })
        }));
        Ok(())
    }

    /// After a commit.
    pub(crate) fn advance(&mut self, heads: impl Iterator<Item = (RoomId, Head)>) {
        self.0.extend(heads);
    }

    /// When the checkpoint was moved by somebody else, or perhaps was not moved by us.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

pub(super) struct Raised {
    head: Head,
    /// Of the last event that was counted; `None`: none of these was.
    position: Option<u64>,
}

#[derive(Default)]
pub(super) struct Changes(BTreeMap<RoomId, Raised>);

impl Changes {
    /// One more event of the room; its `room_seq`.
    pub(super) fn count(&mut self, room: RoomId, position: u64, before: &Heads) -> u64 {
        let raised = self.know(room, before);
        raised.head.seq += 1;
        raised.position = Some(position);
        raised.head.seq
    }

    /// What was before, of a room whose events were counted before.
    pub(super) fn know(&mut self, room: RoomId, before: &Heads) -> &mut Raised {
        self.0.entry(room).or_insert_with(|| {
            let head = before.0.get(&room).expect("the heads of a batch's rooms are read before it is folded").clone();
            Raised { head, position: None }
        })
    }

    /// From here on this is spoken in a room that is known.
    pub(super) fn speaks(&mut self, room: RoomId, language: &str) {
        if let Some(Raised { head, .. }) = self.0.get_mut(&room)
            && *head.language != *language
        {
            head.language = language.into();
        }
    }

    /// What is spoken in a room that is known.
    pub(super) fn language(&self, room: RoomId) -> Arc<str> {
        self.0.get(&room).map_or_else(|| UNKNOWN_LANGUAGE.into(), |raised| Arc::clone(&raised.head.language))
    }

    pub(super) fn after(&self) -> impl Iterator<Item = (RoomId, Head)> {
        self.0.iter().map(|(room, raised)| (*room, raised.head.clone()))
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let raised: Vec<_> = self
            .0
            .iter()
            .filter_map(|(room, Raised { head, position })| Some((room.0, head.seq, (*position)?)))
            .collect();
        if raised.is_empty() {
            return Ok(());
        }
        let rooms: Vec<_> = raised.iter().map(|(room, ..)| room).collect();
        let seqs: Vec<_> = raised.iter().map(|(_, seq, _)| bigint(*seq)).collect();
        let positions: Vec<_> = raised.iter().map(|(.., position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&rooms, &seqs, &positions]).await?;
        Ok(())
    }
}
