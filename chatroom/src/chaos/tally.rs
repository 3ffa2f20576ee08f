//! What came of a part: how much was played, how it was answered, and what of it broke a promise.

use serde::Serialize;
use std::fmt;

use crate::client::{Answer, Outcome};

/// Violations that are told in words; further ones are counted.
const NAMED_MAX: usize = 20;

/// Counts of one part.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    pub rounds: u64,
    /// Commands that were sent against each other; what sets the stage is not among them.
    pub commands: u64,
    /// Answered 2xx.
    pub accepted: u64,
    /// Answered 4xx: nothing was done.
    pub refused: u64,
    /// Answered 5xx or not at all: nobody knows.
    pub unknown: u64,
    /// What the first of those said.
    pub first_unknown: Option<String>,
    /// Appends of both instances that the log refused because the condition did not hold.
    pub conflicts: u64,
    pub violations: u64,
    /// The first of them, in words.
    pub named: Vec<String>,
}

impl Tally {
    /// What is to be told beside the counts.
    pub(super) fn remarks(&self) -> impl Iterator<Item = String> {
        let unknown = self.first_unknown.iter().map(|why| format!("the first unknown: {why}"));
        unknown.chain(self.named.iter().cloned())
    }

    /// A promise is broken.
    pub(super) fn violated(&mut self, what: impl Into<String>) {
        self.violations += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(what.into());
        }
    }

    /// Says so unless it holds.
    pub(super) fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(what());
        }
    }

    pub(super) fn answered(&mut self, answer: &Outcome<Answer>) {
        self.commands += 1;
        match answer {
            Outcome::Applied(_) => self.accepted += 1,
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Unknown { why, .. } => {
                self.unknown += 1;
                self.first_unknown.get_or_insert_with(|| why.clone());
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, commands, accepted, refused, unknown, conflicts, violations, .. } = self;
        write!(f, "{rounds} rounds, {commands} commands: {accepted} accepted, {refused} refused, {unknown} unknown, ")?;
        write!(f, "{conflicts} conflicts, {violations} violations")
    }
}
