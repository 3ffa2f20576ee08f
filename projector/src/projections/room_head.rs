//! How many events has each room had? `rm.room_head`: counted from subjects alone.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::RoomId;
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Error;

/// Rooms whose heads are remembered between batches; above that all are forgotten and read again.
const ROOMS_MAX: usize = 65_536;

const UPSERT: &str = "
    insert into room_head (room_id, seq, position)
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])
    on conflict on constraint room_head_pkey do update set
        seq = excluded.seq,
        position = excluded.position";

const SELECT: &str = "
    select room_id, seq
    from room_head
    where room_id = any($1)";

/// The heads of rooms at the checkpoint, as far as they were needed. Right only while nobody else moves it.
#[derive(Default)]
pub(crate) struct Heads(HashMap<RoomId, u64>);

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
        self.0.extend(unknown.into_iter().map(|room| (RoomId(room), 0)));
        self.0.extend(found.into_iter().map(|row| {
            let seq: i64 = row.get("seq");
            (RoomId(row.get("room_id")), u64::try_from(seq).expect("written from a count"))
        }));
        Ok(())
    }

    /// After a commit.
    pub(crate) fn advance(&mut self, heads: impl Iterator<Item = (RoomId, u64)>) {
        self.0.extend(heads);
    }

    /// When the checkpoint was moved by somebody else, or perhaps was not moved by us.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

struct Head {
    seq: u64,
    position: u64,
}

#[derive(Default)]
pub(super) struct Changes(BTreeMap<RoomId, Head>);

impl Changes {
    /// One more event of the room; its `room_seq`.
    pub(super) fn count(&mut self, room: RoomId, position: u64, before: &Heads) -> u64 {
        let head = self.0.entry(room).or_insert_with(|| {
            let seq = *before.0.get(&room).expect("the heads of a batch's rooms are read before it is folded");
            Head { seq, position }
        });
        *head = Head { seq: head.seq + 1, position };
        head.seq
    }

    pub(super) fn after(&self) -> impl Iterator<Item = (RoomId, u64)> {
        self.0.iter().map(|(room, head)| (*room, head.seq))
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let rooms: Vec<_> = self.0.keys().map(|room| room.0).collect();
        let seqs: Vec<_> = self.0.values().map(|head| bigint(head.seq)).collect();
        let positions: Vec<_> = self.0.values().map(|head| bigint(head.position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&rooms, &seqs, &positions]).await?;
        Ok(())
    }
}
