//! What the log answers when it does not do what was asked.

use events::StreamName;
use std::time::Duration;

/// Why an append gave no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A condition did not hold. Nothing is stored: read the tip and decide again.
    #[error("the condition did not hold")]
    Conflict,
    /// The event's id is in the log already: its command was applied before.
    #[error("stored before, at {seq}")]
    AlreadyStored { seq: u64 },
    /// Nothing is stored, and the same may be sent again.
    #[error("not stored: {0}")]
    NotStored(String),
    /// The queue is full. Nothing is stored.
    #[error("too much waits for the log")]
    Overloaded,
    /// The log has no room left.
    #[error("the log is full")]
    Full,
    /// Nobody knows. Sending the same again resolves it.
    #[error("unknown after {0:?}")]
    Unknown(Duration),
}

/// Why a read gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The server or the stream cannot be reached now.
    #[error("{doing}: {why}")]
    Unavailable { doing: &'static str, why: String },
    /// The server answered, and not with what it should.
    #[error("{doing}: unexpected answer: {why}")]
    Unexpected { doing: &'static str, why: String },
}

/// Why following ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FollowError {
    /// The log is not the one that was read: restored, truncated, swapped. Exit code 78.
    #[error("log diverged on {stream} at {seq}: {why}")]
    Diverged { stream: StreamName, seq: u64, why: String },
}
