//! Group commit: what waits goes out together, one send in flight, no timer.

use super::{
    answer::Sent,
    api::Api,
    send::{self, Before, Unit},
};
use crate::{AppendError, Appended};
use events::{NewEvent, StreamName};
use futures::{StreamExt, stream};
use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Units that may wait for one stream; a further one is refused.
const WAITING_MAX: usize = 4_096;
/// Fewer units than this go out as pipelined singles, more as one batch: a batch costs four fsyncs, shared by all.
const BATCH_FROM: usize = 8;
/// The server allows 1,000.
const BATCH_MESSAGES_MAX: usize = 200;
/// A batch's bytes, so that writing it does not hold up the connection.
const BATCH_BYTES_MAX: usize = 2 << 20;
/// Until when a unit's outcome has to be known. The request above it has 5 s.
const APPEND_WITHIN: Duration = Duration::from_secs(4);

type Reply = oneshot::Sender<Result<Appended, AppendError>>;

struct Waiting {
    unit: Unit,
    reply: Reply,
}

/// The one writer of a stream in this process.
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
    payload_max: usize,
}

impl Writer {
    /// Owned by its queue: it ends when the last sender is dropped and everything was sent.
    pub(super) fn start(stream: StreamName, api: Api) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let payload_max = api.client.max_payload();
        tokio::spawn(write(stream, api, waiting));
        Self { queue, payload_max }
    }

    pub(super) async fn append(&self, events: Vec<NewEvent>) -> Result<Appended, AppendError> {
        let began = Instant::now();
        let unit = Unit::of(&events, (began + APPEND_WITHIN).into());
        if let Some(large) = unit.messages.iter().map(send::Message::size).find(|size| *size > self.payload_max) {
            return Err(AppendError::NotStored(format!("{large} bytes are more than the server takes")));
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Waiting { unit, reply }).map_err(|_| AppendError::Overloaded)?;
        // A writer that is gone took what it held with it: nobody knows how far it came.
        let answer = answer.await.unwrap_or_else(|_| Err(AppendError::Unknown(began.elapsed())));
        metrics::histogram!("log_append_duration_seconds").record(began.elapsed().as_secs_f64());
        metrics::counter!("log_appends_total", "outcome" => outcome(&answer)).increment(1);
        answer
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

async fn write(stream: StreamName, api: Api, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = VecDeque::new();
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
        let together = take_what_may_share(&mut waiting);
        metrics::histogram!("log_units_together_count", "stream" => stream.as_str()).record(together.len() as f64);
        if together.len() < BATCH_FROM {
            each_alone(&api, together, Before::NeverSent).await;
        } else {
            as_one_batch(&api, together).await;
        }
    }
}

/// Takes from the front what one batch may hold; what may not share with an earlier one waits for the next send,
/// and so does everything behind it on the same subjects.
fn take_what_may_share(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut sharing = Sharing::default();
    let (mut together, mut later) = (Vec::new(), VecDeque::new());
    for next in waiting.drain(..) {
        if sharing.admits(&next.unit) { together.push(next) } else { later.push_back(next) }
    }
    *waiting = later;
    together
}

/// What one batch holds so far.
#[derive(Default)]
struct Sharing {
    messages: usize,
    bytes: usize,
    /// Subjects that a message of the batch writes: no later condition may look at them.
    written: HashSet<String>,
    /// Subjects of what was left behind: who comes later on one of them stays behind it.
    left: HashSet<String>,
    ids: HashSet<String>,
}

impl Sharing {
    fn admits(&mut self, unit: &Unit) -> bool {
        let bytes: usize = unit.messages.iter().map(send::Message::size).sum();
        let first = self.messages == 0;
        let fits = self.messages + unit.messages.len() <= BATCH_MESSAGES_MAX && self.bytes + bytes <= BATCH_BYTES_MAX;
        let subjects = || unit.messages.iter().map(|message| message.subjects().1.to_string());
        let free = unit.messages.iter().all(|message| {
            let (condition, subject) = message.subjects();
            let condition_is_free =
                condition.is_none_or(|condition| !self.written.contains(condition) && !self.left.contains(condition));
            // A rollup has to be the first on its subject.
            let written = || self.written.contains(&subject.to_string());
            let subject_is_free = !(self.left.contains(&subject.to_string()) || subject.rolls_up() && written());
            condition_is_free && subject_is_free && !self.ids.contains(message.id())
        });
        // Whatever its size, the first goes out: alone if need be.
        if !(first || fits && free) {
            self.left.extend(subjects());
            return false;
        }
        self.messages += unit.messages.len();
        self.bytes += bytes;
        self.written.extend(subjects());
        self.ids.extend(unit.messages.iter().map(|message| message.id().to_owned()));
        true
    }
}

/// Each unit by itself, all on their way at once.
async fn each_alone(api: &Api, units: Vec<Waiting>, before: Before) {
    let sends = stream::iter(units).map(|Waiting { unit, reply }| async move {
        // Who hung up does not hear it; what was handed in is appended all the same.
        let _ = reply.send(send::unit(api, &unit, before).await);
    });
    sends.buffer_unordered(BATCH_MESSAGES_MAX).collect::<()>().await;
}

async fn as_one_batch(api: &Api, together: Vec<Waiting>) {
    let (units, replies): (Vec<Unit>, Vec<Reply>) = together.into_iter().map(|next| (next.unit, next.reply)).unzip();
    let (sent, before) = send::batch_of_units(api, &units).await;
    let failed = match sent {
        Sent::Stored(last) => {
            let mut after: u64 = 0;
            for (unit, reply) in units.iter().zip(replies).rev() {
                let _ = reply.send(Ok(Appended { last: last - after }));
                after += unit.messages.len() as u64;
            }
            return;
        }
        Sent::Unknown => {
            for reply in replies {
                let _ = reply.send(Err(AppendError::Unknown(APPEND_WITHIN)));
            }
            return;
        }
        Sent::NotStored(why) => {
            for reply in replies {
                let _ = reply.send(Err(AppendError::NotStored(why.clone())));
            }
            return;
        }
        failed => failed,
    };
    // One condition that did not hold refuses all, and names nobody: each on its own shows whose it was.
    tracing::debug!(?failed, units = units.len(), "a batch was refused whole");
    let units = units.into_iter().zip(replies).map(|(unit, reply)| Waiting { unit, reply });
    each_alone(api, units.collect(), before).await;
}
