//! How does one part of a new model get its rows? Chunk by chunk, each one transaction with the part's own checkpoint.

use super::{Incomplete, fill::Chunk};
use crate::{
    batch::{Batch, Reading, Said},
    checkpoint::{self, Checkpoint},
    projections::{Changes, Heads, Projection, Way},
};
use anyhow::{Context, ensure};
use deadpool_postgres::{Object, Pool};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A part folds alone: no projection reads another key's rows.
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) at: Checkpoint,
    pub(super) reading: Arc<Reading>,
}

impl Part {
    /// Writes chunks until there are no more.
    ///
    /// # Errors
    /// An event that cannot be applied and was not dropped; a database that fails. Started again, it goes on where it was.
    pub(super) async fn run(mut self, pool: Pool, mut chunks: mpsc::Receiver<Chunk>) -> anyhow::Result<()> {
        let mut heads = Heads::default();
        while let Some(chunk) = chunks.recv().await {
            if chunk.upto.seq <= self.at.seq {
                continue;
            }
            let mut client = pool.get().await.context("connecting to Postgres")?;
            self.write(&mut client, &mut heads, chunk).await?;
        }
        Ok(())
    }

    async fn write(&mut self, client: &mut Object, heads: &mut Heads, chunk: Chunk) -> anyhow::Result<()> {
        let records = &chunk.records[chunk.records.partition_point(|record| record.seq <= self.at.seq)..];
        let mut transaction = client.transaction().await?;
        let locked = checkpoint::lock(&transaction, Projection::Chat, self.number).await?;
        let found = locked.context("the part's checkpoint is gone")?.checkpoint;
        ensure!(found == self.at, "part {} is at {}, and not where it was left", self.number, found.seq);
        let batch = self.read(records)?;
        heads.know(batch.rooms().into_iter(), &transaction).await?;
        let changes = fold(&batch, heads);
        changes.write(Way::Copy, &mut transaction).await.with_context(|| self.place(&chunk))?;
        let moved = checkpoint::advance(&transaction, Projection::Chat, self.number, &self.at, &chunk.upto).await?;
        ensure!(moved == 1, "the checkpoint of part {} moved {moved} rows under its own lock", self.number);
        transaction.commit().await?;
        heads.advance(changes.heads());
        self.at = chunk.upto;
        Ok(())
    }

    fn place(&self, chunk: &Chunk) -> String {
        format!("writing part {} of the events {} to {}", self.number, self.at.seq + 1, chunk.upto.seq)
    }

    /// Nothing waits here: a model that is made anew holds all of the log, or is not made.
    fn read<'r>(&self, mut records: &'r [event_log::Record]) -> anyhow::Result<Batch<'r>> {
        // The reader has hashed them.
        let mut whole = Batch::behind(Checkpoint { proof: None, ..self.at });
        while !records.is_empty() {
            let (batch, stop) = Batch::read(records, &whole.next, &self.reading);
            if let Some(stop) = stop {
                return Err(Incomplete::at(stop).into());
            }
            records = &records[batch.entries.len()..];
            whole.append(batch);
        }
        Ok(whole)
    }
}

fn fold<'b>(batch: &'b Batch<'_>, heads: &Heads) -> Changes<'b> {
    let mut changes = Changes::default();
    for entry in &batch.entries {
        let room = entry.counted_room();
        let room_seq = room.map(|room| changes.count(room, entry.record.seq, heads));
        match &entry.said {
            Said::Fact(fact) => changes.fold(fact, room_seq),
            Said::Nothing | Said::Broken(_) => changes.pass(entry.record, room_seq, entry.at),
        }
    }
    changes
}
