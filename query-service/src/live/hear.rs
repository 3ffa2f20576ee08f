//! What does the process hear besides the rooms' log? Who is there, who types, and how far people have read.

use super::{here::Here, hub::Hub};
use crate::resource::Presence;
use anyhow::{Context, Result, bail};
use deadpool_postgres::Pool;
use event_log::{EventLog, Fact, JetStream, Latest, Record, Start};
use events::{DecodeError, Event, MarkerEvent, StreamName, Subject};
use futures::StreamExt;
use platform::Shutdown;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often a room is told who came and went.
const PRESENCE_EVERY: Duration = Duration::from_secs(1);
/// While the read model is away.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Starts to hear. What ends is noticed by the shutdown.
pub(super) fn start(hub: &Hub, here: &Here, log: &JetStream, pool: &Pool, shutdown: &Shutdown) {
    let spawn = |name, hearing: futures::future::BoxFuture<'static, Result<()>>| {
        let token = shutdown.token();
        shutdown.spawn(name, async move { token.run_until_cancelled(hearing).await.unwrap_or(Ok(())) });
    };
    spawn("presence", Box::pin(presence(hub.clone(), log.clone())));
    spawn("markers", Box::pin(markers(hub.clone(), log.clone(), pool.clone())));
    let (tick, typing, signals) = (hub.clone(), hub.clone(), log.typing());
    spawn("presence diffs", Box::pin(async move { tell_presence(&tick).await }));
    spawn(
        "typing",
        Box::pin(async move {
            signals.hear().for_each(async |said| typing.types(said)).await;
            Ok(())
        }),
    );
    let (here, leases) = (here.clone(), log.leases(super::here::LEASE));
    spawn(
        "leases",
        Box::pin(async move {
            here.hold(&leases).await;
            Ok(())
        }),
    );
}

async fn presence(hub: Hub, log: JetStream) -> Result<()> {
    let mut told = log.latest(StreamName::Presence, "prs.v1.user.*".to_owned());
    while let Some(told) = told.next().await {
        // While the log is away nobody is seen to go, and when it is back everybody is told again.
        let Latest::Told(record) = told else { continue };
        let Some(fact) = understood(&record)? else { continue };
        let (Subject::Presence(user_id), Event::Presence(change)) = (fact.subject, fact.event) else {
            bail!("{} is nobody's presence", record.subject);
        };
        hub.presence(Presence { user_id, state: change.after.state, last_seen_at: change.after.since });
    }
    Ok(())
}

async fn tell_presence(hub: &Hub) -> Result<()> {
    let mut tick = interval(PRESENCE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        hub.tell_presence();
    }
}

/// From the read model's place on: what it knows, `ready` has from there.
async fn markers(hub: Hub, log: JetStream, pool: Pool) -> Result<()> {
    let start = match known(&pool).await {
        0 => Start::Beginning,
        seq => Start::Sequence(seq),
    };
    let mut records = log.follow(StreamName::Markers, start, Vec::new());
    while let Some(record) = records.next().await {
        let record = record?;
        let Some(Fact { event: Event::Marker(change), .. }) = understood(&record)? else { continue };
        let MarkerEvent::Read(read) = change.event;
        hub.reads(read.user, read.room, change.after.seq);
    }
    Ok(())
}

/// How far the read model knows the markers.
async fn known(pool: &Pool) -> u64 {
    loop {
        let look = async {
            let client = pool.get().await?;
            let row = client.query_opt("select seq from rm_live.checkpoint where projection = 'markers'", &[]).await?;
            anyhow::Ok(row.map_or(0, |row| u64::try_from(row.get::<_, i64>("seq")).unwrap_or_default()))
        };
        match look.await {
            Ok(seq) => return seq,
            Err(why) => tracing::warn!(why = format!("{why:#}"), "waiting for the read model's markers"),
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// What a record says. A type that a newer release wrote is the end; what is broken is passed over: none of it is a right.
fn understood(record: &Record) -> Result<Option<Fact>> {
    match record.fact() {
        Ok(fact) => Ok(Some(fact)),
        Err(error @ DecodeError::UnknownType(_)) => {
            Err(error).with_context(|| format!("{} at {} was written by a newer release", record.stream, record.seq))
        }
        Err(error @ DecodeError::Malformed { .. }) => {
            tracing::error!(stream = %record.stream, seq = record.seq, %error, "a broken record is passed over");
            Ok(None)
        }
    }
}
