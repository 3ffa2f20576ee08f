//! What did an audit find? Counts for each stream, and the events that should not be there, by name.

use events::StreamName;
use serde::Serialize;
use std::fmt;

/// Events that are named; further ones are counted only, so that a log in ruins does not fill the memory.
const NAMED_MAX: usize = 100;

/// The result for all streams that were read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub streams: Vec<StreamReport>,
}

/// The result for one stream. Each of its events is counted once behind `events`.
#[derive(Debug, Clone, Serialize)]
pub struct StreamReport {
    pub stream: &'static str,
    /// Records read.
    pub events: u64,
    /// Carried a condition, and it held.
    pub held: u64,
    /// Carried none, because an earlier event of the same batch on the same subject did.
    pub sheltered: u64,
    /// Carried one that did not hold, or not the one it has to carry.
    pub violated: u64,
    /// Should carry one and carried none that can be read.
    pub without: u64,
    /// Carried one on a record that the stream has forgotten since: nobody can know any more.
    pub not_checkable: u64,
    /// What is violated or without, the first of them by name.
    pub condemned: Vec<Condemned>,
}

/// An event whose condition did not hold, or that had none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condemned {
    pub seq: u64,
    pub subject: String,
    /// The condition it carries.
    pub expected: Option<String>,
    /// What was there instead.
    pub found: String,
}

impl Report {
    /// Events that are violated or without a condition.
    #[must_use]
    pub fn condemned(&self) -> u64 {
        self.streams.iter().map(|stream| stream.violated + stream.without).sum()
    }

    /// Conditions that were compared with the log.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.streams.iter().map(|stream| stream.held + stream.violated).sum()
    }
}

impl StreamReport {
    pub(super) fn of(stream: StreamName) -> Self {
        let (events, held, sheltered, violated, without, not_checkable) = (0, 0, 0, 0, 0, 0);
        let stream = stream.as_str();
        Self { stream, events, held, sheltered, violated, without, not_checkable, condemned: Vec::new() }
    }

    pub(super) fn name(&mut self, condemned: Condemned) {
        if self.condemned.len() < NAMED_MAX {
            self.condemned.push(condemned);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.streams.iter().try_for_each(|stream| stream.fmt(f))
    }
}

impl fmt::Display for StreamReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, events, held, sheltered, violated, without, not_checkable, condemned } = self;
        let checked = held + violated;
        write!(f, "{stream}: {events} events, {checked} conditions checked: {held} held, {violated} violated; ")?;
        write!(f, "{sheltered} under that of their batch, {without} without one, {not_checkable} not checkable")?;
        writeln!(f)?;
        for Condemned { seq, subject, expected, found } in condemned {
            let expected = expected.as_deref().unwrap_or("no condition");
            writeln!(f, "  {stream} at {seq} on {subject}: {expected}, found {found}")?;
        }
        let unnamed = (violated + without).saturating_sub(condemned.len() as u64);
        if unnamed > 0 { writeln!(f, "  and {unnamed} more") } else { Ok(()) }
    }
}
