//! Why is no model made anew of this log? It holds an event that cannot be applied, and nobody has dropped it.

use crate::batch::Stop;

/// The event, and what an operator can do.
#[derive(Debug, thiserror::Error)]
#[error(
    "{stop}. What is made anew holds all of the log but what was dropped: `chatroom parked list` shows what waits, \
     `chatroom parked retry` applies it with a release that can, and `chatroom parked drop` passes over it for good"
)]
pub struct Incomplete {
    stop: Stop,
}

impl Incomplete {
    pub(crate) fn at(stop: Stop) -> Self {
        Self { stop }
    }
}
