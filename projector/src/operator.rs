//! What may an operator do about events that cannot be applied? See what waits, let it try again, drop one for good.

use crate::{
    ROLE,
    checkpoint::{self, Locked, WHOLE},
    dropped, parked,
    projections::Projection,
    rebuild::LIVE,
};
use anyhow::{Context, bail, ensure};
use chrono::{SubsecRound, Utc};
use deadpool_postgres::Object;
use event_log::{AppendError, EventLog, Freshness};
use events::{
    Actor, Condition, Envelope, EventId, NewEvent, Subject, Time,
    system::{DropEvent, EventDropped},
};
use platform::{
    config::Secret,
    pool::{self, Purpose},
};
use serde::Serialize;

/// A room, user or lounge whose events wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// `room <id>`, `user <id>` or `lounge <id>`.
    pub key: String,
    /// The sequence in `CHAT` of the event that cannot be applied.
    pub seq: u64,
    pub event_type: String,
    /// Why it cannot be applied.
    pub why: String,
    /// When it was decided; 1970 where it does not say so.
    pub at: Time,
    /// How many events wait, itself included.
    pub events: u64,
}

/// What waits in the live read model, the oldest first.
///
/// # Errors
/// A database that fails.
pub async fn waiting(database: &Secret) -> anyhow::Result<Vec<Waiting>> {
    let client = connect(database).await?;
    let rows = client
        .query(
            "select distinct on (key) key, seq, event_type, coalesce(why, '') as why, at,
                    count(*) over (partition by key) as events
               from parked
              order by key, seq",
            &[],
        )
        .await?;
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let waiting = rows.iter().map(|row| Waiting {
        key: row.get("key"),
        seq: number(row.get("seq")),
        event_type: row.get("event_type"),
        why: row.get("why"),
        at: row.get("at"),
        events: number(row.get("events")),
    });
    let mut waiting: Vec<_> = waiting.collect();
    waiting.sort_by_key(|waiting| waiting.seq);
    Ok(waiting)
}

/// Lets what waits try again, with the code of this release; of one key, or of all. Says how many events were applied.
///
/// # Errors
/// A log or a database that fails; nothing that waits under this key.
pub async fn retry(log: &dyn EventLog, database: &Secret, key: Option<&str>) -> anyhow::Result<usize> {
    let dropped = dropped::read(log).await?;
    let mut client = connect(database).await?;
    let mut transaction = client.transaction().await?;
    // The projector stands still at its checkpoint meanwhile, and sees afterwards that others have written.
    let Locked { waiting, .. } =
        checkpoint::lock(&transaction, Projection::Chat, WHOLE).await?.context("no projector has begun")?;
    let asked: Vec<_> = waiting.into_iter().filter(|waits| key.is_none_or(|key| key == waits)).collect();
    if let (Some(key), true) = (key, asked.is_empty()) {
        bail!("nothing waits under {key:?}");
    }
    let mut released = 0;
    for key in asked {
        released += parked::release(&key, &dropped, &mut transaction).await?;
    }
    transaction.batch_execute(&format!("notify {LIVE}_checkpoint, 'released'")).await?;
    transaction.commit().await?;
    Ok(released)
}

/// Drops the event at `seq` for good: it keeps its number and changes nothing, here and in every rebuild. What waits
/// behind it is applied by the projector. Gives the sequence of the word in the log that says so.
///
/// # Errors
/// An event that others do not wait for; a log or a database that fails.
pub async fn drop_event(log: &dyn EventLog, database: &Secret, seq: u64, reason: &str) -> anyhow::Result<u64> {
    let first = waiting(database).await?.into_iter().any(|waiting| waiting.seq == seq);
    ensure!(first, "{seq} is not an event that others wait for: `chatroom parked list` shows those");
    let subject = Subject::Drop;
    let before = log.last(subject, Freshness::Leader).await?.map_or(0, |record| record.seq);
    let now = Utc::now().trunc_subsecs(3);
    let id = EventId::at(now, rand::random());
    let mut envelope = Envelope::new(id, now, Actor::Operator, id.to_string());
    envelope.after = Some(Condition { subject, seq: before });
    let event = DropEvent::from(EventDropped { seq, reason: reason.to_owned() }).into();
    match log.append(vec![NewEvent { subject, envelope, event }]).await {
        Ok(appended) => Ok(appended.last),
        Err(AppendError::Conflict) => bail!("somebody else has dropped an event in this moment: look again"),
        Err(why) => Err(why).context("saying in the log that the event is dropped"),
    }
}

async fn connect(database: &Secret) -> anyhow::Result<Object> {
    let pool = pool::direct(database, Purpose::work(ROLE).within(LIVE), 1)?;
    // Its one connection, which is the caller's for as long as he needs it.
    pool.get().await.context("connecting to Postgres")
}
