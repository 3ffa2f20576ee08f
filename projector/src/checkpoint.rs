//! How far has a projection come? One row: locked by the first statement of each transaction, moved by the last.

use crate::projections::Projection;
use chrono::{DateTime, SubsecRound};
use deadpool_postgres::Transaction;
use event_log::{Record, Start};
use events::{Epoch, EventId, Time, envelope::TIME_HEADER};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
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

/// The part of a model that is not split.
pub(crate) const WHOLE: i32 = 0;

/// A hash over every event so far: sequence, id and body.
pub(crate) type Chain = [u8; 32];

impl Checkpoint {
    /// Where the log is followed from: the record here comes again, and has to be the one that was applied.
    pub(crate) fn start(&self) -> Start {
        match (self.seq, self.proof) {
            (0, _) => Start::Beginning,
            (seq, Some(proof)) if !proof.id.0.is_nil() => Start::Checkpoint { seq, id: proof.id },
            (seq, Some(_) | None) => Start::Sequence(seq),
        }
    }

    /// With one more record.
    pub(crate) fn after(self, record: &Record) -> Self {
        Self {
            seq: record.seq,
            event_time: time_of(record).unwrap_or(self.event_time),
            // Without an id of ours, none: who goes on from here cannot ask whether it is still the same.
            proof: self.proof.map(|proof| proof.and(record, record.id().unwrap_or(EventId(Uuid::nil())))),
            ..self
        }
    }
}

impl Checkpoint {
    /// The fence; 0 of a model that is never replaced.
    pub(crate) fn generation(&self) -> i32 {
        self.proof.map_or(0, |proof| proof.generation)
    }
}

impl Proof {
    fn of_nothing(generation: i32) -> Self {
        Self { generation, id: EventId(Uuid::nil()), chain: Chain::default() }
    }

    /// With one more record. `chain = sha256(chain ‖ seq ‖ id ‖ body)`, the sequence as eight bytes, highest first.
    fn and(self, record: &Record, id: EventId) -> Self {
        let hash = Sha256::new()
            .chain_update(self.chain)
            .chain_update(record.seq.to_be_bytes())
            .chain_update(id.0.as_bytes())
            .chain_update(&record.body);
        Self { id, chain: hash.finalize().into(), ..self }
    }
}

/// When a record's event was decided, if it says so: as Postgres keeps it, so that a row that is read back is the same.
pub(crate) fn time_of(record: &Record) -> Option<Time> {
    let time = record.header(TIME_HEADER).and_then(|time| DateTime::parse_from_rfc3339(time).ok())?;
    Some(time.to_utc().trunc_subsecs(6))
}

/// A sequence as Postgres keeps it.
pub(crate) fn bigint(seq: u64) -> i64 {
    i64::try_from(seq).expect("a sequence counts events one by one: it does not reach 2^63")
}

/// The row, made where there is none; `generation` is that of a model that forgets nothing.
pub(crate) async fn open(
    client: &impl GenericClient,
    projection: Projection,
    (generation, part): (i32, i32),
    epoch: Epoch,
) -> Result<Checkpoint, tokio_postgres::Error> {
    let epoch = i64::from(epoch.0);
    let nothing = Proof::of_nothing(generation);
    let chain = nothing.chain.as_slice();
    let name = projection.as_str();
    let (statement, values): (&str, Vec<&(dyn ToSql + Sync)>) = match projection {
        Projection::Chat => (
            "insert into checkpoint (projection, part, generation, epoch, seq, event_id, chain, event_time)
             values ('chat', $5, $2, $1, 0, $3, $4, 'epoch')
             on conflict do nothing",
            vec![&epoch, &nothing.generation, &nothing.id.0, &chain, &part],
        ),
        Projection::Identity | Projection::Presence | Projection::Markers => (
            "insert into checkpoint (projection, epoch, seq, event_time)
             values ($2, $1, 0, 'epoch')
             on conflict do nothing",
            vec![&epoch, &name],
        ),
    };
    client.execute(statement, &values).await?;
    let row = client.query_one(select(projection), &[which(projection, &part)]).await?;
    Ok(read(projection, &row))
}

/// How many keys have events that wait.
pub(crate) async fn waiting_keys(
    client: &impl GenericClient,
    projection: Projection,
) -> Result<usize, tokio_postgres::Error> {
    match projection {
        Projection::Chat => {
            let row = client
                .query_one("select count(distinct key) as waiting from parked where why is not null", &[])
                .await?;
            Ok(usize::try_from(row.get::<_, i64>("waiting")).unwrap_or_default())
        }
        Projection::Identity | Projection::Presence | Projection::Markers => Ok(0),
    }
}

/// How a model's row is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it is by now.
    Pass,
    /// Nobody moves it until this transaction ends.
    Hold,
}

/// The row of a model of `CHAT` that is not split; `None` where no projector has begun with it.
pub(crate) async fn of(
    client: &impl GenericClient,
    schema: &str,
    look: Look,
) -> Result<Option<Checkpoint>, tokio_postgres::Error> {
    let statement = match look {
        Look::Pass => format!("{} and part = {WHOLE}", all(schema)),
        Look::Hold => format!("{} and part = {WHOLE} for update", all(schema)),
    };
    let row = client.query_opt(&statement, &[]).await?;
    Ok(row.map(|row| read(Projection::Chat, &row)))
}

/// The rows of all parts of a model of `CHAT`, in their order.
pub(crate) async fn parts(client: &impl GenericClient, schema: &str) -> Result<Vec<Checkpoint>, tokio_postgres::Error> {
    let rows = client.query(&format!("{} order by part", all(schema)), &[]).await?;
    Ok(rows.iter().map(|row| read(Projection::Chat, row)).collect())
}

fn all(schema: &str) -> String {
    format!(
        "select epoch, seq, event_time, generation, event_id, chain
         from {schema}.checkpoint
         where projection = 'chat'"
    )
}

/// The row, locked for this transaction, and the keys whose events wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Locked {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) waiting: BTreeSet<String>,
}

/// Locks the row; `None` when it is gone.
pub(crate) async fn lock(
    transaction: &Transaction<'_>,
    projection: Projection,
    part: i32,
) -> Result<Option<Locked>, tokio_postgres::Error> {
    let statement = transaction.prepare_cached(&format!("{} for update", select(projection))).await?;
    let row = transaction.query_opt(&statement, &[which(projection, &part)]).await?;
    Ok(row.map(|row| Locked { checkpoint: read(projection, &row), waiting: waiting(projection, &row) }))
}

fn waiting(projection: Projection, row: &Row) -> BTreeSet<String> {
    match projection {
        Projection::Chat => row.get::<_, Option<Vec<String>>>("waiting").unwrap_or_default().into_iter().collect(),
        Projection::Identity | Projection::Presence | Projection::Markers => BTreeSet::new(),
    }
}

/// Moves the row from `old` to `new` and wakes who waits for it; says how many rows that were: one, or `old` was not
/// what the row holds.
pub(crate) async fn advance(
    transaction: &Transaction<'_>,
    projection: Projection,
    part: i32,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<usize, tokio_postgres::Error> {
    let (from, to, epoch) = (bigint(old.seq), bigint(new.seq), i64::from(old.epoch.0));
    match projection {
        Projection::Chat => {
            // Notifying here costs no round trip of its own; listeners hear it after the commit. Of the live model only:
            // another's schema makes it another channel.
            let statement = transaction
                .prepare_cached(
                    "update checkpoint set seq = $1, event_id = $2, chain = $3, event_time = $4
                     where projection = 'chat' and part = $8 and generation = $5 and epoch = $6 and seq = $7
                     returning pg_notify(current_schema() || '_checkpoint', seq::text)::text",
                )
                .await?;
            let proof = new.proof.expect("a checkpoint of CHAT has one");
            let (id, chain) = (proof.id.0, proof.chain.as_slice());
            let values: [&(dyn ToSql + Sync); 8] =
                [&to, &id, &chain, &new.event_time, &proof.generation, &epoch, &from, &part];
            Ok(transaction.query(&statement, &values).await?.len())
        }
        Projection::Identity | Projection::Presence | Projection::Markers => {
            let statement = transaction
                .prepare_cached(
                    "update checkpoint set seq = $1, event_time = $2
                     where projection = $5 and epoch = $3 and seq = $4",
                )
                .await?;
            let name = projection.as_str();
            let moved = transaction.execute(&statement, &[&to, &new.event_time, &epoch, &from, &name]).await?;
            Ok(usize::try_from(moved).unwrap_or(usize::MAX))
        }
    }
}

/// Durability is the log's and rows go with their checkpoint, so that the commit need not wait for the disk:
/// `set_config` here says so for this transaction without a round trip of its own.
fn select(projection: Projection) -> &'static str {
    match projection {
        Projection::Chat => {
            "select epoch, seq, event_time, generation, event_id, chain, set_config('synchronous_commit', 'off', true),
                    (select array_agg(distinct key) from parked where why is not null) as waiting
             from checkpoint
             where projection = 'chat' and part = $1"
        }
        Projection::Identity | Projection::Presence | Projection::Markers => {
            "select epoch, seq, event_time, set_config('synchronous_commit', 'off', true)
             from checkpoint
             where projection = $1"
        }
    }
}

/// What [`select`] asks for.
fn which(projection: Projection, part: &i32) -> &(dyn ToSql + Sync) {
    match projection {
        Projection::Chat => part,
        Projection::Identity => &"identity",
        Projection::Presence => &"presence",
        Projection::Markers => &"markers",
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
            Projection::Identity | Projection::Presence | Projection::Markers => None,
        },
    }
}
