//! How does another read model become the one that readers see? Two schemas change names, in one transaction.

use super::{Built, Follower, LIVE, Workshop, place, schema};
use crate::checkpoint::Look;
use anyhow::{Context, ensure};
use deadpool_postgres::Object;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A lock that is not given sooner is given up, and the swap with it.
const LOCK_WITHIN: &str = "10s";
/// How long the live model may stand still until the other is as far.
const LEVEL_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A statement that was being planned in the very moment of the swap is planned by now.
const PLANNED_WITHIN: Duration = Duration::from_secs(1);

/// What has changed places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// The generation that readers saw, and the schema in which it is kept.
    pub from: (i32, String),
    /// The generation that they see now.
    pub to: i32,
    /// The sequence of `CHAT` that it was at.
    pub seq: u64,
}

impl Workshop {
    /// Lets readers see what was built; the one they saw is kept for so long.
    ///
    /// # Errors
    /// When it does not come as far as the live one in time; a database that fails. Then nothing has changed.
    pub async fn swap(&self, built: Built, follower: Follower, keep: Duration) -> anyhow::Result<Swapped> {
        let mut client = self.client().await?;
        let swapped = change_places(&mut client, &built.generation.schema, keep).await?;
        // It has come as far as it should, and the projector follows from there.
        drop(follower);
        forget_plans(&client, &swapped.from.1).await?;
        Ok(swapped)
    }

    /// Lets readers see again the newest one that is kept.
    ///
    /// # Errors
    /// As of [`Workshop::swap`], and when none is kept.
    pub async fn roll_back(&self, keep: Duration) -> anyhow::Result<Swapped> {
        let mut client = self.client().await?;
        let kept = client
            .query_opt(
                "select schema_name
                   from rm_live.generations
                  where state = 'kept' and keep_until > now()
                  order by number desc
                  limit 1",
                &[],
            )
            .await?;
        let schema: String = kept.context("no other read model is kept")?.get("schema_name");
        let epoch = async |schema| anyhow::Ok(place(&**client, schema, Look::Pass).await?.epoch);
        ensure!(epoch(&schema).await? == epoch(LIVE).await?, "the one that is kept is of an epoch before a restore");
        let swapped = change_places(&mut client, &schema, keep).await?;
        forget_plans(&client, &swapped.from.1).await?;
        Ok(swapped)
    }
}

/// Gives `other` the name that readers say, once it is as far as the one that has it.
async fn change_places(client: &mut Object, other: &str, keep: Duration) -> anyhow::Result<Swapped> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(&format!("set local lock_timeout = '{LOCK_WITHIN}'")).await?;
    // From here on the live one stands still, so that the other is as far once it has come here.
    let live = place(&*transaction, LIVE, Look::Hold).await?;
    let until = Instant::now() + LEVEL_WITHIN;
    loop {
        let next = place(&*transaction, other, Look::Pass).await?;
        // One of an epoch before a restore is of another history: nothing in it can be compared.
        if next.epoch != live.epoch || next.seq >= live.seq {
            break;
        }
        ensure!(Instant::now() < until, "{other} does not come to {}: who follows the log into it?", live.seq);
        sleep(LOOK_EVERY).await;
    }
    let next = place(&*transaction, other, Look::Hold).await?;
    let kept = format!("{LIVE}_{}", live.generation());
    transaction
        .batch_execute(&format!("alter schema {LIVE} rename to {kept}; alter schema {other} rename to {LIVE}"))
        .await?;
    transaction
        .execute(
            "update rm_live.generations set state = 'kept', schema_name = $2, keep_until = now() + $3 * interval '1 s'
              where number = $1",
            &[&live.generation(), &kept, &keep.as_secs_f64()],
        )
        .await?;
    transaction
        .execute(
            "update rm_live.generations set state = 'live', schema_name = $2, keep_until = null where number = $1",
            &[&next.generation(), &LIVE],
        )
        .await?;
    // Who waits for a position looks where the read model is now.
    transaction.batch_execute(&format!("notify {LIVE}_checkpoint, 'swapped'")).await?;
    transaction.commit().await?;
    Ok(Swapped { from: (live.generation(), kept), to: next.generation(), seq: next.seq })
}

/// Postgres plans every prepared statement anew, by name, when a schema changes its name. One that was being planned in that
/// very moment may mean tables of both: it is planned anew when an older table is changed. This changes nothing in it, and
/// no reader waits for it.
async fn forget_plans(client: &Object, schema: &str) -> anyhow::Result<()> {
    sleep(PLANNED_WITHIN).await;
    for table in schema::tables(client, schema).await? {
        client.batch_execute(&format!("alter table {schema}.{table} reset (fillfactor)")).await?;
    }
    Ok(())
}
