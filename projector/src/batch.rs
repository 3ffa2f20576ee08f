//! What do these records say, up to the first that must not be applied, and where does the checkpoint stand after them?

use crate::checkpoint::Checkpoint;
use chrono::SubsecRound;
use event_log::{Fact, Record};
use events::{Event, RoomId, envelope, system::EpochEvent};
use std::collections::BTreeSet;

/// Facts that are applied together, and the checkpoint that they lead to.
pub(crate) struct Batch {
    pub(crate) facts: Vec<Fact>,
    pub(crate) next: Checkpoint,
}

/// Why nothing goes on at a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// A newer release wrote it, or it is broken: passing over it would lose a fact.
    #[error("the event {event_type} at {seq} cannot be applied: {why}")]
    NotApplicable { event_type: String, seq: u64, why: String },
    /// The log was restored: what these tables hold may be of another history.
    #[error("another epoch began at {seq}")]
    AnotherEpoch { seq: u64 },
}

impl Stop {
    pub(crate) fn not_applicable(record: &Record, why: impl ToString) -> Self {
        let event_type = record.header(envelope::TYPE_HEADER).unwrap_or("without a type").to_owned();
        Self::NotApplicable { event_type, seq: record.seq, why: why.to_string() }
    }
}

impl Batch {
    /// Reads records that follow the checkpoint. `epoch_begins`: where the checkpoint's epoch began; a model that is
    /// filled from the beginning passes the epochs before it.
    pub(crate) fn read(records: &[Record], checkpoint: &Checkpoint, epoch_begins: u64) -> (Self, Option<Stop>) {
        let mut batch = Self { facts: Vec::with_capacity(records.len()), next: *checkpoint };
        for record in records {
            if let Err(stop) = batch.take(record, epoch_begins) {
                return (batch, Some(stop));
            }
        }
        (batch, None)
    }

    fn take(&mut self, record: &Record, epoch_begins: u64) -> Result<(), Stop> {
        if names_nul(&record.body) {
            return Err(Stop::not_applicable(record, "U+0000 in a text: Postgres keeps none"));
        }
        let fact = record.fact().map_err(|why| Stop::not_applicable(record, why))?;
        if let Event::Epoch(EpochEvent::Started(started)) = &fact.event
            && started.epoch != self.next.epoch
            && fact.seq > epoch_begins
        {
            return Err(Stop::AnotherEpoch { seq: fact.seq });
        }
        self.next = Checkpoint {
            seq: fact.seq,
            // As Postgres keeps it, so that the row that is read back is this one.
            event_time: fact.envelope.time.trunc_subsecs(6),
            proof: self.next.proof.map(|proof| proof.and(record, fact.envelope.id)),
            ..self.next
        };
        self.facts.push(fact);
        Ok(())
    }

    /// The rooms whose heads it raises.
    pub(crate) fn rooms(&self) -> BTreeSet<RoomId> {
        self.facts.iter().filter_map(|fact| fact.subject.counted_room()).collect()
    }
}

/// Whether a text in this JSON holds U+0000. Said of the event alone, lest it hang on the batch whether Postgres sees it.
fn names_nul(body: &[u8]) -> bool {
    // JSON allows it as an escape only, which an escaped backslash before `u0000` is not.
    let Ok(body) = std::str::from_utf8(body) else { return false };
    let escaped = |at: usize| body[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
    body.match_indices("u0000").any(|(at, _)| escaped(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_found_and_its_spelling_is_not() {
        assert!(names_nul(br#"{"text":"a\u0000b"}"#));
        assert!(names_nul(br#"{"text":"a\\\u0000b"}"#));
        assert!(!names_nul(br#"{"text":"a\\u0000b"}"#));
        assert!(!names_nul(br#"{"text":"u0000"}"#));
    }
}
