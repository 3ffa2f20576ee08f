//! The log in memory, which fails by seed: what it answers is what JetStream's writer answers in the end.

mod faults;
mod follow;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub use faults::Faults;

use crate::{
    AppendError, Appended, EventLog, Extent, FollowError, Freshness, LogError, Record, Start,
    nats::{APPEND_WITHIN, CONNECTED_WITHIN, READ_WITHIN},
};
use events::{NewEvent, StreamName, Subject};
use faults::kind_of_read;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use state::{Line, State};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use stream::Outgoing;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// The log in memory. Clones are the same log. Time passes for it as it does for tokio, and as tests say.
#[derive(Clone)]
pub struct FakeLog(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Changes with everything that somebody may wait for.
    changed: watch::Sender<u64>,
}

impl Default for FakeLog {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeLog {
    /// A log with its streams made and their first epoch begun. It never fails before it is told to.
    pub fn new() -> Self {
        let (changed, _) = watch::channel(0);
        Self(Arc::new(Shared { state: Mutex::new(State::new()), changed }))
    }

    /// From now on it fails by these chances.
    pub fn fail_by(&self, faults: Faults) {
        self.change(|state| state.fail_by(faults));
    }

    /// Lets time pass, for the duplicate window and for what ends by itself.
    pub fn advance(&self, by: Duration) {
        self.change(|state| state.advance(by));
    }

    /// The server takes what it is sent, and answers nothing until it thaws.
    pub fn freeze(&self) {
        self.change(|state| state.line = Line::Frozen);
    }

    /// It works off what it was sent meanwhile; readers come back to a log that may be another.
    pub fn thaw(&self) {
        self.change(State::come_back);
    }

    /// The server is away, and nothing reaches it.
    pub fn cut(&self) {
        self.change(|state| state.line = Line::Away);
    }

    /// It is there again.
    pub fn mend(&self) {
        self.change(State::come_back);
    }

    /// Stores everything that is still on its way, as far as it can be.
    pub fn settle(&self) {
        self.change(State::settle);
    }

    /// Loses the last records of a stream, though they were acknowledged: a power cut without an fsync.
    pub fn lose_last(&self, stream: StreamName, count: u64) {
        self.change(|state| state.lose_last(stream, count));
    }

    /// Loses the records before a sequence.
    pub fn lose_before(&self, stream: StreamName, seq: u64) {
        self.change(|state| state.lose_before(stream, seq));
    }

    /// Lets a stream hold no more than so many bytes.
    pub fn hold_at_most(&self, stream: StreamName, bytes: usize) {
        self.change(|state| state.hold_at_most(stream, bytes));
    }

    /// Begins another epoch on each stream, as after a restore.
    pub fn begin_epoch(&self) {
        self.change(State::begin_epoch);
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.0.state());
        self.0.changed.send_modify(|version| *version += 1);
        changed
    }

    /// Hands a unit in and waits for its answer. What is handed in is stored also when the caller goes away.
    async fn appended(&self, events: Vec<NewEvent>) -> Result<Appended, AppendError> {
        let unit = Outgoing::of(events)?;
        let line = self.0.state().line;
        match line {
            Line::Up => {
                let (answer, turns) = self.change(|state| state.append(unit));
                others_first(turns).await;
                answer
            }
            Line::Away => {
                sleep(CONNECTED_WITHIN).await;
                Err(AppendError::NotStored("the log is not connected".into()))
            }
            Line::Frozen => {
                let (ticket, answer) = self.0.state().wait_for_thaw(unit);
                match timeout(APPEND_WITHIN, answer).await {
                    Ok(answered) => answered.unwrap_or(Err(AppendError::Unknown(APPEND_WITHIN))),
                    Err(_) => Err(self.0.state().give_up(ticket)),
                }
            }
        }
    }

    async fn answered<T>(
        &self,
        kind: &'static str,
        read: impl FnOnce(&mut State) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let doing = "reading from the log";
        let mut changed = self.0.changed.subscribe();
        let up = changed.wait_for(|_| self.0.state().is_up());
        if timeout(READ_WITHIN, up).await.is_err() {
            return Err(LogError::Unavailable { doing, why: format!("no answer within {READ_WITHIN:?}") });
        }
        let (answer, turns) = {
            let mut state = self.0.state();
            (read(&mut state), state.turns(kind))
        };
        others_first(turns).await;
        answer
    }
}

/// A late answer: whoever else can go on goes on.
async fn others_first(turns: u32) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog for FakeLog {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.appended(unit).boxed()
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let kind = kind_of_read(&subject);
        self.answered(kind, move |state| state.last_on(kind, subject, freshness)).boxed()
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        let kind = "read one";
        self.answered(kind, move |state| state.read_one(kind, stream, seq)).boxed()
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        let kind = "read extent";
        self.answered(kind, move |state| state.extent_of(kind, stream)).boxed()
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        follow::follow(Arc::clone(&self.0), stream, start, filters).boxed()
    }
}
