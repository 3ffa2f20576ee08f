//! Is the same command being carried out right now? Then its repeat waits for its end, not for its answer.

use crate::stamp::Stamp;
use events::EventId;
use platform::{Code, Problem};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keyed commands in flight, by their first event's id. As many as there are permits for commands.
#[derive(Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<EventId>>>);

/// Held while a command is carried out; also given back when its client goes away.
pub(super) struct Flight {
    all: Arc<Mutex<HashSet<EventId>>>,
    id: Option<EventId>,
}

impl InFlight {
    /// Enters a command; one without a key always may.
    pub(super) fn enter(&self, stamp: &Stamp) -> Result<Flight, Problem> {
        let id = stamp.key().map(|_| stamp.event_id(0));
        let entered = id.is_none_or(|id| self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id));
        if !entered {
            let detail = "A command with this idempotency key is being carried out.";
            return Err(Problem::new(Code::IdempotencyInFlight, detail).after(Duration::from_secs(1)));
        }
        Ok(Flight { all: Arc::clone(&self.0), id })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
}
