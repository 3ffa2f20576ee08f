//! The log: append under a condition, read a tip, follow in order.

mod connect;
mod error;
pub mod fake;
mod nats;
mod record;
pub mod streams;

pub use connect::{Login, connect};
pub use error::{AppendError, FollowError, LogError};
pub use nats::{Canary, Holder, JetStream, Latest, Lease, LeaseKey, Leases, Typing, TypingSignals};
pub use record::{Fact, Record};

use events::{EventId, NewEvent, StreamName, Subject, Time};
use futures::{future::BoxFuture, stream::BoxStream};

/// How fresh a read has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// From any replica: on a cluster up to some milliseconds old. At worst an append conflicts.
    Any,
    /// From the leader: what was acknowledged is there. A refusal needs it.
    Leader,
}

/// Where in the log a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Sequence of the unit's last event; the others stand right before it.
    pub last: u64,
}

/// First and last sequence of a stream; `last` is 0 when nothing was ever written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub first: u64,
    pub last: u64,
}

/// Where following begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The first record that the stream still holds.
    Beginning,
    /// The record at the checkpoint, which is delivered again and must carry this id:
    /// else the log is not the one that was read.
    Checkpoint { seq: u64, id: EventId },
    /// The record at `seq`, unchecked: for a stream that forgets, or a reader without a checkpoint's id.
    Sequence(u64),
    /// The first record that was stored at this moment or later, by the server's clock.
    Time(Time),
}

/// Which part of a stream is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub start: Start,
    /// Where it ends; none: it is followed for ever.
    pub last: Option<u64>,
    /// Narrow it to subjects; empty: all.
    pub filters: Vec<String>,
    pub content: Content,
}

/// How much of each record is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Whole,
    /// Bodies stay with the server: what comes has none.
    Headers,
}

/// The log, as the services see it. Two implementations: JetStream, and the fake that fails by seed.
pub trait EventLog: Send + Sync + 'static {
    /// Appends a unit (the events of one command, all on one stream): all or nothing,
    /// each event under the condition in its envelope. Answers once it is fsynced.
    /// Waits in a bounded queue; a caller that goes away does not cancel what has been handed in.
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// The last record on a subject.
    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>>;

    /// The record at a sequence; `None` when the stream does not hold it (any more, or yet).
    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>>;

    /// Where the stream begins and ends now, as its leader knows it.
    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>>;

    /// Follows a stream in order, for ever; `filters` narrow it to subjects (empty: all).
    /// Cuts and server restarts are healed inside; an error is the end, and says that the log is not
    /// the one that was followed.
    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>>;
}
