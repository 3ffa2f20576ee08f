//! What came of a part: what was broken, how the crowd was answered, and what of it the log has otherwise.

use anyhow::Result;
use clap::ValueEnum;
use event_log::EventLog;
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

use super::{book::Book, deed::End, ledger::Ledger};

/// Violations that are told in words; further ones are counted.
const NAMED_MAX: usize = 20;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line a part.
    Text,
    /// One JSON object a part.
    Json,
}

/// What is wrong with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Lost,
    Twice,
    Ghost,
    Open,
    Wronged,
}

/// Counts of one part.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    pub part: &'static str,
    /// What was broken, and how often.
    pub faults: BTreeMap<&'static str, u64>,
    pub commands: u64,
    /// Answered 2xx at last.
    pub applied: u64,
    /// Answered for certain that nothing was done.
    pub refused: u64,
    /// Commands whose first answer left them open, and a repeat's did not.
    pub resolved: u64,
    /// How often commands were repeated for that.
    pub repeats: u64,
    /// Acknowledged, and not in the log as it was.
    pub lost: u64,
    /// In the log more than once.
    pub twice: u64,
    /// Refused, and in the log.
    pub ghosts: u64,
    /// Without a certain answer.
    pub open: u64,
    /// Refused against the rules.
    pub wronged: u64,
    /// All of these, and faults that did not happen.
    pub violations: u64,
    /// The first of them, in words.
    pub named: Vec<String>,
}

impl Part {
    /// Reads the log and compares the book with it.
    pub(in crate::chaos) async fn judged(
        part: &'static str,
        book: &Book,
        log: &dyn EventLog,
        faults: BTreeMap<&'static str, u64>,
    ) -> Result<Self> {
        let mut part = Self::of(part, faults);
        // The book first: whatever is noted until now is in the log as it is read then.
        let noted = book.done().len();
        let ledger = Ledger::read(log).await?;
        ledger.judge(&book.done()[..noted], &mut part);
        Ok(part)
    }

    fn of(part: &'static str, faults: BTreeMap<&'static str, u64>) -> Self {
        let (commands, applied, refused, resolved, repeats) = (0, 0, 0, 0, 0);
        let (lost, twice, ghosts, open, wronged, violations, named) = (0, 0, 0, 0, 0, 0, Vec::new());
        Self {
            part,
            faults,
            commands,
            applied,
            refused,
            resolved,
            repeats,
            lost,
            twice,
            ghosts,
            open,
            wronged,
            violations,
            named,
        }
    }

    /// Of a play that was not stopped: what breaks nothing proves nothing.
    pub(in crate::chaos) fn needs_every_fault(&mut self) {
        for (fault, times) in self.faults.clone() {
            if times == 0 {
                self.violated(format!("no {fault}: this proves nothing"));
            }
        }
    }

    pub(super) fn count(&mut self, end: &End, repeats: u32) {
        self.commands += 1;
        self.repeats += u64::from(repeats);
        match end {
            End::Applied { .. } => self.applied += 1,
            End::Refused(_) | End::Wronged(_) => self.refused += 1,
            End::Open(_) => return,
        }
        self.resolved += u64::from(repeats > 0);
    }

    pub(super) fn is(&mut self, wrong: Wrong, what: String) {
        *match wrong {
            Wrong::Lost => &mut self.lost,
            Wrong::Twice => &mut self.twice,
            Wrong::Ghost => &mut self.ghosts,
            Wrong::Open => &mut self.open,
            Wrong::Wronged => &mut self.wronged,
        } += 1;
        self.violated(what);
    }

    fn violated(&mut self, what: String) {
        self.violations += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(what);
        }
    }
}

/// A line, and what is wrong in words.
pub(in crate::chaos) fn tell(part: &Part, output: Output) -> Result<()> {
    match output {
        Output::Text => println!("{part}"),
        Output::Json => println!("{}", serde_json::to_string(part)?),
    }
    part.named.iter().for_each(|what| eprintln!("  {what}"));
    Ok(())
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, faults, commands, applied, refused, resolved, repeats, .. } = self;
        write!(f, "{part:8}")?;
        faults.iter().enumerate().try_for_each(|(n, (fault, times))| {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma} {times} {fault}")
        })?;
        write!(f, "; {commands} commands: {applied} applied, {refused} refused, ")?;
        write!(f, "{resolved} resolved by {repeats} repeats; ")?;
        let Self { lost, twice, ghosts, open, wronged, violations, .. } = self;
        write!(
            f,
            "{lost} of {applied} acknowledged lost, {twice} twice, {ghosts} refused and stored, {open} left open, "
        )?;
        write!(f, "{wronged} wronged; {violations} wrong")
    }
}
