//! What was promised with a 2xx, and does it stand in the log where the answer said?

use anyhow::{Context, Result};
use events::Position;
use std::collections::HashMap;

use super::{reader::Entry, tally::Tally};
use crate::client::Answer;

/// Acknowledged events by the sequence that their answers named. A record that is found is forgotten.
#[derive(Default)]
pub(super) struct Promises {
    open: HashMap<u64, Promise>,
    /// Two that were acknowledged at one place: one of both is not there.
    clashes: Vec<String>,
}

struct Promise {
    kind: &'static str,
    /// The whole id, where the answer names it.
    id: Option<String>,
    what: String,
}

impl Promises {
    /// Notes what an answer promised: an event of this kind at its position.
    ///
    /// # Errors
    /// An answer that names no position.
    pub(super) fn note(&mut self, answer: &Answer, kind: &'static str, what: impl Into<String>) -> Result<()> {
        let body = answer.value();
        let position: Position = body["position"].as_str().context("an answer without a position")?.parse()?;
        let id = (kind == "message.posted").then(|| body["message"]["id"].as_str().unwrap_or_default().to_owned());
        if let Some(other) = self.open.insert(position.seq, Promise { kind, id, what: what.into() }) {
            self.clashes.push(format!("{} was acknowledged at {}, and so was another", other.what, position.seq));
        }
        Ok(())
    }

    /// Compares a record with what was promised of its place.
    pub(super) fn see(&mut self, entry: &Entry, tally: &mut Tally) {
        let Some(promise) = self.open.remove(&entry.seq) else { return };
        let kept = promise.kind == entry.kind && promise.id.as_ref().is_none_or(|id| *id == entry.id);
        tally
            .holds(kept, || format!("{} was acknowledged at {}, where {} stands", promise.what, entry.seq, entry.kind));
    }

    /// What was promised and not found.
    pub(super) fn end(self, tally: &mut Tally) {
        self.clashes.into_iter().for_each(|clash| tally.violated(clash));
        for (seq, promise) in self.open {
            tally.violated(format!("{} was acknowledged at {seq}, and nothing stands there", promise.what));
        }
    }
}
