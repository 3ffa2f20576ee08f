//! Are two read models the same? Both are looked at as of one sequence, in one snapshot.

use super::{Built, Follower, LIVE, Phase, Progress, Workshop, place};
use crate::{
    checkpoint::{self, Checkpoint, Look},
    digest::{self, Difference, Digest},
};
use anyhow::ensure;
use deadpool_postgres::{Object, Transaction};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// While ours is further than the live one, which has to come first.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LEVEL_WITHIN: Duration = Duration::from_secs(120);

/// What was found.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The sequence of `CHAT` that both are of.
    pub seq: u64,
    /// Of the one that was made.
    pub ours: Digest,
    /// Of the one that readers see.
    pub live: Digest,
    /// Table by table; empty: they are equal.
    pub differences: Vec<Difference>,
    /// Whether the live one was folded by this very code.
    pub same_code: bool,
}

impl Workshop {
    /// Compares what was built with the live model; `None` when that is of an epoch before a restore, and there is nothing
    /// to compare. The projector stands still for the moment in which both are brought
    /// to one sequence, and not while they are compared; readers wait for nothing.
    ///
    /// # Errors
    /// Another log under both; models that do not come to one sequence; a database that fails.
    pub async fn compare(&self, built: &Built, follower: &mut Follower) -> anyhow::Result<Option<Comparison>> {
        let schema = &built.generation.schema;
        let mut looking = self.client().await?;
        let epoch = async |schema| anyhow::Ok(checkpoint::parts(&**looking, schema).await?.first().map(|at| at.epoch));
        let (ours, live) = (epoch(schema).await?, epoch(LIVE).await?);
        if live.is_some_and(|live| Some(live) != ours) {
            return Ok(None);
        }
        let mut holding = self.client().await?;
        let level = self.level(schema, follower, &mut holding, &mut looking).await;
        follower.go_on();
        let (seq, snapshot) = level?;
        self.progress.send_replace(Progress { phase: Phase::Compare, done: 0, all: 2 });
        let ours = digest::of(&snapshot, schema, None).await?;
        self.progress.send_modify(|progress| progress.done += 1);
        let live = digest::of(&snapshot, LIVE, None).await?;
        self.progress.send_modify(|progress| progress.done += 1);
        let differences = digest::differences(&snapshot, (schema, &ours), (LIVE, &live)).await?;
        let same_code = same_code(&snapshot).await?;
        Ok(Some(Comparison { seq, ours, live, differences, same_code }))
    }

    /// A snapshot in which both are at one sequence.
    async fn level<'c>(
        &self,
        schema: &str,
        follower: &mut Follower,
        holding: &mut Object,
        looking: &'c mut Object,
    ) -> anyhow::Result<(u64, Transaction<'c>)> {
        let until = Instant::now() + LEVEL_WITHIN;
        follower.stop_at(follower.at());
        let (held, seq) = loop {
            let held = holding.transaction().await?;
            let seq = place(&*held, LIVE, Look::Hold).await?.seq;
            // What was on its way when ours was stopped may have taken it further than the live one is, or still may: until
            // its row is held as well, nobody can say.
            if follower.at() <= seq {
                follower.stop_at(seq);
                follower.reaches(seq).await?;
                if place(&*held, schema, Look::Hold).await?.seq == seq {
                    break (held, seq);
                }
                follower.stop_at(follower.at());
            }
            held.rollback().await?;
            ensure!(
                Instant::now() < until,
                "the live read model does not come to {}: is its projector running?",
                follower.at()
            );
            sleep(LOOK_EVERY).await;
        };
        let snapshot = looking.build_transaction().isolation_level(REPEATABLE).start().await?;
        let (ours, live) = (place(&*snapshot, schema, Look::Pass).await?, place(&*snapshot, LIVE, Look::Pass).await?);
        // From here on both go on; the snapshot does not.
        held.rollback().await?;
        ensure!(ours.seq == live.seq, "ours is at {} and the live one at {}", ours.seq, live.seq);
        let chain = |place: Checkpoint| place.proof.map(|proof| proof.chain);
        ensure!(
            chain(ours) == chain(live),
            "up to {seq} another log was folded into the live read model than this one"
        );
        Ok((seq, snapshot))
    }
}

const REPEATABLE: tokio_postgres::IsolationLevel = tokio_postgres::IsolationLevel::RepeatableRead;

async fn same_code(transaction: &Transaction<'_>) -> anyhow::Result<bool> {
    let row = transaction.query_one("select code from rm_live.generations where state = 'live'", &[]).await?;
    Ok(row.get::<_, &str>("code") == crate::generations::CODE)
}
