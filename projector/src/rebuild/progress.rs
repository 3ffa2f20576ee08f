//! How far is the work, and what is in the tables meanwhile?

use deadpool_postgres::Pool;

/// How far the work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    pub done: u64,
    pub all: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Events written, of those that the log had at the start.
    #[default]
    Fill,
    /// Indexes made.
    Index,
    /// Tables compared, of both models.
    Compare,
}

/// Counts the rows of the model that was begun last, roughly: as Postgres's statistics have them.
pub struct Counting(pub(super) Pool);

impl Counting {
    /// Table by table.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn rows(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let rows = self.0.get().await?;
        let rows = rows
            .query(
                "select relname::text as name, n_live_tup as rows
                   from pg_stat_user_tables
                  where schemaname = (select schema_name from rm_live.generations order by number desc limit 1)
                    and relname <> 'checkpoint'
                  order by relname",
                &[],
            )
            .await?;
        Ok(rows.iter().map(|row| (row.get("name"), u64::try_from(row.get::<_, i64>("rows")).unwrap_or(0))).collect())
    }
}
