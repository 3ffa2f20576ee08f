//! How does a batch reach the tables? In one transaction: lock the checkpoint, write the rows, move the checkpoint.

use crate::{
    batch::{Batch, Entry, Said},
    checkpoint::{self, Checkpoint, Locked, WHOLE},
    failure::Failure,
    parked::{self, Key, Parked},
    projections::{Changes, Heads, Projection, Way},
};
use deadpool_postgres::{Object, Pool, Transaction};
use events::Epoch;
use platform::pool::timed;
use std::{collections::BTreeSet, time::Duration};

/// A transaction that takes longer is given up and made again on a new connection: the other side may be gone
/// without a word. Waiting for another projector's lock counts.
const TRANSACTION_WITHIN: Duration = Duration::from_secs(60);

/// The tables of one projection.
pub(crate) struct Model {
    projection: Projection,
    pool: Pool,
    /// Of a model that forgets nothing.
    generation: i32,
    memory: Memory,
}

/// What is known of the tables at the checkpoint. Right only while nobody else writes to them.
#[derive(Default)]
struct Memory {
    heads: Heads,
    /// The keys whose events wait.
    waiting: BTreeSet<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in the tables; so many keys wait.
    Here { waiting: usize },
    /// Nothing was written: the checkpoint is not where it was left. Somebody else has moved it, or an earlier
    /// commit of ours got through without an answer. `None`: it is gone.
    Elsewhere(Option<Locked>),
}

impl Model {
    pub(crate) fn new(projection: Projection, pool: Pool, generation: i32) -> Self {
        Self { projection, pool, generation, memory: Memory::default() }
    }

    /// The model that this one is.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// Where the tables stand, and how many keys wait; a first start makes the row.
    pub(crate) async fn open(&mut self, epoch: Epoch) -> Result<(Checkpoint, usize), Failure> {
        self.memory = Memory::default();
        let client = self.pool.get().await?;
        let opened = checkpoint::open(&**client, self.projection, (self.generation, WHOLE), epoch).await;
        let found = match opened {
            Ok(checkpoint) => {
                checkpoint::waiting_keys(&**client, self.projection).await.map(|waiting| (checkpoint, waiting))
            }
            Err(why) => Err(why),
        };
        found.map_err(|error| given_up(client, error.into()))
    }

    /// Applies a batch that follows `known`; `dropped` is what operators have dropped so far.
    pub(crate) async fn apply(
        &mut self,
        known: &Checkpoint,
        batch: &Batch<'_>,
        dropped: &BTreeSet<u64>,
    ) -> Result<Applied, Failure> {
        let mut client = self.pool.get().await?;
        let transaction = transact(&mut client, self.projection, &mut self.memory, known, batch, dropped);
        let applied = timed("project", tokio::time::timeout(TRANSACTION_WITHIN, transaction)).await;
        let late = |_| Failure::Away(format!("no answer within {TRANSACTION_WITHIN:?}"));
        let applied = applied.map_err(late).and_then(|applied| applied);
        if !matches!(applied, Ok(Applied::Here { .. })) {
            self.memory = Memory::default();
        }
        applied.map_err(|failure| given_up(client, failure))
    }
}

async fn transact(
    client: &mut Object,
    projection: Projection,
    memory: &mut Memory,
    known: &Checkpoint,
    batch: &Batch<'_>,
    dropped: &BTreeSet<u64>,
) -> Result<Applied, Failure> {
    let mut transaction = client.transaction().await?;
    let waiting = match checkpoint::lock(&transaction, projection, WHOLE).await? {
        Some(Locked { checkpoint, waiting }) if checkpoint == *known => waiting,
        found => {
            transaction.rollback().await?;
            return Ok(Applied::Elsewhere(found));
        }
    };
    if waiting != memory.waiting {
        // An operator has let something go, and with that has written to these tables.
        *memory = Memory { waiting, ..Memory::default() };
    }
    // Only now: who held the lock before may have counted on.
    memory.heads.know(batch.rooms().into_iter(), &transaction).await?;
    let Folded { changes, parked, mut waiting } = fold(batch, memory);
    changes.write(Way::Insert, &mut transaction).await?;
    parked::write(&parked, &transaction).await?;
    let released = release(batch, dropped, &mut transaction).await?;
    if released {
        waiting = parked::keys(&transaction).await?;
    }
    let moved = checkpoint::advance(&transaction, projection, WHOLE, known, &batch.next).await?;
    if moved != 1 {
        return Err(Failure::Away(format!("the checkpoint moved {moved} rows under its own lock")));
    }
    transaction.commit().await?;
    if released {
        memory.heads.forget();
    } else {
        memory.heads.advance(changes.heads());
    }
    memory.waiting = waiting;
    Ok(Applied::Here { waiting: memory.waiting.len() })
}

/// What a batch changes, and what of it waits.
struct Folded<'b> {
    changes: Changes<'b>,
    parked: Vec<Parked<'b>>,
    waiting: BTreeSet<String>,
}

fn fold<'b>(batch: &'b Batch<'_>, memory: &Memory) -> Folded<'b> {
    let mut folded = Folded { changes: Changes::default(), parked: Vec::new(), waiting: memory.waiting.clone() };
    for entry in &batch.entries {
        let room = entry.counted_room();
        let room_seq = room.map(|room| folded.changes.count(room, entry.record.seq, &memory.heads));
        // Seldom does anything wait, and the text of a key costs.
        let key = entry.key().filter(|_| !folded.waiting.is_empty() || matches!(entry.said, Said::Broken(_)));
        let behind = key.filter(|key| folded.waiting.contains(&key.to_string()));
        match (&entry.said, behind, key) {
            (Said::Nothing, ..) => folded.changes.pass(entry.record, room_seq, entry.at),
            (Said::Fact(fact), None, _) => folded.changes.fold(fact, room_seq),
            (Said::Fact(_) | Said::Broken(_), Some(key), _) => folded.park(entry, key, room_seq, None),
            (Said::Broken(why), None, Some(key)) => folded.park(entry, key, room_seq, Some(why)),
            (Said::Broken(_), None, None) => unreachable!("what has no key stops the reading"),
        }
    }
    folded
}

impl<'b> Folded<'b> {
    fn park(&mut self, entry: &'b Entry<'_>, key: Key, room_seq: Option<u64>, why: Option<&'b str>) {
        self.waiting.insert(key.to_string());
        self.parked.push(Parked { record: entry.record, key, room_seq, at: entry.at, why });
    }
}

/// Lets go what waits behind an event that this batch drops; says whether anything was rewritten.
async fn release(
    batch: &Batch<'_>,
    dropped: &BTreeSet<u64>,
    transaction: &mut Transaction<'_>,
) -> Result<bool, Failure> {
    let Some(seq) = batch.drops else { return Ok(false) };
    let Some(key) = parked::key_of(seq, transaction).await? else { return Ok(false) };
    let dropped = dropped.iter().copied().chain([seq]).collect();
    parked::release(&key, &dropped, transaction).await?;
    Ok(true)
}

/// A connection on which something failed is not used again.
fn given_up(client: Object, failure: Failure) -> Failure {
    drop(Object::take(client));
    failure
}
