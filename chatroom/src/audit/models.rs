//! Do the read models hold what the log says? Folded anew beside the live ones, and compared at one sequence.

use anyhow::{Context, Result};
use event_log::EventLog;
use platform::config::Secret;
use projector::{
    digest::Difference,
    rebuild::{Checked, Comparison, Until, Workshop},
};
use serde::Serialize;
use std::{fmt, sync::Arc};

use crate::rebuild::{parts, watching};

/// Where the audit folds. Dropped when it is over.
const SCHEMA: &str = "rm_audit";

/// The live read model of `CHAT` beside one that was made for this.
#[derive(Debug, Clone, Serialize)]
pub struct ModelsReport {
    /// Events that both hold.
    pub events: u64,
    pub rows: u64,
    /// Of the live one, and of the other.
    pub digest: String,
    pub rebuilt: String,
    /// Where they differ; empty: nowhere.
    pub differences: Vec<TableReport>,
}

/// A table that is not the same.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    pub table: String,
    /// As rebuilt, and as it is.
    pub rows: (u64, u64),
    /// The first of them.
    pub keys: Vec<String>,
}

/// The rows of a stream that forgets beside its subjects' last messages.
#[derive(Debug, Clone, Serialize)]
pub struct RowsReport {
    pub stream: &'static str,
    pub seq: u64,
    pub rows: u64,
    pub differences: Vec<TableReport>,
}

impl ModelsReport {
    /// Whether they are equal.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differences.is_empty() && self.digest == self.rebuilt
    }
}

impl RowsReport {
    /// Whether all rows are what the last messages leave.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

impl From<&Comparison> for ModelsReport {
    fn from(compared: &Comparison) -> Self {
        Self {
            events: compared.seq,
            rows: compared.live.rows(),
            digest: compared.live.to_string(),
            rebuilt: compared.ours.to_string(),
            differences: compared.differences.iter().map(TableReport::from).collect(),
        }
    }
}

impl From<&Difference> for TableReport {
    fn from(difference: &Difference) -> Self {
        let Difference { table, rows, keys } = difference.clone();
        Self { table, rows, keys }
    }
}

impl From<Checked> for RowsReport {
    fn from(checked: Checked) -> Self {
        let Checked { stream, seq, rows, differences } = checked;
        Self { stream, seq, rows, differences: differences.iter().map(TableReport::from).collect() }
    }
}

impl fmt::Display for ModelsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, rows, digest, rebuilt, differences } = self;
        if self.holds() {
            return writeln!(
                f,
                "read models: {events} events rebuilt equal the live read model, {rows} rows, digest {digest}"
            );
        }
        writeln!(f, "read models: {events} events rebuilt give {rebuilt}, and the live read model is {digest}")?;
        differences.iter().try_for_each(|difference| difference.fmt(f))
    }
}

impl fmt::Display for TableReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rows: (rebuilt, live), keys } = self;
        writeln!(f, "  {table}: {rebuilt} rows rebuilt, {live} live; not the same, the first:")?;
        keys.iter().try_for_each(|key| writeln!(f, "    {key}"))
    }
}

impl fmt::Display for RowsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, seq, rows, differences } = self;
        if self.holds() {
            return writeln!(f, "{stream}: {rows} rows are what the last messages leave, at {seq}");
        }
        writeln!(f, "{stream}: not all rows are what the last messages leave, at {seq}")?;
        differences.iter().try_for_each(|difference| difference.fmt(f))
    }
}

/// Folds `CHAT` anew and compares.
pub(super) async fn digests(log: Arc<dyn EventLog>, database: &Secret) -> Result<ModelsReport> {
    let workshop = Workshop::new(log, database)?;
    let shown = watching(&workshop);
    let built = workshop.build(SCHEMA, Until::End, parts()).await?;
    let mut follower = workshop.follow(&built)?;
    let compared = workshop.compare(&built, &mut follower).await;
    drop((follower, shown));
    workshop.discard(SCHEMA).await?;
    let compared = compared?.context("the read model is of an epoch before a restore: rebuild it")?;
    Ok(ModelsReport::from(&compared))
}

/// Compares the rows of the streams that forget.
pub(super) async fn rows(log: Arc<dyn EventLog>, database: &Secret) -> Result<Vec<RowsReport>> {
    let checked = Workshop::new(log, database)?.check_in_place().await?;
    Ok(checked.into_iter().map(RowsReport::from).collect())
}
