//! What came of a play that sockets judge: each promise, how often it was put to the test, and how often it was broken.

use anyhow::{Result, bail};
use serde::Serialize;
use std::fmt;

use super::faults::Output;

/// Violations that are told in words; further ones are counted.
const NAMED_MAX: usize = 20;

/// One promise.
#[derive(Debug, Clone, Serialize)]
pub struct Promise {
    pub what: &'static str,
    /// How often it was looked at.
    pub of: u64,
    pub broken: u64,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} broken of {}", self.what, self.broken, self.of)
    }
}

/// All of a play's.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// What decided by chance, where anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What was played, and what was measured beside: no promise.
    pub played: Vec<String>,
    pub promises: Vec<Promise>,
    /// The first violations, in words.
    pub named: Vec<String>,
}

impl Verdict {
    /// A promise was looked at so often, and broken so often.
    pub(super) fn counts(&mut self, what: &'static str, of: u64, broken: u64) {
        match self.promises.iter_mut().find(|promise| promise.what == what) {
            Some(promise) => (promise.of, promise.broken) = (promise.of + of, promise.broken + broken),
            None => self.promises.push(Promise { what, of, broken }),
        }
    }

    /// A promise was looked at once.
    pub(super) fn holds(&mut self, what: &'static str, holds: bool, otherwise: impl FnOnce() -> String) {
        self.counts(what, 1, u64::from(!holds));
        if !holds {
            self.names(format!("{what}: {}", otherwise()));
        }
    }

    pub(super) fn names(&mut self, words: String) {
        if self.named.len() < NAMED_MAX {
            self.named.push(words);
        }
    }

    /// How often this promise was looked at.
    #[must_use]
    pub fn looked_at(&self, what: &str) -> u64 {
        self.promises.iter().filter(|promise| promise.what == what).map(|promise| promise.of).sum()
    }

    /// What broke a promise.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.promises.iter().map(|promise| promise.broken).sum()
    }

    /// Prints a line a promise.
    ///
    /// # Errors
    /// When one is broken.
    pub(super) fn tell(&self, output: Output) -> Result<()> {
        match output {
            Output::Text => print!("{self}"),
            Output::Json => println!("{}", serde_json::to_string(self)?),
        }
        self.named.iter().for_each(|named| eprintln!("  {named}"));
        match (self.violations(), self.seed) {
            (0, _) => Ok(()),
            (violations, Some(seed)) => bail!("{violations} violations; again with --seed {seed}"),
            (violations, None) => bail!("{violations} violations"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.played.iter().try_for_each(|played| writeln!(f, "{played}"))?;
        self.promises.iter().try_for_each(|promise| writeln!(f, "{promise}"))
    }
}
