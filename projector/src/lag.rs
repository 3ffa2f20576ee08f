//! How far behind the log's end is a projection, in events and in seconds?

use crate::{ROLE, projections::Projection};
use anyhow::Context;
use chrono::Utc;
use event_log::{EventLog, LogError, Record};
use events::{Envelope, StreamName};
use platform::{
    config::Secret,
    health::{Health, State},
    pool::{self, Purpose},
};
use serde::Serialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often the log is asked for its end.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A projection that is further behind is degraded: readers who wait for their writes are sent away before.
const BEHIND_SECONDS_MAX: f64 = 4.0;

/// How far behind one is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lag {
    /// `chat` is the live read model of `CHAT`; others of it have their schema behind it.
    pub projection: String,
    /// The last sequence in the tables.
    pub checkpoint: u64,
    /// The last sequence in the log.
    pub end: u64,
    /// How many sequences lie between them; of a stream that forgets, some of them may be gone.
    pub events: u64,
    /// For how long the first of them has been waiting, by its own time.
    pub seconds: f64,
}

/// The lag of every projection that has begun, as of now.
///
/// # Errors
/// A log or a database that fails.
pub async fn now(log: &dyn EventLog, database: &Secret) -> anyhow::Result<Vec<Lag>> {
    let pool = pool::direct(database, Purpose::work(ROLE), 1)?;
    let client = pool.get().await.context("connecting to Postgres")?;
    let mut lags = Vec::new();
    let models = client
        .query(
            "select schema_name, state = 'live' as live
               from rm_live.generations
              where state <> 'still'
              order by number",
            &[],
        )
        .await?;
    for model in models {
        let schema: &str = model.get("schema_name");
        let name = if model.get("live") { "chat".to_owned() } else { format!("chat ({schema})") };
        let least = format!("select min(seq) as seq from {schema}.checkpoint");
        if let Some(seq) = client.query_one(&least, &[]).await?.get::<_, Option<i64>>("seq") {
            lags.push(of(log, StreamName::Chat, name, u64::try_from(seq).unwrap_or_default()).await?);
        }
    }
    let others = client.query("select projection, seq from rm_live.checkpoint order by projection", &[]).await?;
    for projection in Projection::IN_PLACE {
        let row = others.iter().find(|row| row.get::<_, &str>("projection") == projection.as_str());
        if let Some(row) = row {
            let seq = u64::try_from(row.get::<_, i64>("seq")).unwrap_or_default();
            lags.push(of(log, projection.stream(), projection.as_str().to_owned(), seq).await?);
        }
    }
    Ok(lags)
}

/// Looks for ever at the log's end and at what `applied` says: the last sequence in the tables, once it is known.
pub(crate) async fn watch(
    projection: Projection,
    log: Arc<dyn EventLog>,
    applied: watch::Receiver<Option<u64>>,
    health: Health,
) -> Infallible {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(seq) = *applied.borrow() else { continue };
        match of(log.as_ref(), projection.stream(), projection.as_str().to_owned(), seq).await {
            Ok(lag) => health.set(projection.lag_check(), told(projection, &lag)),
            Err(why) => health.set(projection.lag_check(), State::degraded(why.to_string())),
        }
    }
}

fn told(projection: Projection, lag: &Lag) -> State {
    let Lag { projection: _, checkpoint: _, end, events, seconds } = *lag;
    metrics::gauge!("projector_log_end", "projection" => projection.as_str()).set(end as f64);
    metrics::gauge!("projector_lag_events", "projection" => projection.as_str()).set(events as f64);
    metrics::gauge!("projector_lag_seconds", "projection" => projection.as_str()).set(seconds);
    if events == 0 || seconds < BEHIND_SECONDS_MAX {
        return State::Ok;
    }
    State::degraded(format!("{events} events, {seconds:.0} s behind the log's end"))
}

/// Events after `seq`, and for how many seconds the first of them has been waiting.
async fn of(log: &dyn EventLog, stream: StreamName, projection: String, seq: u64) -> Result<Lag, LogError> {
    let end = log.extent(stream).await?.last;
    let events = end.saturating_sub(seq);
    let mut seconds = 0.0;
    if events > 0 {
        // A stream that forgets may have forgotten the first: then the last, which waits at most as long.
        let waiting = match log.read(stream, seq + 1).await? {
            Some(first) => Some(first),
            None => log.read(stream, end).await?,
        };
        seconds = waiting.as_ref().map_or(0.0, age_seconds);
    }
    Ok(Lag { projection, checkpoint: seq, end, events, seconds })
}

fn age_seconds(record: &Record) -> f64 {
    let decided = Envelope::from_headers(|name| record.header(name)).map(|envelope| envelope.time);
    decided.map_or(0.0, |time| (Utc::now() - time).as_seconds_f64().max(0.0))
}
