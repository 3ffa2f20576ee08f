//! The loop: follow the log from the checkpoint, apply what is ready, and stop at what must not be applied.

use crate::{
    apply::{Applied, Model},
    batch::{Batch, Entry, OnBroken, Stop},
    checkpoint::{Checkpoint, Locked},
    dropped::Unread,
    failure::Failure,
    lag,
    place::{self, Place},
    projections::Projection,
    rebuild::Incomplete,
};
use anyhow::Context;
use event_log::{EventLog, FollowError, LogError, Record};
use futures::{StreamExt, stream::BoxStream};
use platform::health::{Health, State};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Most events of a transaction. There is no least: what is ready goes.
const BATCH_MAX: usize = 1_000;
/// Back-off after an error that passes: doubled from the first to the last, and spread over its upper half.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);
const TRY_AGAIN_AFTER_MAX: Duration = Duration::from_secs(5);
/// So many failed tries in a row are a hiccup; more, and the role is not ready.
const HICCUPS_MAX: u32 = 3;

/// The tables are those of another generation now: where ours are has to be looked up.
#[derive(Debug)]
pub(crate) struct Replaced;

/// Follows a stream into tables.
pub(crate) struct Projector {
    pub(crate) projection: Projection,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) model: Model,
    pub(crate) health: Health,
    /// The last sequence in the tables.
    pub(crate) applied: watch::Sender<Option<u64>>,
    /// The last sequence that may go there; what comes after it waits.
    pub(crate) limit: watch::Receiver<u64>,
    pub(crate) broken: OnBroken,
}

/// How going on from a place ended.
enum End {
    /// The checkpoint went back or is gone: look where it is, and follow from there.
    Moved,
    Replaced,
    Stopped(Stop),
}

/// Projects a stream for ever, and says how far behind it is.
///
/// # Errors
/// As [`Projector::run`].
pub(crate) async fn run(
    projection: Projection,
    log: Arc<dyn EventLog>,
    model: Model,
    health: Health,
) -> anyhow::Result<Replaced> {
    let (applied, seen) = watch::channel(None);
    let watching = lag::watch(projection, Arc::clone(&log), seen, health.clone());
    let (_unlimited, limit) = watch::channel(u64::MAX);
    let broken = match projection {
        Projection::Chat => OnBroken::Park,
        // A row is the state of its subject's last message: who goes on without one shows an older state.
        Projection::Identity | Projection::Presence | Projection::Markers => OnBroken::Halt,
    };
    let projector = Projector { projection, log, model, health, applied, limit, broken };
    // Both go on for ever; the projector may fail.
    tokio::select! {
        ended = projector.run() => ended,
        never = watching => match never {},
    }
}

impl Projector {
    /// Goes on until the tables are another generation's. What halts it is told as health, and ends nothing.
    ///
    /// # Errors
    /// A log that diverged, a database or log that was not migrated.
    pub(crate) async fn run(mut self) -> anyhow::Result<Replaced> {
        loop {
            let Some(place) = self.open().await? else { return Ok(Replaced) };
            match self.go_on(place).await? {
                End::Moved => tracing::warn!(projection = self.projection.as_str(), "the checkpoint went back"),
                End::Replaced => return Ok(Replaced),
                End::Stopped(Stop::AnotherEpoch { seq }) => {
                    return Err(self.diverged(seq, "another epoch began there").into());
                }
                End::Stopped(stop @ Stop::NotApplicable { .. }) => return self.halted(stop).await,
            }
        }
    }

    /// Finds the place, however long log and database are away; `None`: it is another generation's.
    async fn open(&mut self) -> anyhow::Result<Option<Place>> {
        let mut tries = 0;
        let (epoch, reading) = loop {
            match place::reading(self.log.as_ref(), self.projection, self.broken).await {
                Ok(found) => {
                    break found.with_context(|| {
                        format!("{} has no epoch: run `chatroom migrate`", self.projection.stream())
                    })?;
                }
                Err(Unread::Log(LogError::Unavailable { doing, why })) => {
                    self.again("log-unavailable", &format!("{doing}: {why}"), &mut tries).await
                }
                Err(Unread::Log(why @ LogError::Unexpected { .. })) => {
                    return Err(why).context("is the log migrated?");
                }
                Err(Unread::Broken(stop)) => return self.halted(stop).await,
            }
        };
        let (checkpoint, waiting) = loop {
            match self.model.open(epoch).await {
                Ok(opened) => break opened,
                Err(Failure::Away(why)) => self.again("postgres-unavailable", &why, &mut tries).await,
                Err(why @ Failure::Refused(_)) => {
                    return Err(why).context("opening the checkpoint");
                }
            }
        };
        if checkpoint.proof.is_some_and(|proof| proof.generation != self.model.generation()) {
            return Ok(None);
        }
        if checkpoint.epoch != epoch {
            let why = format!("it is in epoch {}, and the read model of epoch {}", epoch.0, checkpoint.epoch.0);
            return Err(self.diverged(checkpoint.seq, &why).into());
        }
        self.moved_to(checkpoint.seq);
        self.is_well(waiting);
        tracing::info!(projection = self.projection.as_str(), seq = checkpoint.seq, "following");
        Ok(Some(Place { checkpoint, reading }))
    }

    /// Follows from a place until something ends it.
    async fn go_on(&mut self, mut place: Place) -> anyhow::Result<End> {
        let mut records =
            self.log.follow(self.projection.stream(), place.checkpoint.start(), Vec::new()).ready_chunks(BATCH_MAX);
        let mut last_delivered = None;
        loop {
            let (ready, broken) = next(&mut records).await;
            for record in &ready {
                self.follows(last_delivered, record)?;
                last_delivered = Some(record.seq);
            }
            let mut rest = ready.as_slice();
            while let Some(first) = rest.first() {
                let limit = self.allowed(first.seq).await;
                let (now, later) = rest.split_at(rest.partition_point(|record| record.seq <= limit));
                if let Some(end) = self.apply(&mut place, now).await? {
                    return Ok(end);
                }
                rest = later;
            }
            match broken {
                None => {}
                Some(FollowError::Diverged { seq, why, .. }) => return Err(self.diverged(seq, &why).into()),
            }
        }
    }

    /// Waits until this sequence may go into the tables; says up to which others may.
    async fn allowed(&mut self, seq: u64) -> u64 {
        let reached = self.limit.wait_for(|limit| seq <= *limit).await.map(|limit| *limit);
        match reached {
            Ok(limit) => limit,
            // Who said so is gone: nothing more may.
            Err(_) => std::future::pending().await,
        }
    }

    /// Applies what of these records lies after the checkpoint; `None` when all of it is in the tables.
    async fn apply(&mut self, place: &mut Place, records: &[Record]) -> anyhow::Result<Option<End>> {
        let mut size = records.len();
        let mut tries = 0;
        // Why Postgres refused the one event that comes next.
        let mut refused = None;
        loop {
            let known = place.checkpoint;
            let rest = &records[records.partition_point(|record| record.seq <= known.seq)..];
            let Some(first) = rest.first() else { return Ok(None) };
            if self.forgets_nothing() && first.seq != known.seq + 1 {
                return Err(self.diverged(known.seq, &format!("it goes on at {}", first.seq)).into());
            }
            size = size.min(rest.len());
            let (mut batch, stop) = Batch::read(&rest[..size], &known, &place.reading);
            if let Some(why) = refused.take().filter(|_| batch.entries.len() == 1) {
                batch = Batch::refused(first, &known, why);
            }
            if batch.entries.is_empty() {
                return Ok(stop.map(End::Stopped));
            }
            match self.model.apply(&known, &batch, &place.reading.dropped).await {
                Ok(Applied::Here { waiting }) => {
                    self.applied(&batch, waiting);
                    place.reading.dropped.extend(batch.drops);
                    place.checkpoint = batch.next;
                    (size, tries) = (records.len(), 0);
                }
                Ok(Applied::Elsewhere(found)) => match self.elsewhere(&known, found) {
                    Ok(found) => place.checkpoint = found,
                    Err(end) => return Ok(Some(end)),
                },
                Err(Failure::Away(why)) => self.again("postgres-unavailable", &why, &mut tries).await,
                // Halved until the one event is found that Postgres refuses.
                Err(Failure::Refused(_)) if batch.entries.len() > 1 => size = batch.entries.len() / 2,
                Err(Failure::Refused(why)) => match batch.entries.iter().find_map(Entry::key) {
                    Some(_) if place.reading.broken == OnBroken::Park && !batch.is_refused() => refused = Some(why),
                    Some(_) | None => return Ok(Some(End::Stopped(Stop::not_applicable(first, why)))),
                },
            }
        }
    }

    /// The checkpoint to go on from when it is not where we left it, or why it cannot be gone on from here.
    fn elsewhere(&self, known: &Checkpoint, found: Option<Locked>) -> Result<Checkpoint, End> {
        let Locked { checkpoint: found, waiting } = found.ok_or(End::Moved)?;
        if found.proof.map(|proof| proof.generation) != known.proof.map(|proof| proof.generation) {
            return Err(End::Replaced);
        }
        if found.epoch != known.epoch || found.seq <= known.seq {
            return Err(End::Moved);
        }
        self.moved_to(found.seq);
        self.is_well(waiting.len());
        Ok(found)
    }

    /// That the sequence only rises; in a stream that forgets nothing, by one.
    fn follows(&self, before: Option<u64>, record: &Record) -> Result<(), FollowError> {
        let Some(before) = before else { return Ok(()) };
        let rises = if self.forgets_nothing() { record.seq == before + 1 } else { record.seq > before };
        if rises { Ok(()) } else { Err(self.diverged(before, &format!("{} came after it", record.seq))) }
    }

    fn forgets_nothing(&self) -> bool {
        match self.projection {
            Projection::Chat => true,
            Projection::Identity | Projection::Presence | Projection::Markers => false,
        }
    }

    fn applied(&self, batch: &Batch<'_>, waiting: usize) {
        let (name, events) = (self.projection.as_str(), batch.entries.len());
        metrics::counter!("projector_events_total", "projection" => name).increment(events as u64);
        metrics::histogram!("projector_batch_event_count", "projection" => name).record(events as f64);
        self.moved_to(batch.next.seq);
        self.is_well(waiting);
    }

    /// Says that it goes on; and what waits, from the start on, lest that be silent until the next event.
    fn is_well(&self, waiting: usize) {
        metrics::gauge!("projector_parked_keys", "projection" => self.projection.as_str()).set(waiting as f64);
        let state = match waiting {
            0 => State::Ok,
            _ => State::degraded(format!(
                "{waiting} rooms, users or lounges wait behind events that cannot be applied: `chatroom parked list`"
            )),
        };
        if self.health.get(self.projection.check()).as_ref() != Some(&state) {
            self.health.set(self.projection.check(), state);
        }
    }

    fn moved_to(&self, seq: u64) {
        metrics::gauge!("projector_checkpoint", "projection" => self.projection.as_str()).set(seq as f64);
        self.applied.send_replace(Some(seq));
    }

    /// Raises the alarm and waits until it is time to try again.
    async fn again(&self, code: &'static str, why: &str, tries: &mut u32) {
        *tries += 1;
        let name = self.projection.as_str();
        metrics::counter!("projector_retries_total", "projection" => name).increment(1);
        tracing::warn!(projection = name, tries, why, "trying again");
        let state = if *tries <= HICCUPS_MAX { State::degraded(why) } else { State::failing(code, why) };
        self.health.set(self.projection.check(), state);
        tokio::time::sleep(pause(*tries)).await;
    }

    fn diverged(&self, seq: u64, why: &str) -> FollowError {
        let stream = self.projection.stream();
        let diverged = FollowError::Diverged { stream, seq, why: why.to_owned() };
        self.health.set(self.projection.check(), State::failing("log-diverged", diverged.to_string()));
        diverged
    }

    /// Names what it halts at, for ever; an error for who wants it whole or not at all.
    async fn halted<T>(&self, stop: Stop) -> anyhow::Result<T> {
        if self.broken == OnBroken::Fail {
            return Err(Incomplete::at(stop).into());
        }
        let name = self.projection.as_str();
        metrics::gauge!("projector_halted", "projection" => name).set(1.0);
        tracing::error!(projection = name, %stop, "halted");
        self.health.set(self.projection.check(), State::failing("halted", stop.to_string()));
        // The process stays, not ready, so that its /readyz names the event; ended, it would be started again only to
        // halt again.
        std::future::pending().await
    }
}

/// What is ready, and why nothing comes after it.
async fn next(
    records: &mut futures::stream::ReadyChunks<BoxStream<'static, Result<Record, FollowError>>>,
) -> (Vec<Record>, Option<FollowError>) {
    // Without tokio's budget, which would end a chunk after 128 records that were taken from a channel.
    let Some(ready) = tokio::task::coop::unconstrained(records.next()).await else {
        return std::future::pending().await;
    };
    let mut broken = None;
    let good = ready.into_iter().map_while(|record| record.map_err(|why| broken = Some(why)).ok()).collect();
    (good, broken)
}

fn pause(tries: u32) -> Duration {
    let whole = TRY_AGAIN_AFTER.saturating_mul(1 << tries.min(16)).min(TRY_AGAIN_AFTER_MAX);
    whole.mul_f64(rand::random_range(0.5..=1.0))
}
