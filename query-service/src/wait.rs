//! How does somebody read his own writes? The read waits until the read model is at the position that his write returned.

mod enough;

use anyhow::{Context, Result};
use axum::http::HeaderMap;
use events::{Epoch, Position, RoomId};
use platform::{
    Code, Problem, Shutdown,
    health::{Health, State},
    pool,
};
use sqlx::{PgPool, postgres::PgListener};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

pub(crate) use enough::{Patience, enough, for_all, verified};

/// The position that a read has to be at, at least.
pub const MIN_POSITION: &str = "chat-min-position";
/// The longest wait, and the wait of who does not say: below the request's 5 s.
pub const WAIT_MAX: Duration = Duration::from_secs(4);

/// What `/readyz` calls the read model.
pub const READ_MODEL: &str = "read-model";

/// The channel on which the projector tells each commit, in its transaction.
const CHANNEL: &str = "rm_checkpoint";
/// The checkpoint is read this often even if nobody tells: a read model that was swapped tells nothing,
/// and readiness wants to know whether Postgres answers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far the read model is, as this process knows it. Clones watch the same.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    at: watch::Receiver<Option<Seen>>,
    /// Whether the last look at the read model failed.
    away: Arc<AtomicBool>,
}

/// What a look at the read model found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    as_of: AsOf,
    /// Rooms whose events wait, because one of them cannot be applied.
    parked: BTreeSet<RoomId>,
}

/// What the rows of an answer are of: a place in the log, as one generation of the read model understood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    pub position: Position,
    /// Another one with each read model that takes another's place.
    pub generation: i32,
}

impl Checkpoint {
    /// Begins to watch. The connection that listens is one of the pool's, for as long as the process lives.
    pub fn watch(pool: PgPool, health: Health, shutdown: &Shutdown) -> Self {
        let (tell, at) = watch::channel(None);
        let away = Arc::new(AtomicBool::new(true));
        let eyes = Eyes { pool, health, tell, away: Arc::clone(&away) };
        let ending = shutdown.clone();
        shutdown.spawn("checkpoint", async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = eyes.follow() => {}
            }
            Ok(())
        });
        Self { at, away }
    }

    /// The last known position; `None` until the read model was first read.
    #[must_use]
    pub fn now(&self) -> Option<AsOf> {
        self.at.borrow().as_ref().map(|seen| seen.as_of)
    }

    /// Whether Postgres does not answer, as far as this process knows.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// That the read model goes on with a room: behind an event that cannot be applied may wait a ban.
    ///
    /// # Errors
    /// 503 `read-model-behind` while its events wait for an operator.
    pub fn goes_on(&self, room: RoomId) -> Result<(), Problem> {
        let waits = self.at.borrow().as_ref().is_some_and(|seen| seen.parked.contains(&room));
        if waits { Err(behind()) } else { Ok(()) }
    }

    /// Waits until the read model is at `wanted`.
    ///
    /// # Errors
    /// 410 `gone` for a position of another epoch; 503 `read-model-behind` when it is not there in time.
    pub async fn reaches(&self, wanted: Position, within: Duration) -> Result<(), Problem> {
        let mut at = self.at.clone();
        let is_gone = |seen: &Seen| seen.as_of.position.epoch != wanted.epoch;
        let is_there = |seen: &Seen| is_gone(seen) || seen.as_of.position.seq >= wanted.seq;
        let arrived = at.wait_for(|at| at.as_ref().is_some_and(is_there));
        match timeout(within, arrived).await {
            Ok(Ok(at)) if at.as_ref().is_some_and(|seen| !is_gone(seen)) => Ok(()),
            Ok(Ok(_)) => Err(Problem::new(
                Code::Gone,
                "This position is of a history that was replaced: read without it, and forget what it came with.",
            )),
            Ok(Err(_)) | Err(_) => Err(behind()),
        }
    }
}

/// 503: the read model is not where the request needs it. Comes back in a second.
#[must_use]
pub fn behind() -> Problem {
    Problem::new(Code::ReadModelBehind, "The read model is not that far yet.").after(Duration::from_secs(1))
}

/// What a request's headers ask to wait for, and how long: `Chat-Min-Position`, `Prefer: wait=N`.
///
/// # Errors
/// 400 `invalid-request` for what is no position. A preference that cannot be read is none.
pub fn wish(headers: &HeaderMap) -> Result<Option<(Position, Duration)>, Problem> {
    let mut given = headers.get_all(MIN_POSITION).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let wrong = || Problem::new(Code::InvalidRequest, "`Chat-Min-Position` is one position as an answer gave it.");
    let position = first.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| given.next().is_none());
    Ok(Some((position.ok_or_else(wrong)?, preferred_wait(headers))))
}

/// RFC 7240: `Prefer: wait=2`, among others, separated by commas or semicolons.
fn preferred_wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';'])).filter_map(|part| part.split_once('='));
    let wait = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"));
    let seconds = wait.and_then(|(_, value)| value.trim().trim_matches('"').parse().ok());
    seconds.map_or(WAIT_MAX, |seconds| Duration::from_secs(seconds).min(WAIT_MAX))
}

/// Who looks at the read model, and tells the others.
struct Eyes {
    pool: PgPool,
    health: Health,
    tell: watch::Sender<Option<Seen>>,
    away: Arc<AtomicBool>,
}

impl Eyes {
    /// Never ends: what fails is tried again, with Postgres's absence told as health.
    async fn follow(&self) {
        loop {
            if let Err(error) = self.listen().await {
                self.away.store(true, Ordering::Relaxed);
                self.health.set(READ_MODEL, State::failing("postgres-away", format!("{error:#}")));
            }
            // The pool has waited for its own timeout only where Postgres does not answer at all.
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn listen(&self) -> Result<()> {
        let mut listener = PgListener::connect_with(&self.pool).await.context("connecting to listen")?;
        // Listen first, then look: a commit in between is told.
        listener.listen(CHANNEL).await.context("listening for checkpoints")?;
        self.look().await?;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = listener.try_recv() => drop(told.context("listening for checkpoints")?),
                _ = tick.tick() => {}
            }
            // What is told is only that there is news: a read model that took another's place may be elsewhere by now than
            // the one that told. All that was told by now needs one look.
            while listener.next_buffered().is_some() {}
            self.look().await?;
        }
    }

    async fn look(&self) -> Result<()> {
        let query = sqlx::query!(
            r#"
        select epoch, seq, generation,
               (select array_agg(distinct room_id) from rm.parked where why is not null and room_id is not null) as parked
          from rm.checkpoint
         where projection = 'chat' and part = 0
        "#
        );
        let row =
            pool::timed("checkpoint", query.fetch_optional(&self.pool)).await.context("reading the checkpoint")?;
        self.away.store(false, Ordering::Relaxed);
        let Some(row) = row else {
            self.tell.send_replace(None);
            self.health.set(READ_MODEL, State::failing("no-read-model", "the projector has not begun"));
            return Ok(());
        };
        let epoch = Epoch(u32::try_from(row.epoch).context("an epoch has 32 bits")?);
        let position = Position { epoch, seq: u64::try_from(row.seq).context("a sequence is not negative")? };
        let as_of = AsOf { position, generation: row.generation };
        let seen = Some(Seen { as_of, parked: row.parked.unwrap_or_default().into_iter().map(RoomId).collect() });
        self.tell.send_if_modified(|known| {
            let is_news = *known != seen;
            *known = seen;
            is_news
        });
        self.health.set(READ_MODEL, State::Ok);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn at(seq: u64) -> Position {
        Position { epoch: EPOCH, seq }
    }

    fn as_of(position: Position) -> Option<Seen> {
        Some(Seen { as_of: AsOf { position, generation: 1 }, parked: BTreeSet::new() })
    }

    fn checkpoint(first: Position) -> (watch::Sender<Option<Seen>>, Checkpoint) {
        let (tell, at) = watch::channel(as_of(first));
        (tell, Checkpoint { at, away: Arc::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_for_its_position_and_no_longer_than_it_may() {
        let (tell, checkpoint) = checkpoint(at(4));
        checkpoint.reaches(at(4), Duration::ZERO).await.expect("is there");
        assert_eq!(checkpoint.reaches(at(5), WAIT_MAX).await.expect_err("late").code, Code::ReadModelBehind);
        let waiting = tokio::spawn(async move { checkpoint.reaches(at(6), WAIT_MAX).await });
        tell.send_replace(as_of(at(5)));
        tell.send_replace(as_of(at(6)));
        waiting.await.expect("no panic").expect("arrived");
    }

    #[tokio::test(start_paused = true)]
    async fn a_position_of_another_epoch_is_gone() {
        let (_tell, checkpoint) = checkpoint(at(4));
        let other = Position { epoch: Epoch(8), seq: 1 };
        assert_eq!(checkpoint.reaches(other, WAIT_MAX).await.expect_err("another").code, Code::Gone);
    }

    #[test]
    fn headers_say_what_to_wait_for() {
        let wished = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a header"));
            }
            wish(&headers)
        };
        let position = at(9).to_string();
        assert!(wished(&[]).expect("nothing asked").is_none());
        assert_eq!(wished(&[(MIN_POSITION, &position)]).expect("asked"), Some((at(9), WAIT_MAX)));
        for (prefer, seconds) in
            [("wait=2", 2), ("respond-async, wait=1; foo", 1), ("WAIT=60", 4), ("wait=-1", 4), ("wait=0", 0)]
        {
            let wish = wished(&[(MIN_POSITION, &position), ("prefer", prefer)]).expect("asked");
            assert_eq!(wish, Some((at(9), Duration::from_secs(seconds))), "{prefer}");
        }
        for wrong in ["", "1", "AAAA", "****************"] {
            assert_eq!(wished(&[(MIN_POSITION, wrong)]).expect_err(wrong).code, Code::InvalidRequest);
        }
        assert!(wished(&[(MIN_POSITION, &position), (MIN_POSITION, &position)]).is_err());
    }
}
