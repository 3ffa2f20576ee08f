//! How far behind the log's end is a projection, in events and in seconds?

use crate::projections::Projection;
use chrono::Utc;
use event_log::{EventLog, LogError, Record};
use events::Envelope;
use platform::health::{Health, State};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often the log is asked for its end.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A projection that is further behind is degraded: readers who wait for their writes are sent away before.
const BEHIND_SECONDS_MAX: f64 = 4.0;

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
        match look(projection, log.as_ref(), seq).await {
            Ok((0, _)) => health.set(projection.lag_check(), State::Ok),
            Ok((_, seconds)) if seconds < BEHIND_SECONDS_MAX => health.set(projection.lag_check(), State::Ok),
            Ok((events, seconds)) => {
                let why = format!("{events} events, {seconds:.0} s behind the log's end");
                health.set(projection.lag_check(), State::degraded(why));
            }
            Err(why) => health.set(projection.lag_check(), State::degraded(why.to_string())),
        }
    }
}

/// Events after `seq`, and for how many seconds the first of them has been waiting.
async fn look(projection: Projection, log: &dyn EventLog, seq: u64) -> Result<(u64, f64), LogError> {
    let stream = projection.stream();
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
    metrics::gauge!("projector_log_end", "projection" => projection.as_str()).set(end as f64);
    metrics::gauge!("projector_lag_events", "projection" => projection.as_str()).set(events as f64);
    metrics::gauge!("projector_lag_seconds", "projection" => projection.as_str()).set(seconds);
    Ok((events, seconds))
}

fn age_seconds(record: &Record) -> f64 {
    let decided = Envelope::from_headers(|name| record.header(name)).map(|envelope| envelope.time);
    decided.map_or(0.0, |time| (Utc::now() - time).as_seconds_f64().max(0.0))
}
