//! A log that stops before an append or a read, so that a race can be played step by step, or cannot be read where it is asked to.

use event_log::{AppendError, Appended, EventLog, Extent, FollowError, Freshness, JetStream, LogError, Record, Start};
use events::{NewEvent, StreamName, Subject};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What has not come by then was refused before, and the test has failed.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// The real log, before which one append and one read may be stopped.
pub(crate) struct Halting {
    log: JetStream,
    next: Mutex<Option<Stop>>,
    reading: Mutex<Option<Stop>>,
    /// Whether records can be read by their sequence. Tips always can.
    is_unreadable: AtomicBool,
}

struct Stop {
    at: Box<dyn Fn(&Subject) -> bool + Send>,
    reached: oneshot::Sender<()>,
    goes_on: oneshot::Receiver<()>,
}

/// An append or a read that is to be stopped.
pub(crate) struct Halt {
    reached: oneshot::Receiver<()>,
    goes_on: oneshot::Sender<()>,
}

impl Halting {
    pub(crate) fn new(log: JetStream) -> Self {
        Self { log, next: Mutex::default(), reading: Mutex::default(), is_unreadable: AtomicBool::new(false) }
    }

    /// From now on no record is read by its sequence, as if the log went away in between.
    pub(crate) fn becomes_unreadable(&self) {
        self.is_unreadable.store(true, Ordering::SeqCst);
    }

    /// Stops the next append that writes to this subject: what it is decided on has been read by then.
    pub(crate) fn stops_before(&self, before: Subject) -> Halt {
        let (stop, halt) = Stop::at(move |subject| *subject == before);
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        halt
    }

    /// Stops the next read of the last record on such a subject: what was read before it is old when it goes on.
    pub(crate) fn stops_at_reading(&self, at: impl Fn(&Subject) -> bool + Send + 'static) -> Halt {
        let (stop, halt) = Stop::at(at);
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        halt
    }
}

impl Stop {
    fn at(at: impl Fn(&Subject) -> bool + Send + 'static) -> (Self, Halt) {
        let ((reached, is_reached), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
        (Self { at: Box::new(at), reached, goes_on }, Halt { reached: is_reached, goes_on: go_on })
    }

    async fn holds(self) {
        self.reached.send(()).expect("the test waits");
        self.goes_on.await.expect("the test lets it go on");
    }
}

impl Halt {
    /// Waits until it is there: an append is decided now and not written.
    pub(crate) async fn reached(&mut self) {
        let reached = timeout(REACHED_WITHIN, &mut self.reached).await;
        reached.expect("it comes").expect("the instance lives as long as the test");
    }

    pub(crate) fn goes_on(self) {
        self.goes_on.send(()).expect("it waits");
    }
}

impl EventLog for Halting {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let stop = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                next.take_if(|stop| unit.iter().any(|event| (stop.at)(&event.subject)))
            };
            if let Some(stop) = stop {
                stop.holds().await;
            }
            self.log.append(unit).await
        })
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        Box::pin(async move {
            let stop = {
                let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                reading.take_if(|stop| (stop.at)(&subject))
            };
            if let Some(stop) = stop {
                stop.holds().await;
            }
            self.log.last(subject, freshness).await
        })
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        if self.is_unreadable.load(Ordering::SeqCst) {
            let away = LogError::Unavailable { doing: "reading a record", why: "it went away".into() };
            return Box::pin(async { Err(away) });
        }
        self.log.read(stream, seq)
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        self.log.extent(stream)
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        self.log.follow(stream, start, filters)
    }
}
