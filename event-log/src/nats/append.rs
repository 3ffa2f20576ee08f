//! Group commit: what waits goes out together, one send in flight, no timer.

use super::{
    answer::Sent,
    api::Api,
    replicas::{LiesOn, Replicas},
    send::{self, Before},
    sharing::{BATCH_MESSAGES_MAX, take_what_may_fly, take_what_may_share},
    stored::LastStored,
    unit::{Message, Unit},
};
use crate::{AppendError, Appended};
use events::{NewEvent, StreamName};
use futures::{FutureExt, StreamExt, stream};
use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, mpsc::error::TrySendError, oneshot},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// Units that may wait for one stream; a further one is refused.
const WAITING_MAX: usize = 4_096;
/// A unit with less time left than this is not sent any more: its answer would be a doubt.
const SEND_NEEDS: Duration = Duration::from_millis(500);
/// The writer answers at the deadline itself, and knows more than who waits for it: it has this long to say so.
const WRITER_LATE_BY_MAX: Duration = Duration::from_millis(100);

/// A unit in the queue, and who waits for it.
pub(super) struct Waiting {
    pub(super) unit: Unit,
    reply: oneshot::Sender<Result<Appended, AppendError>>,
    turn: Turn,
}

/// Whose is a unit in the queue? Whoever takes it first: the writer to send it, or its owner to give up unsent.
#[derive(Clone, Default)]
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The one writer of a stream in this process.
pub(super) struct Writer {
    stream: StreamName,
    queue: mpsc::Sender<Waiting>,
    payload_max: usize,
    task: JoinHandle<()>,
}

impl Writer {
    /// Owned by its queue: it ends when the last sender is dropped and everything was sent.
    pub(super) fn start(stream: StreamName, api: Api, stored: LastStored) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let payload_max = api.client.max_payload();
        let task = tokio::spawn(async move {
            if AssertUnwindSafe(write(stream, api, waiting, stored)).catch_unwind().await.is_err() {
                tracing::error!(%stream, "the log's writer ended: nothing more is appended to the stream");
            }
        });
        Self { stream, queue, payload_max, task }
    }

    /// Whether it ended though it is still wanted: by a panic, or with its runtime.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished() || self.queue.is_closed()
    }

    pub(super) async fn append(&self, events: Vec<NewEvent>) -> Result<Appended, AppendError> {
        let began = Instant::now();
        let answer = self.answer(&events, began).await;
        metrics::histogram!("log_append_duration_seconds").record(began.elapsed().as_secs_f64());
        metrics::counter!("log_appends_total", "outcome" => outcome(&answer)).increment(1);
        answer
    }

    async fn answer(&self, events: &[NewEvent], began: Instant) -> Result<Appended, AppendError> {
        let unit = Unit::of(events, began)?;
        if let Some(large) = unit.messages.iter().map(Message::size).find(|size| *size > self.payload_max) {
            return Err(AppendError::NotStored(format!("{large} bytes are more than the server takes")));
        }
        let deadline = unit.deadline();
        let (reply, answer) = oneshot::channel();
        let turn = Turn::default();
        match self.queue.try_send(Waiting { unit, reply, turn: turn.clone() }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(AppendError::Overloaded),
            Err(TrySendError::Closed(_)) => {
                tracing::error!(stream = %self.stream, "an append, and its writer has ended");
                return Err(AppendError::NotStored("the stream's writer has ended".into()));
            }
        }
        tokio::pin!(answer);
        let answered = match timeout_at(deadline, &mut answer).await {
            Ok(answered) => answered,
            Err(_) if turn.take() => return Err(AppendError::NotStored("it waited too long for its turn".into())),
            Err(_) => match timeout_at(deadline + WRITER_LATE_BY_MAX, answer).await {
                Ok(answered) => answered,
                Err(_) => return Err(AppendError::Unknown(began.elapsed())),
            },
        };
        // A writer that is gone took what it held with it: nobody knows how far it came, unless it was not its turn.
        answered.unwrap_or_else(|_| {
            if turn.take() {
                Err(AppendError::NotStored("the stream's writer has ended".into()))
            } else {
                Err(AppendError::Unknown(began.elapsed()))
            }
        })
    }
}

fn outcome(answer: &Result<Appended, AppendError>) -> &'static str {
    match answer {
        Ok(_) => "stored",
        Err(AppendError::Conflict) => "conflict",
        Err(AppendError::AlreadyStored { .. }) => "already-stored",
        Err(AppendError::NotStored(_)) => "not-stored",
        Err(AppendError::Overloaded) => "overloaded",
        Err(AppendError::Full) => "full",
        Err(AppendError::Unknown(_)) => "unknown",
    }
}

async fn write(stream: StreamName, api: Api, mut queue: mpsc::Receiver<Waiting>, stored: LastStored) {
    let mut waiting = VecDeque::new();
    let mut replicas = Replicas::unknown();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
        }
        while waiting.len() < BATCH_MESSAGES_MAX {
            match queue.try_recv() {
                Ok(next) => waiting.push_back(next),
                Err(_) => break,
            }
        }
        let together = in_time(take_what_may_share(&mut waiting), &stored);
        metrics::histogram!("log_units_together_count", "stream" => stream.as_str()).record(together.len() as f64);
        let lies_on = replicas.stream_lies_on;
        let sent = async {
            if together.len() < lies_on.batch_from() {
                each_alone(&api, &stored, together, lies_on, Before::NeverSent).await;
            } else {
                as_one_batch(&api, &stored, together, lies_on).await;
            }
        };
        tokio::join!(sent, replicas.learn(&api, stream));
    }
}

/// Takes the units to send. Who gave up at his deadline was told that nothing is stored, and so it has to be.
fn in_time(units: Vec<Waiting>, stored: &LastStored) -> Vec<Waiting> {
    let taken = units.into_iter().filter(|next| next.turn.take());
    let soon = Instant::now() + SEND_NEEDS;
    let (late, in_time): (Vec<_>, Vec<_>) = taken.partition(|next| next.unit.deadline() <= soon);
    for waiting in late {
        let too_late = waiting.unit.too_late(Before::NeverSent);
        waiting.answer(stored, Err(too_late));
    }
    in_time
}

impl Waiting {
    fn answer(self, stored: &LastStored, answer: Result<Appended, AppendError>) {
        if answer.is_ok() {
            stored.now();
        }
        // Who hung up does not hear it; what was handed in is appended all the same.
        let _ = self.reply.send(answer);
    }
}

/// Each unit by itself. On one server all are on their way at once, on several as many as do not get in each other's way.
async fn each_alone(api: &Api, stored: &LastStored, units: Vec<Waiting>, lies_on: LiesOn, before: Before) {
    let mut left = VecDeque::from(units);
    while !left.is_empty() {
        let wave = match lies_on {
            LiesOn::OneServer => left.drain(..).collect(),
            LiesOn::Several => take_what_may_fly(&mut left),
        };
        let sends = stream::iter(wave).map(|waiting| async move {
            let answer = send::unit(api, &waiting.unit, before).await;
            waiting.answer(stored, answer);
        });
        sends.buffer_unordered(BATCH_MESSAGES_MAX).collect::<()>().await;
    }
}

async fn as_one_batch(api: &Api, stored: &LastStored, together: Vec<Waiting>, lies_on: LiesOn) {
    let units: Vec<Unit> = together.iter().map(|waiting| waiting.unit.clone()).collect();
    let (sent, before) = send::batch_of_units(api, &units).await;
    match sent {
        Sent::Stored(last) => {
            let mut after: u64 = 0;
            for waiting in together.into_iter().rev() {
                let messages = waiting.unit.messages.len() as u64;
                waiting.answer(stored, Ok(Appended { last: last - after }));
                after += messages;
            }
        }
        Sent::Unknown => {
            for waiting in together {
                let unknown = waiting.unit.unknown();
                waiting.answer(stored, Err(unknown));
            }
        }
        Sent::NotStored(why) => {
            for waiting in together {
                waiting.answer(stored, Err(AppendError::NotStored(why.clone())));
            }
        }
        // One condition that did not hold refuses all, and names nobody: each on its own shows whose it was.
        failed @ (Sent::Conflict | Sent::HoldsDuplicate | Sent::Duplicate(_)) => {
            tracing::debug!(?failed, units = units.len(), "a batch was refused whole");
            each_alone(api, stored, together, lies_on, before).await;
        }
        failed @ (Sent::Busy(_) | Sent::Full | Sent::Refused(_)) => {
            tracing::debug!(?failed, units = units.len(), "a batch was not taken");
            each_alone(api, stored, together, lies_on, before).await;
        }
    }
}
