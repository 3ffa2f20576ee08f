//! How is a read model made anew from the log? Filled beside the live one, compared with it at one sequence, swapped.

mod compare;
mod fill;
mod follower;
mod in_place;
mod incomplete;
mod part;
mod progress;
mod schema;
mod swap;

pub use compare::Comparison;
pub use follower::Follower;
pub use in_place::Checked;
pub use incomplete::Incomplete;
pub use progress::{Counting, Phase, Progress};
pub use swap::Swapped;

use crate::{
    ROLE,
    batch::{OnBroken, Reading},
    checkpoint::{self, Checkpoint, Look},
    dropped,
    generations::{CODE, Generation},
    projections::Projection,
};
use anyhow::{Context, bail, ensure};
use deadpool_postgres::{Object, Pool, Transaction};
use event_log::{EventLog, Start, streams};
use events::{StreamName, Time};
use futures::StreamExt;
use platform::{
    config::Secret,
    pool::{self, Purpose},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_postgres::GenericClient;

/// Most parts of a model: more cores than that do not make the one reader faster.
pub const PARTS_MAX: usize = 8;
/// Connections beside those of the parts: one that works, one that looks, one that stands still with the live model, one
/// that counts.
const CONNECTIONS: u32 = 4;
/// The first event at or after a moment; none within this long means that there is none.
const FOUND_WITHIN: Duration = Duration::from_secs(5);

/// Where a model ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At the log's end, which it then follows.
    End,
    /// At this sequence of `CHAT`: a past.
    Sequence(u64),
    /// Before the first event that was stored at this moment or later.
    Time(Time),
}

/// Makes read models of one log in one database, as the owner of its schemas.
pub struct Workshop {
    log: Arc<dyn EventLog>,
    database: Secret,
    pool: Pool,
    progress: watch::Sender<Progress>,
}

/// A model that is filled and has its indexes.
#[derive(Debug, Clone)]
pub struct Built {
    pub(crate) generation: Generation,
    /// Its last event.
    pub seq: u64,
}

impl Workshop {
    /// # Errors
    /// A URL that cannot be read.
    pub fn new(log: Arc<dyn EventLog>, database: &Secret) -> anyhow::Result<Self> {
        let pool = pool::direct(database, Purpose::work(ROLE), CONNECTIONS)?;
        let progress = watch::Sender::default();
        Ok(Self { log, database: database.clone(), pool, progress })
    }

    /// How far it is, from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// For who wants to know what is in the tables meanwhile.
    #[must_use]
    pub fn counting(&self) -> Counting {
        Counting(self.pool.clone())
    }

    /// Fills a model in a schema of this name, in so many parts. One that was begun there by the same code goes on where
    /// it was stopped.
    ///
    /// # Errors
    /// A name that is no schema's or somebody else's; an event that cannot be applied and was not dropped; a log or a
    /// database that fails.
    pub async fn build(&self, schema: &str, until: Until, parts: usize) -> anyhow::Result<Built> {
        let mut client = self.client().await?;
        let epoch = streams::epoch(self.log.as_ref(), StreamName::Chat).await?;
        let generation = match self.begun(&client, schema, until).await? {
            Some(begun) => begun,
            None => self.begin(&mut client, schema, until, parts.clamp(1, PARTS_MAX), epoch).await?,
        };
        let Begun { generation, target, parts } = generation;
        let pool = pool::direct(&self.database, Purpose::work(ROLE).within(schema), u32::try_from(parts.len())?)?;
        ensure!(
            parts.iter().all(|part| part.epoch == epoch),
            "the log is in another epoch than this model: begin anew"
        );
        let reading = Arc::new(Reading {
            epoch_begins: target,
            dropped: dropped::read(self.log.as_ref()).await?,
            broken: OnBroken::Fail,
        });
        let done = parts.iter().map(|part| part.seq).min().unwrap_or_default();
        self.progress.send_replace(Progress { phase: Phase::Fill, done, all: target });
        fill::fill(self.log.as_ref(), &pool, parts, &reading, target, &self.progress).await?;
        join(&client, schema).await?;
        self.index(&client, schema).await?;
        Ok(Built { generation, seq: target })
    }

    /// Drops what was built, or begun, in a schema of this name.
    ///
    /// # Errors
    /// A schema that is in use; a database that fails.
    pub async fn discard(&self, schema: &str) -> anyhow::Result<()> {
        let mut client = self.client().await?;
        ensure!(row(&client, schema).await?.is_some(), "nothing was built in {schema}");
        let transaction = client.transaction().await?;
        discard(&transaction, schema).await?;
        Ok(transaction.commit().await?)
    }

    async fn client(&self) -> anyhow::Result<Object> {
        self.pool.get().await.context("connecting to Postgres")
    }

    /// What was begun in this schema by the same code, for the same end.
    async fn begun(&self, client: &Object, schema: &str, until: Until) -> anyhow::Result<Option<Begun>> {
        let Some(row) = row(client, schema).await? else { return Ok(None) };
        let target = match until {
            Until::End => row.target,
            Until::Sequence(_) | Until::Time(_) => self.target(until).await?,
        };
        if row.code != CODE || row.target != target || row.state != state(until) {
            return Ok(None);
        }
        let generation = Generation { number: row.number, schema: schema.to_owned(), live: false };
        let parts = checkpoint::parts(&***client, schema).await?;
        let begun = Begun { generation, target, parts };
        Ok((!begun.parts.is_empty()).then_some(begun))
    }

    async fn begin(
        &self,
        client: &mut Object,
        schema: &str,
        until: Until,
        parts: usize,
        epoch: events::Epoch,
    ) -> anyhow::Result<Begun> {
        is_a_name(schema)?;
        let target = self.target(until).await?;
        let known = row(client, schema).await?.is_some();
        // All of it or nothing: a schema that no row speaks of would be in everybody's way.
        let transaction = client.transaction().await?;
        if known {
            discard(&transaction, schema).await?;
        } else {
            let taken = transaction.query_opt("select from pg_namespace where nspname = $1", &[&schema]).await?;
            ensure!(taken.is_none(), "there is a schema {schema} that no rebuild has made");
        }
        schema::create(&transaction, LIVE, schema).await?;
        let number = transaction
            .query_one(
                "insert into rm_live.generations (number, schema_name, state, code, target)
                 select max(number) + 1, $1, $2, $3, $4 from rm_live.generations
                 returning number",
                &[&schema, &state(until), &CODE, &checkpoint::bigint(target)],
            )
            .await?
            .get("number");
        transaction.batch_execute(&format!("set local search_path = {schema}")).await?;
        for part in 0..i32::try_from(parts)? {
            checkpoint::open(&*transaction, Projection::Chat, (number, part), epoch).await?;
        }
        transaction.commit().await?;
        let generation = Generation { number, schema: schema.to_owned(), live: false };
        Ok(Begun { generation, target, parts: checkpoint::parts(&***client, schema).await? })
    }

    async fn target(&self, until: Until) -> anyhow::Result<u64> {
        let end = self.log.extent(StreamName::Chat).await?.last;
        match until {
            Until::End => Ok(end),
            Until::Sequence(seq) if seq <= end => Ok(seq),
            Until::Sequence(seq) => bail!("the log ends at {end}, before {seq}"),
            Until::Time(time) => {
                let mut records = self.log.follow(StreamName::Chat, Start::Time(time), Vec::new());
                match timeout(FOUND_WITHIN, records.next()).await {
                    Ok(first) => Ok(first.context("the log ended")??.seq - 1),
                    Err(_) => Ok(end),
                }
            }
        }
    }

    async fn index(&self, client: &Object, schema: &str) -> anyhow::Result<()> {
        let missing = schema::missing(client, LIVE, schema).await?;
        self.progress.send_replace(Progress { phase: Phase::Index, done: 0, all: missing.len() as u64 });
        for index in missing {
            schema::make(client, &index).await.with_context(|| format!("making the index {}", index.name))?;
            self.progress.send_modify(|progress| progress.done += 1);
        }
        for table in schema::tables(client, schema).await? {
            client.batch_execute(&format!("analyze {schema}.{table}")).await?;
        }
        Ok(())
    }
}

/// Where a model is.
async fn place(client: &impl GenericClient, schema: &str, look: Look) -> anyhow::Result<Checkpoint> {
    let found = checkpoint::of(client, schema, look).await?;
    found.with_context(|| format!("no projector has begun with {schema}"))
}

/// The schema that readers name.
pub(crate) const LIVE: &str = "rm";

struct Begun {
    generation: Generation,
    target: u64,
    parts: Vec<Checkpoint>,
}

/// What is known of a generation.
struct Row {
    number: i32,
    state: String,
    code: String,
    target: u64,
}

async fn row(client: &Object, schema: &str) -> anyhow::Result<Option<Row>> {
    let row = client
        .query_opt("select number, state, code, target from rm_live.generations where schema_name = $1", &[&schema])
        .await?;
    Ok(row.map(|row| Row {
        number: row.get("number"),
        state: row.get("state"),
        code: row.get("code"),
        target: u64::try_from(row.get::<_, i64>("target")).unwrap_or_default(),
    }))
}

async fn discard(client: &Transaction<'_>, schema: &str) -> anyhow::Result<()> {
    let gone = client
        .execute(
            "delete from rm_live.generations where schema_name = $1 and state in ('building', 'still')",
            &[&schema],
        )
        .await?;
    ensure!(gone == 1, "the read model in {schema} is in use");
    client.batch_execute(&format!("drop schema if exists {schema} cascade")).await?;
    Ok(())
}

fn state(until: Until) -> &'static str {
    match until {
        Until::End => "building",
        Until::Sequence(_) | Until::Time(_) => "still",
    }
}

/// All parts are at one sequence, and one checkpoint says so.
async fn join(client: &Object, schema: &str) -> anyhow::Result<()> {
    client.batch_execute(&format!("delete from {schema}.checkpoint where part > 0")).await?;
    Ok(())
}

/// A name that stands in statements as it is, and is not one of ours.
fn is_a_name(schema: &str) -> anyhow::Result<()> {
    const CHARS_MAX: usize = 40;
    let letters = schema.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let is_one = schema.len() <= CHARS_MAX && schema.starts_with(|c: char| c.is_ascii_lowercase()) && letters;
    ensure!(is_one, "{schema:?} is no name of a schema: lower-case letters, digits and _, at most {CHARS_MAX}");
    ensure!(schema != LIVE && schema != "rm_live", "{schema} is what readers see");
    Ok(())
}
