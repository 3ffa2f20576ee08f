//! Do the tables of the streams that forget hold each subject's last state? Folded beside them, compared, put in place.

use super::{Follower, Workshop, schema};
use crate::{
    digest::{self, Difference},
    projections::Projection,
};
use anyhow::{Context, bail};
use deadpool_postgres::{Object, Transaction};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Where they are.
const LIVE: &str = "rm_live";
/// Where they are folded anew.
const BESIDE: &str = "rm_live_beside";
/// A stream that delivers nothing for so long is asked whether its end is still there: what it forgets does not come.
const SILENCE: Duration = Duration::from_secs(1);
/// Attempts to find both at one sequence and the same: on a busy stream an event may be forgotten between two readings.
const ATTEMPTS_MAX: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What was found of one stream.
#[derive(Debug, Clone)]
pub struct Checked {
    pub stream: &'static str,
    /// Its sequence that both were at.
    pub seq: u64,
    pub rows: u64,
    /// Table by table, each folded anew and as it is; empty: they are equal.
    pub differences: Vec<Difference>,
}

impl Workshop {
    /// Compares every row with the last message of its subject.
    ///
    /// # Errors
    /// A log or a database that fails, or two that do not come to one sequence.
    pub async fn check_in_place(&self) -> anyhow::Result<Vec<Checked>> {
        let client = self.client().await?;
        let mut checked = Vec::new();
        for projection in Projection::IN_PLACE {
            schema::create(&client, LIVE, BESIDE).await?;
            let mut follower = self.follow_into(projection, BESIDE, 0)?;
            let compared = self.compare_in_place(projection, &mut follower).await;
            drop(follower);
            client.batch_execute(&format!("drop schema if exists {BESIDE} cascade")).await?;
            checked.push(compared?);
        }
        Ok(checked)
    }

    /// Makes the tables anew from their streams. Readers see the old rows, and then the new ones.
    ///
    /// # Errors
    /// As of [`Workshop::check_in_place`].
    pub async fn refill(&self) -> anyhow::Result<()> {
        let mut client = self.client().await?;
        for projection in Projection::IN_PLACE {
            schema::create(&client, LIVE, BESIDE).await?;
            let mut follower = self.follow_into(projection, BESIDE, 0)?;
            let replaced = self.replace(projection, &mut follower, &mut client).await;
            drop(follower);
            client.batch_execute(&format!("drop schema if exists {BESIDE} cascade")).await?;
            replaced?;
        }
        Ok(())
    }

    async fn compare_in_place(&self, projection: Projection, follower: &mut Follower) -> anyhow::Result<Checked> {
        let (mut holding, mut looking) = (self.client().await?, self.client().await?);
        let mut found = None;
        for _ in 0..ATTEMPTS_MAX {
            let (held, seq) = self.hold(projection, follower, &mut holding).await?;
            let snapshot = looking.build_transaction().isolation_level(REPEATABLE).start().await?;
            let ours = at(&snapshot, BESIDE, projection).await?;
            held.rollback().await?;
            if ours <= seq {
                let tables = Some(projection.tables());
                let ours = digest::of(&snapshot, BESIDE, tables).await?;
                let live = digest::of(&snapshot, LIVE, tables).await?;
                let differences = digest::differences(&snapshot, (BESIDE, &ours), (LIVE, &live)).await?;
                let equal = differences.is_empty();
                found = Some(Checked { stream: projection.stream().as_str(), seq, rows: live.rows(), differences });
                if equal {
                    break;
                }
            }
            snapshot.rollback().await?;
            follower.go_on();
            sleep(AGAIN_AFTER).await;
        }
        found.with_context(|| format!("{} never stood still for long enough", projection.stream()))
    }

    async fn replace(
        &self,
        projection: Projection,
        follower: &mut Follower,
        client: &mut Object,
    ) -> anyhow::Result<()> {
        // The projector stands still at its checkpoint, finds it moved, and goes on from there.
        let (held, _) = self.hold(projection, follower, client).await?;
        for table in projection.tables() {
            let columns = columns(&held, table).await?;
            held.batch_execute(&format!(
                "delete from {LIVE}.{table};
                 insert into {LIVE}.{table} ({columns}) select {columns} from {BESIDE}.{table}"
            ))
            .await?;
        }
        held.execute(
            &format!(
                "update {LIVE}.checkpoint c
                    set epoch = b.epoch, seq = b.seq, event_time = b.event_time
                   from {BESIDE}.checkpoint b
                  where c.projection = $1 and b.projection = $1"
            ),
            &[&projection.as_str()],
        )
        .await?;
        held.commit().await?;
        Ok(())
    }

    /// Holds the live checkpoint, and lets the follower come at least as far.
    async fn hold<'c>(
        &self,
        projection: Projection,
        follower: &mut Follower,
        client: &'c mut Object,
    ) -> anyhow::Result<(Transaction<'c>, u64)> {
        self.reach_end(projection, follower).await?;
        let held = client.transaction().await?;
        held.execute(
            &format!("select from {LIVE}.checkpoint where projection = $1 for update"),
            &[&projection.as_str()],
        )
        .await?;
        let seq = at(&held, LIVE, projection).await?;
        if follower.at() < seq {
            self.reach_end(projection, follower).await?;
        }
        follower.stop_at(follower.at());
        Ok((held, seq))
    }

    /// Waits until what the stream has now is folded.
    async fn reach_end(&self, projection: Projection, follower: &mut Follower) -> anyhow::Result<()> {
        let stream = projection.stream();
        let end = self.log.extent(stream).await?.last;
        loop {
            match timeout(SILENCE, follower.reaches(end)).await {
                Ok(reached) => return reached,
                Err(_) if self.log.read(stream, end).await?.is_none() => return Ok(()),
                Err(_) if follower.has_ended() => bail!("following {stream} has ended"),
                Err(_) => {}
            }
        }
    }
}

const REPEATABLE: tokio_postgres::IsolationLevel = tokio_postgres::IsolationLevel::RepeatableRead;

async fn at(transaction: &Transaction<'_>, schema: &str, projection: Projection) -> anyhow::Result<u64> {
    let seq = format!("select seq from {schema}.checkpoint where projection = $1");
    let row = transaction.query_opt(&seq, &[&projection.as_str()]).await?;
    Ok(row.map_or(0, |row| u64::try_from(row.get::<_, i64>("seq")).unwrap_or_default()))
}

async fn columns(transaction: &Transaction<'_>, table: &str) -> anyhow::Result<String> {
    let row = transaction
        .query_one(
            "select string_agg(quote_ident(attname), ', ' order by attnum) as columns
               from pg_attribute
              where attrelid = format('%I.%I', $1::text, $2::text)::regclass
                and attnum > 0 and not attisdropped and attgenerated = ''",
            &[&LIVE, &table],
        )
        .await?;
    Ok(row.get("columns"))
}
