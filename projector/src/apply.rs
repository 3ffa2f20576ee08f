//! How does a batch reach the tables? In one transaction: lock the checkpoint, write the rows, move the checkpoint.

use crate::{
    batch::Batch,
    checkpoint::{self, Checkpoint},
    failure::Failure,
    projections::{Changes, Heads, Projection},
};
use deadpool_postgres::{Object, Pool};
use events::Epoch;
use platform::pool::timed;
use std::time::Duration;

/// A transaction that takes longer is given up and made again on a new connection: the other side may be gone
/// without a word. Waiting for another projector's lock counts.
const TRANSACTION_WITHIN: Duration = Duration::from_secs(60);

/// The tables of one projection.
pub(crate) struct Model {
    projection: Projection,
    pool: Pool,
    heads: Heads,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in the tables.
    Here,
    /// Nothing was written: the checkpoint is not where it was left. Somebody else has moved it, or an earlier
    /// commit of ours got through without an answer. `None`: it is gone.
    Elsewhere(Option<Checkpoint>),
}

impl Model {
    pub(crate) fn new(projection: Projection, pool: Pool) -> Self {
        Self { projection, pool, heads: Heads::default() }
    }

    /// Where the tables stand; a first start makes the row.
    pub(crate) async fn open(&mut self, epoch: Epoch) -> Result<Checkpoint, Failure> {
        self.heads.forget();
        let client = self.pool.get().await?;
        let opened = checkpoint::open(&**client, self.projection, epoch).await;
        opened.map_err(|error| given_up(client, error.into()))
    }

    /// Applies a batch that follows `known`.
    pub(crate) async fn apply(&mut self, known: &Checkpoint, batch: &Batch) -> Result<Applied, Failure> {
        let mut client = self.pool.get().await?;
        let transaction = transact(&mut client, self.projection, &mut self.heads, known, batch);
        let applied = timed("project", tokio::time::timeout(TRANSACTION_WITHIN, transaction)).await;
        let late = |_| Failure::Away(format!("no answer within {TRANSACTION_WITHIN:?}"));
        let applied = applied.map_err(late).and_then(|applied| applied);
        if !matches!(applied, Ok(Applied::Here)) {
            self.heads.forget();
        }
        applied.map_err(|failure| given_up(client, failure))
    }
}

async fn transact(
    client: &mut Object,
    projection: Projection,
    heads: &mut Heads,
    known: &Checkpoint,
    batch: &Batch,
) -> Result<Applied, Failure> {
    let transaction = client.transaction().await?;
    let found = checkpoint::lock(&transaction, projection).await?;
    if found != Some(*known) {
        transaction.rollback().await?;
        return Ok(Applied::Elsewhere(found));
    }
    // Only now: who held the lock before may have counted on.
    heads.know(batch.rooms().into_iter(), &transaction).await?;
    let changes = Changes::of(&batch.facts, heads);
    changes.write(&transaction).await?;
    let moved = checkpoint::advance(&transaction, projection, known, &batch.next).await?;
    if moved != 1 {
        return Err(Failure::Away(format!("the checkpoint moved {moved} rows under its own lock")));
    }
    transaction.commit().await?;
    heads.advance(changes.heads());
    Ok(Applied::Here)
}

/// A connection on which something failed is not used again.
fn given_up(client: Object, failure: Failure) -> Failure {
    drop(Object::take(client));
    failure
}
