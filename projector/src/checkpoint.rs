//! How far has a projection come? One row: locked by the first statement of each transaction, moved by the last.

use crate::projections::Projection;
use deadpool_postgres::Transaction;
use event_log::Record;
use events::{Epoch, EventId, Time};
use sha2::{Digest, Sha256};
use tokio_postgres::{GenericClient, Row, types::ToSql};
use uuid::Uuid;

/// The row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The history that `seq` belongs to.
    pub(crate) epoch: Epoch,
    /// The last sequence applied; 0: none.
    pub(crate) seq: u64,
    pub(crate) event_time: Time,
    /// Only of a stream that forgets nothing.
    pub(crate) proof: Option<Proof>,
}

/// What shows that log and tables are still the ones we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Another one: this projector was replaced. Prepared statements follow a renamed schema in silence.
    pub(crate) generation: i32,
    /// Id of the event at the checkpoint.
    pub(crate) id: EventId,
    pub(crate) chain: Chain,
}

/// A hash over every event so far: sequence, id and body.
pub(crate) type Chain = [u8; 32];

impl Proof {
    fn of_nothing() -> Self {
        Self { generation: 1, id: EventId(Uuid::nil()), chain: Chain::default() }
    }

    /// With one more record. `chain = sha256(chain ‖ seq ‖ id ‖ body)`, the sequence as eight bytes, highest first.
    pub(crate) fn and(self, record: &Record, id: EventId) -> Self {
        let hash = Sha256::new()
            .chain_update(self.chain)
            .chain_update(record.seq.to_be_bytes())
            .chain_update(id.0.as_bytes())
            .chain_update(&record.body);
        Self { id, chain: hash.finalize().into(), ..self }
    }
}

/// A sequence as Postgres keeps it.
pub(crate) fn bigint(seq: u64) -> i64 {
    i64::try_from(seq).expect("a sequence counts events one by one: it does not reach 2^63")
}

/// The row, made where there is none.
pub(crate) async fn open(
    client: &impl GenericClient,
    projection: Projection,
    epoch: Epoch,
) -> Result<Checkpoint, tokio_postgres::Error> {
    let epoch = i64::from(epoch.0);
    let nothing = Proof::of_nothing();
    let chain = nothing.chain.as_slice();
    let (statement, values): (&str, Vec<&(dyn ToSql + Sync)>) = match projection {
        Projection::Chat => (
            "insert into checkpoint (projection, part, generation, epoch, seq, event_id, chain, event_time)
             values ('chat', 0, $2, $1, 0, $3, $4, 'epoch')
             on conflict do nothing",
            vec![&epoch, &nothing.generation, &nothing.id.0, &chain],
        ),
        Projection::Identity => (
            "insert into checkpoint (projection, epoch, seq, event_time)
             values ('identity', $1, 0, 'epoch')
             on conflict do nothing",
            vec![&epoch],
        ),
    };
    client.execute(statement, &values).await?;
    let row = client.query_one(select(projection), &[]).await?;
    Ok(read(projection, &row))
}

/// Locks the row for this transaction; `None` when it is gone.
pub(crate) async fn lock(
    transaction: &Transaction<'_>,
    projection: Projection,
) -> Result<Option<Checkpoint>, tokio_postgres::Error> {
    let statement = transaction.prepare_cached(&format!("{} for update", select(projection))).await?;
    let row = transaction.query_opt(&statement, &[]).await?;
    Ok(row.map(|row| read(projection, &row)))
}

/// Moves the row from `old` to `new` and wakes who waits for it; says how many rows that were: one, or `old` was not
/// what the row holds.
pub(crate) async fn advance(
    transaction: &Transaction<'_>,
    projection: Projection,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<usize, tokio_postgres::Error> {
    let (from, to, epoch) = (bigint(old.seq), bigint(new.seq), i64::from(old.epoch.0));
    match projection {
        Projection::Chat => {
            // Notifying here costs no round trip of its own; listeners hear it after the commit.
            let statement = transaction
                .prepare_cached(
                    "update checkpoint set seq = $1, event_id = $2, chain = $3, event_time = $4
                     where projection = 'chat' and part = 0 and generation = $5 and epoch = $6 and seq = $7
                     returning pg_notify('rm_checkpoint', seq::text)::text",
                )
                .await?;
            let proof = new.proof.unwrap_or_else(Proof::of_nothing);
            let (id, chain) = (proof.id.0, proof.chain.as_slice());
            let values: [&(dyn ToSql + Sync); 7] =
                [&to, &id, &chain, &new.event_time, &proof.generation, &epoch, &from];
            Ok(transaction.query(&statement, &values).await?.len())
        }
        Projection::Identity => {
            let statement = transaction
                .prepare_cached(
                    "update checkpoint set seq = $1, event_time = $2
                     where projection = 'identity' and epoch = $3 and seq = $4",
                )
                .await?;
            let moved = transaction.execute(&statement, &[&to, &new.event_time, &epoch, &from]).await?;
            Ok(usize::try_from(moved).unwrap_or(usize::MAX))
        }
    }
}

/// Durability is the log's and rows go with their checkpoint, so that the commit need not wait for the disk:
/// `set_config` here says so for this transaction without a round trip of its own.
fn select(projection: Projection) -> &'static str {
    match projection {
        Projection::Chat => {
            "select epoch, seq, event_time, generation, event_id, chain, set_config('synchronous_commit', 'off', true)
             from checkpoint
             where projection = 'chat' and part = 0"
        }
        Projection::Identity => {
            "select epoch, seq, event_time, set_config('synchronous_commit', 'off', true)
             from checkpoint
             where projection = 'identity'"
        }
    }
}

fn read(projection: Projection, row: &Row) -> Checkpoint {
    let epoch: i64 = row.get("epoch");
    let seq: i64 = row.get("seq");
    Checkpoint {
        epoch: Epoch(u32::try_from(epoch).expect("written from an epoch")),
        seq: u64::try_from(seq).expect("written from a sequence"),
        event_time: row.get("event_time"),
        proof: match projection {
            Projection::Chat => Some(Proof {
                generation: row.get("generation"),
                id: EventId(row.get("event_id")),
                chain: row.get::<_, &[u8]>("chain").try_into().expect("written from a chain"),
            }),
            Projection::Identity => None,
        },
    }
}
