//! What has to be known of a message before it is changed? Its room, author and time: from memory, else from the read model.

mod recent;
mod together;
mod traces;

use crate::domain::message::Original;
use crate::http::error::log_unavailable;
use event_log::{EventLog, Fact};
use events::message::MessageStatus;
use events::{Epoch, EventId, MessageId, RoomId, StreamName, Time, UserId};
use platform::pool::timed;
use platform::{Code, Problem};
pub(crate) use recent::Place;
use recent::{Became, Recent};
use sqlx::PgPool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use together::Together;
use tokio::time::{Instant, MissedTickBehavior};
pub(crate) use traces::TRACES_MAX;
use uuid::Uuid;

/// How long a look-up waits for the read model to reach the log's end.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// How often it asks meanwhile: the read model is a moment behind, or long.
const ASK_EVERY: Duration = Duration::from_millis(25);

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
    recent: Mutex<Recent>,
    messages: Together<Arc<Read>>,
}

impl Lookup {
    pub(crate) fn new(log: Arc<dyn EventLog>, pool: PgPool, epoch: Epoch) -> Self {
        Self { log, pool, epoch, recent: Mutex::new(Recent::new()), messages: Together::new() }
    }

    /// Remembers what this instance has appended.
    pub(crate) fn remember(&self, fact: &Fact) {
        self.recent().remember(fact);
    }

    /// Where an event of this id stands, if this instance appended it a moment ago.
    pub(crate) fn recall(&self, id: EventId) -> Option<Place> {
        self.recent().place(id)
    }

    /// The message of this room, or 404; removed or 404 once the read model has everything that was in the log on
    /// arrival.
    ///
    /// # Errors
    /// 404; 503 `read-model-behind`, `overloaded` or `log-unavailable` where that cannot be said.
    pub(crate) async fn message(&self, room: RoomId, message: MessageId) -> Result<Known, Problem> {
        let (posted, became) = {
            let mut recent = self.recent();
            (recent.posted(message), recent.became(message))
        };
        let known = match (posted, became.map(|became| became.status)) {
            (Some(posted), Some(MessageStatus::Visible | MessageStatus::Hidden | MessageStatus::Deleted) | None) => {
                Some(or_later(posted, became))
            }
            // Another instance may have restored it since, and nothing else would ever tell.
            (Some(_), Some(MessageStatus::Removed)) | (None, _) => self.read_in_time(message, posted, became).await?,
        };
        known.filter(|known| known.original.room == room).ok_or_else(Problem::not_found)
    }

    /// Where the message was posted, if the read model has it by now: for the repeat of a command.
    pub(crate) async fn posting(&self, message: MessageId) -> Result<Option<u64>, Problem> {
        Ok(self.ask(message).await?.found.get(&message).map(|found| found.posting))
    }

    /// The last entry of the room that can be read by now.
    pub(crate) async fn head(&self, room: RoomId) -> Result<u64, Problem> {
        let head = timed("room_head", async {
            sqlx::query_scalar::<_, i64>("select seq from rm.room_head where room_id = $1")
                .bind(room.0)
                .fetch_optional(&self.pool)
                .await
        });
        Ok(head.await?.map_or(0, unsigned))
    }

    /// What is read, or known here where it is later. That it is not there or removed may have passed, so that much is
    /// said only of the log's end.
    async fn read_in_time(
        &self,
        message: MessageId,
        posted: Option<Known>,
        became: Option<Became>,
    ) -> Result<Option<Known>, Problem> {
        let deadline = Instant::now() + WAIT_MAX;
        let ask = async || -> Result<_, Problem> {
            let Answer { read, known } = self.read(message).await?;
            Ok((read, known.or(posted).map(|known| or_later(known, became))))
        };
        let (mut read, mut known) = ask().await?;
        if !may_pass(known) {
            return Ok(known);
        }
        let end = self.log.extent(StreamName::Chat).await.map_err(log_unavailable)?.last;
        let made_here_last = became.is_some_and(|became| became.seq >= end);
        let mut again = tokio::time::interval(ASK_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if !may_pass(known) || read.reached(self.epoch, end) || known.is_some() && made_here_last {
                return Ok(known);
            }
            if Instant::now() >= deadline {
                let detail =
                    "The read model has not reached the log's end, so whether there is such a message is unknown.";
                return Err(Problem::new(Code::ReadModelBehind, detail).after(Duration::from_secs(1)));
            }
            again.tick().await;
            (read, known) = ask().await?;
        }
    }

    async fn read(&self, message: MessageId) -> Result<Answer, Problem> {
        let read = self.ask(message).await?;
        let original = read.found.get(&message).map(|found| found.original(message)).transpose()?;
        let known = original.map(|original| Known { original, seq: read.seq });
        Ok(Answer { read, known })
    }

    /// What the read model has of this message, and of all others that are asked for at the same time.
    async fn ask(&self, message: MessageId) -> Result<Arc<Read>, Problem> {
        self.messages.ask(message.0, |ids| async move { Ok(Arc::new(Read::of(&self.pool, ids).await?)) }).await
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// As it is, or as this instance made it later; what is deleted stays deleted.
    fn or_later(self, became: Became) -> Self {
        let later = became.seq > self.seq || became.status == MessageStatus::Deleted;
        if !later || self.original.status == MessageStatus::Deleted {
            return self;
        }
        Self { original: Original { status: became.status, ..self.original }, seq: self.seq.max(became.seq) }
    }
}

fn or_later(known: Known, became: Option<Became>) -> Known {
    became.map_or(known, |became| known.or_later(became))
}

/// Whether what is known of a message can be otherwise by now, in favour of who wants to write on it.
fn may_pass(known: Option<Known>) -> bool {
    match known.map(|known| known.original.status) {
        None | Some(MessageStatus::Removed) => true,
        Some(MessageStatus::Visible | MessageStatus::Hidden | MessageStatus::Deleted) => false,
    }
}

/// One message in what the read model answered.
struct Answer {
    read: Arc<Read>,
    known: Option<Known>,
}

/// What the read model has of some messages, at its checkpoint.
struct Read {
    epoch: Option<i64>,
    seq: u64,
    found: HashMap<MessageId, Found>,
}

struct Found {
    room: RoomId,
    author: UserId,
    created_at: Time,
    status: String,
    posting: u64,
}

impl Read {
    /// Messages and checkpoint by one statement: two would mix two moments.
    async fn of(pool: &PgPool, ids: Vec<Uuid>) -> Result<Self, sqlx::Error> {
        type Row = (
            Option<i64>,
            Option<i64>,
            Option<Uuid>,
            Option<Uuid>,
            Option<Uuid>,
            Option<Time>,
            Option<String>,
            Option<i64>,
        );
        let rows = timed("messages_known", async {
            sqlx::query_as::<_, Row>(
                "select checkpoint.epoch, checkpoint.seq, message.id, message.room_id, message.author_id, \
                        message.created_at, message.status, message.position \
                 from (values (1)) as one (row) \
                 left join rm.checkpoint as checkpoint on checkpoint.projection = 'chat' and checkpoint.part = 0 \
                 left join rm.messages as message on message.id = any($1)",
            )
            .bind(ids)
            .fetch_all(pool)
            .await
        });
        let mut read = Self { epoch: None, seq: 0, found: HashMap::new() };
        for (epoch, seq, id, room, author, created_at, status, posting) in rows.await? {
            (read.epoch, read.seq) = (epoch, seq.map_or(0, unsigned));
            if let (Some(id), Some(room), Some(author)) = (id, room, author)
                && let (Some(created_at), Some(status), Some(posting)) = (created_at, status, posting)
            {
                let (room, author, posting) = (RoomId(room), UserId(author), unsigned(posting));
                read.found.insert(MessageId(id), Found { room, author, created_at, status, posting });
            }
        }
        Ok(read)
    }

    fn reached(&self, epoch: Epoch, end: u64) -> bool {
        self.epoch == Some(i64::from(epoch.0)) && self.seq >= end
    }
}

impl Found {
    fn original(&self, message: MessageId) -> Result<Original, Problem> {
        let all = [MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed, MessageStatus::Deleted];
        let status = all.into_iter().find(|known| known.as_str() == self.status).ok_or_else(|| {
            tracing::error!(status = self.status, "the read model has a message of unknown status");
            Problem::internal()
        })?;
        Ok(Original { room: self.room, message, author: self.author, created_at: self.created_at, status })
    }
}

fn unsigned(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(status: MessageStatus, seq: u64) -> Known {
        let (room, message) = (RoomId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2)));
        let original = Original { room, message, author: UserId(Uuid::nil()), created_at: Time::UNIX_EPOCH, status };
        Known { original, seq }
    }

    fn then(read: Known, status: MessageStatus, seq: u64) -> (MessageStatus, u64) {
        let known = read.or_later(Became { status, seq });
        (known.original.status, known.seq)
    }

    #[test]
    fn the_later_of_what_is_read_and_what_was_done_here_counts_and_deleted_is_final() {
        use MessageStatus::{Deleted, Removed, Visible};
        assert_eq!(then(known(Visible, 10), Removed, 12), (Removed, 12));
        assert_eq!(then(known(Visible, 10), Removed, 8), (Visible, 10), "restored through another instance");
        assert_eq!(then(known(Deleted, 10), Removed, 12), (Deleted, 10));
        assert_eq!(then(known(Visible, 10), Deleted, 8), (Deleted, 10));
    }
}
