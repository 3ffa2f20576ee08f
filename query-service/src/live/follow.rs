//! How does the hub follow the log? From the read model's checkpoint on, one follower a process.

use super::{close::Close, hub::Hub, shut_out};
use anyhow::Result;
use chrono::Utc;
use deadpool_postgres::Pool;
use event_log::{EventLog, Start, streams};
use events::{Epoch, EventId, Position, RoomId, StreamName, Time};
use futures::StreamExt;
use platform::{
    Shutdown,
    auth::Revocations,
    health::{Health, State},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use uuid::Uuid;

/// What `/readyz` calls the hub.
const CHECK: &str = "hub";
/// Records that are told in one go, if so many are ready: meanwhile nobody comes in.
const RECORDS_AT_ONCE: usize = 32;
/// After a failed look at the read model.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Starts to follow. What ends is noticed by the shutdown.
pub(super) fn start(
    hub: Hub,
    log: Arc<dyn EventLog>,
    pool: Pool,
    revocations: Arc<Revocations>,
    health: Health,
    shutdown: &Shutdown,
) {
    health.set(CHECK, State::failing("starting", "the hub has not begun"));
    let (token, (tell, known)) = (shutdown.token(), oneshot::channel());
    let hearing = shut_out::hear(Arc::clone(&log), Arc::clone(&revocations), tell);
    shutdown.spawn("revocations", async move { token.run_until_cancelled(hearing).await.unwrap_or(Ok(())) });
    let token = shutdown.token();
    let following = async move {
        // Before that, a socket could come in with a token that is void already.
        if known.await.is_err() {
            // Who was to say so has failed, and with it everything.
            std::future::pending::<()>().await;
        }
        follow(hub, log, pool, revocations, health).await
    };
    shutdown.spawn("hub", async move { token.run_until_cancelled(following).await.unwrap_or(Ok(())) });
}

async fn follow(
    hub: Hub,
    log: Arc<dyn EventLog>,
    pool: Pool,
    revocations: Arc<Revocations>,
    health: Health,
) -> Result<()> {
    let (at, id) = begin(&hub, &*log, &pool, &health).await;
    let start = match at.seq {
        0 => Start::Beginning,
        // What is parked there had no id that could be read.
        seq if id.0.is_nil() => Start::Sequence(seq),
        seq => Start::Checkpoint { seq, id },
    };
    let mut records = log.follow(StreamName::Chat, start, Vec::new()).ready_chunks(RECORDS_AT_ONCE);
    health.set(CHECK, State::Ok);
    while let Some(mut ready) = records.next().await {
        // The checkpoint's own event comes again, and is counted in the heads already.
        let new = ready.iter().flatten().filter(|record| record.seq > at.seq);
        // Each first: who enters the hub from here on is measured by it.
        let facts = hub.publish(at.epoch, new.inspect(|record| shut_out::apply(record, &revocations)));
        facts.iter().for_each(|fact| note_lag(fact.envelope.time));
        // It is the last that a follower says.
        if let Some(Err(diverged)) = ready.pop() {
            health.set(CHECK, State::failing("log-diverged", diverged.to_string()));
            hub.close_all(Close::Gap);
            return Err(diverged.into());
        }
    }
    Ok(())
}

/// Takes the heads once read model and log are there and speak of the same epoch.
async fn begin(hub: &Hub, log: &dyn EventLog, pool: &Pool, health: &Health) -> (Position, EventId) {
    loop {
        match look(log, pool).await {
            Ok((at, id, heads)) => {
                hub.begin(at, heads);
                return (at, id);
            }
            Err(why) => health.set(CHECK, State::failing("starting", format!("{why:#}"))),
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Every room's head and the checkpoint, in one statement.
async fn look(log: &dyn EventLog, pool: &Pool) -> Result<(Position, EventId, HashMap<RoomId, u64>)> {
    let current = streams::epoch(log, StreamName::Chat).await?;
    let client = pool.get().await?;
    let rows = client
        .query(
            "select c.epoch, c.seq, c.event_id, h.room_id, h.seq as head
               from rm.checkpoint c
               left join rm.room_head h on true
              where c.projection = 'chat' and c.part = 0",
            &[],
        )
        .await?;
    let first = rows.first().ok_or_else(|| anyhow::anyhow!("the read model has no checkpoint yet"))?;
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let epoch = Epoch(u32::try_from(first.get::<_, i64>("epoch"))?);
    anyhow::ensure!(epoch == current, "the read model is of another epoch than the log: it has to be rebuilt");
    let heads =
        rows.iter().filter_map(|row| Some((RoomId(row.get::<_, Option<Uuid>>("room_id")?), number(row.get("head")))));
    Ok((Position { epoch, seq: number(first.get("seq")) }, EventId(first.get("event_id")), heads.collect()))
}

/// How old an event is when its sockets have it.
fn note_lag(time: Time) {
    let lag = (Utc::now() - time).to_std().unwrap_or_default();
    metrics::histogram!("live_hub_lag_seconds").record(lag.as_secs_f64());
}
