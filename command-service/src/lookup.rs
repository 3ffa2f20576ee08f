//! What has to be known of a message before it is changed? Its room, author and time: from memory, else from the read model.

use crate::domain::message::Original;
use crate::memory::Generations;
use event_log::{EventLog, Fact};
use events::message::MessageStatus;
use events::{Epoch, Event, EventId, MessageEvent, MessageId, RoomId, StreamName, Time, UserId};
use platform::pool::timed;
use platform::{Code, Problem};
use sqlx::PgPool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

/// Events in one of two generations; some 4 MB when both are full.
const RECENT_MAX: usize = 16_384;
/// How long a look-up waits for the read model to reach the log's end.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// How often it asks meanwhile: the read model is a moment behind, or long.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// Where an event of a keyed command or a message stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: StreamName,
    pub(crate) seq: u64,
    original: Option<Original>,
}

/// A message as it is known here, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) original: Original,
    /// A sequence of `CHAT` at which this was so.
    pub(crate) seq: u64,
}

/// The few questions to the read model, and the memory that spares most of them.
pub(crate) struct Lookup {
    log: Arc<dyn EventLog>,
    pool: PgPool,
    epoch: Epoch,
    recent: Mutex<Generations<EventId, Place>>,
}

impl Lookup {
    pub(crate) fn new(log: Arc<dyn EventLog>, pool: PgPool, epoch: Epoch) -> Self {
        Self { log, pool, epoch, recent: Mutex::new(Generations::new(RECENT_MAX)) }
    }

    /// Remembers what this instance has appended.
    pub(crate) fn remember(&self, fact: &Fact) {
        let mut recent = self.recent();
        let original = match &fact.event {
            Event::Message(MessageEvent::Posted(posted)) => Some(Original {
                room: posted.room,
                message: posted.message,
                author: posted.author,
                created_at: fact.envelope.time,
                status: MessageStatus::Visible,
            }),
            Event::Message(MessageEvent::Deleted(deleted)) => {
                let original = recent.peek(&EventId(deleted.message.0)).and_then(|place| place.original.as_mut());
                if let Some(original) = original {
                    original.status = MessageStatus::Deleted;
                }
                None
            }
            Event::Message(_) | Event::Report(_) | Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) => None,
            Event::Phone(_) | Event::Account(_) | Event::Credential(_) | Event::Session(_) | Event::User(_) => None,
            Event::Lounge(_) | Event::Room(_) | Event::Membership(_) | Event::Presence(_) | Event::Marker(_) => None,
        };
        if original.is_some() || fact.envelope.key.is_some() {
            recent.insert(fact.envelope.id, Place { stream: fact.subject.stream(), seq: fact.seq, original });
        }
    }

    /// Where an event of this id stands, if this instance appended it a moment ago.
    pub(crate) fn recall(&self, id: EventId) -> Option<Place> {
        self.recent().get(&id).copied()
    }

    /// The message of this room, or 404 once the read model has everything that was in the log on arrival.
    ///
    /// # Errors
    /// 404; 503 `read-model-behind`, `overloaded` or `log-unavailable` where that cannot be said.
    pub(crate) async fn message(&self, room: RoomId, message: MessageId) -> Result<Known, Problem> {
        let known = match self.recall(EventId(message.0)) {
            Some(Place { seq, original: Some(original), .. }) => Some(Known { original, seq }),
            Some(Place { original: None, .. }) | None => self.read_in_time(message).await?,
        };
        known.filter(|known| known.original.room == room).ok_or_else(Problem::not_found)
    }

    /// Where the message was posted, if the read model has it by now: for the repeat of a command.
    pub(crate) async fn posting(&self, message: MessageId) -> Result<Option<u64>, Problem> {
        let found = timed("message_posting", async {
            sqlx::query_scalar::<_, i64>("select position from rm.messages where id = $1")
                .bind(message.0)
                .fetch_optional(&self.pool)
                .await
        });
        Ok(found.await?.map(unsigned))
    }

    async fn read_in_time(&self, message: MessageId) -> Result<Option<Known>, Problem> {
        let deadline = Instant::now() + WAIT_MAX;
        let first = self.read(message).await?;
        if first.known.is_some() {
            return Ok(first.known);
        }
        let end = self.log.extent(StreamName::Chat).await.map_err(crate::http::error::log_unavailable)?.last;
        let mut again = tokio::time::interval(ASK_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let read = self.read(message).await?;
            if read.known.is_some() || read.reached(self.epoch, end) {
                return Ok(read.known);
            }
            if Instant::now() >= deadline {
                let detail =
                    "The read model has not reached the log's end, so whether there is such a message is unknown.";
                return Err(Problem::new(Code::ReadModelBehind, detail).after(Duration::from_secs(1)));
            }
            again.tick().await;
        }
    }

    /// Message and checkpoint by one statement: two would mix two moments.
    async fn read(&self, message: MessageId) -> Result<Read, Problem> {
        type Row = (Option<i64>, Option<i64>, Option<Uuid>, Option<Uuid>, Option<Time>, Option<String>);
        let row = timed("message_original", async {
            sqlx::query_as::<_, Row>(
                "select checkpoint.epoch, checkpoint.seq, message.room_id, message.author_id, message.created_at, \
                        message.status \
                 from (values (1)) as one (row) \
                 left join rm.checkpoint as checkpoint on checkpoint.projection = 'chat' and checkpoint.part = 0 \
                 left join rm.messages as message on message.id = $1",
            )
            .bind(message.0)
            .fetch_one(&self.pool)
            .await
        });
        let (epoch, seq, room, author, created_at, status) = row.await?;
        let seq = seq.map_or(0, unsigned);
        let original = match (room, author, created_at, status) {
            (Some(room), Some(author), Some(created_at), Some(status)) => Some(Original {
                room: RoomId(room),
                message,
                author: UserId(author),
                created_at,
                status: named(&status)?,
            }),
            _ => None,
        };
        Ok(Read { epoch, seq, known: original.map(|original| Known { original, seq }) })
    }

    fn recent(&self) -> MutexGuard<'_, Generations<EventId, Place>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Read {
    epoch: Option<i64>,
    seq: u64,
    known: Option<Known>,
}

impl Read {
    fn reached(&self, epoch: Epoch, end: u64) -> bool {
        self.epoch == Some(i64::from(epoch.0)) && self.seq >= end
    }
}

fn unsigned(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or_default()
}

fn named(status: &str) -> Result<MessageStatus, Problem> {
    let all = [MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed, MessageStatus::Deleted];
    all.into_iter().find(|known| known.as_str() == status).ok_or_else(|| {
        tracing::error!(status, "the read model has a message of unknown status");
        Problem::internal()
    })
}
