//! What do these records say, up to the first that must not be applied, and where does the checkpoint stand after them?

use crate::{
    checkpoint::{Checkpoint, time_of},
    kept,
    parked::Key,
};
use event_log::{Fact, Record};
use events::{
    DecodeError, Event, RoomId, Subject, Time, envelope,
    system::{DropEvent, EpochEvent},
};
use std::collections::BTreeSet;

/// Events that are applied together, and the checkpoint that they lead to.
pub(crate) struct Batch<'r> {
    pub(crate) entries: Vec<Entry<'r>>,
    /// A sequence that is to wait no longer, and to change nothing.
    pub(crate) drops: Option<u64>,
    pub(crate) next: Checkpoint,
}

/// A record and what could be read in it.
pub(crate) struct Entry<'r> {
    pub(crate) record: &'r Record,
    pub(crate) said: Said,
    /// When it happened; 1970 of what does not say so.
    pub(crate) at: Time,
}

/// What a record says.
#[expect(clippy::large_enum_variant, reason = "nearly all of a batch are facts: a box for each would cost more")]
pub(crate) enum Said {
    Fact(Fact),
    /// It was dropped: it is counted and changes nothing.
    Nothing,
    /// It cannot be applied, for this reason; its key waits.
    Broken(String),
}

/// How a stream is read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Where the checkpoint's epoch began; a model that is filled from the beginning passes the epochs before it.
    pub(crate) epoch_begins: u64,
    /// What operators have dropped.
    pub(crate) dropped: BTreeSet<u64>,
    pub(crate) broken: OnBroken,
}

/// What becomes of an event that cannot be applied and of which we know what it hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnBroken {
    /// It waits with its key, and the others go on.
    Park,
    /// Nothing goes on at it, until a release that can apply it is started.
    Halt,
    /// It is an error.
    Fail,
}

/// Why nothing goes on at a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// A newer release wrote it, or it is broken and everything hangs on it: passing over it would lose a fact.
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

impl<'r> Batch<'r> {
    /// Nothing yet.
    pub(crate) fn behind(checkpoint: Checkpoint) -> Self {
        Self { entries: Vec::new(), drops: None, next: checkpoint }
    }

    /// Reads records that follow the checkpoint, up to the first that must not be applied with those before it.
    pub(crate) fn read(records: &'r [Record], checkpoint: &Checkpoint, reading: &Reading) -> (Self, Option<Stop>) {
        let mut batch = Self::behind(*checkpoint);
        for record in records {
            let said = match batch.say(record, reading) {
                Ok(said) => said,
                Err(stop) => return (batch, Some(stop)),
            };
            if let Said::Fact(Fact { event: Event::Drop(DropEvent::Dropped(dropped)), .. }) = &said {
                // It lets go what waits, which has to be written by then: a batch of its own.
                if !batch.entries.is_empty() {
                    return (batch, None);
                }
                batch.drops = Some(dropped.seq);
                batch.take(record, said);
                return (batch, None);
            }
            batch.take(record, said);
        }
        (batch, None)
    }

    /// The one record, which Postgres refuses.
    pub(crate) fn refused(record: &'r Record, checkpoint: &Checkpoint, why: String) -> Self {
        let mut batch = Self::behind(*checkpoint);
        batch.take(record, Said::Broken(why));
        batch
    }

    /// With what follows on it.
    pub(crate) fn append(&mut self, after: Self) {
        self.entries.extend(after.entries);
        self.next = after.next;
    }

    /// Whether it is one that Postgres refused.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.entries.as_slice(), [Entry { said: Said::Broken(_), .. }])
    }

    fn say(&self, record: &Record, reading: &Reading) -> Result<Said, Stop> {
        if reading.dropped.contains(&record.seq) {
            return Ok(Said::Nothing);
        }
        let fact = match fact_of(record) {
            Ok(fact) => fact,
            Err(DecodeError::Malformed { what, why })
                if reading.broken == OnBroken::Park && key_of(record).is_some() =>
            {
                return Ok(Said::Broken(format!("{what}: {why}")));
            }
            Err(why) => return Err(Stop::not_applicable(record, why)),
        };
        if let Event::Epoch(EpochEvent::Started(started)) = &fact.event
            && started.epoch != self.next.epoch
            && fact.seq > reading.epoch_begins
        {
            return Err(Stop::AnotherEpoch { seq: fact.seq });
        }
        Ok(Said::Fact(fact))
    }

    fn take(&mut self, record: &'r Record, said: Said) {
        self.next = self.next.after(record);
        self.entries.push(Entry { record, said, at: time_of(record).unwrap_or(Time::UNIX_EPOCH) });
    }

    /// The rooms whose heads it raises.
    pub(crate) fn rooms(&self) -> BTreeSet<RoomId> {
        self.entries.iter().filter_map(Entry::counted_room).collect()
    }
}

impl Entry<'_> {
    /// The room that counts it: said of the subject alone.
    pub(crate) fn counted_room(&self) -> Option<RoomId> {
        match &self.said {
            Said::Fact(fact) => fact.subject.counted_room(),
            Said::Nothing | Said::Broken(_) => subject_of(self.record)?.counted_room(),
        }
    }

    /// Whose events it has to wait for.
    pub(crate) fn key(&self) -> Option<Key> {
        match &self.said {
            Said::Fact(fact) => Key::of(fact.subject),
            Said::Nothing | Said::Broken(_) => key_of(self.record),
        }
    }
}

/// What a record says. What Postgres cannot keep is broken.
pub(crate) fn fact_of(record: &Record) -> Result<Fact, DecodeError> {
    let fact = record.fact()?;
    match kept::refuses(record, &fact) {
        Some(why) => {
            let what = fact.event.event_type().to_string();
            Err(DecodeError::Malformed { what, why: format!("{why}: Postgres keeps none") })
        }
        None => Ok(fact),
    }
}

fn subject_of(record: &Record) -> Option<Subject> {
    record.subject.parse().ok()
}

fn key_of(record: &Record) -> Option<Key> {
    Key::of(subject_of(record)?)
}
