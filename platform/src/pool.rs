//! How does a role hold its connections to Postgres? In pools made once, within one number, with every query timed by name.

mod failure;

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::config::Secret;

/// How long somebody waits for a connection before the answer is 503 `overloaded`.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A statement of a service that runs longer is ended by the server: below the request's 5 s.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// A query that takes longer is logged.
pub const SLOW_QUERY: Duration = Duration::from_millis(100);

/// How a role's number of connections is divided between its two pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// For sqlx: the checked queries.
    pub checked: u32,
    /// For tokio-postgres: prepared by hand, binary, COPY.
    pub direct: u32,
}

impl Split {
    /// Gives `direct` its share of `total` (0 to 100 %); each side gets at least one connection when
    /// the total is at least 2.
    #[must_use]
    pub fn of(total: u32, direct_percent: u32) -> Self {
        let direct = (total * direct_percent.min(100) / 100).clamp(1, total.saturating_sub(1).max(1));
        Self { checked: total.saturating_sub(direct).max(1), direct }
    }
}

/// What a pool's connections are for.
#[derive(Debug, Clone)]
pub struct Purpose {
    /// The role, as `application_name`.
    pub role: &'static str,
    /// `None` where statements may take their time: the projector, migrations, rebuilds.
    pub statement_timeout: Option<Duration>,
    /// The schema of tables that statements do not say one of; `None`: they say it of each.
    pub schema: Option<String>,
}

impl Purpose {
    /// For a service that answers requests: statements end after [`STATEMENT_TIMEOUT`].
    #[must_use]
    pub fn requests(role: &'static str) -> Self {
        Self { role, statement_timeout: Some(STATEMENT_TIMEOUT), schema: None }
    }

    /// For work that may take its time.
    #[must_use]
    pub fn work(role: &'static str) -> Self {
        Self { role, statement_timeout: None, schema: None }
    }

    /// In one schema, by whatever name it goes.
    #[must_use]
    pub fn within(self, schema: &str) -> Self {
        Self { schema: Some(schema.to_owned()), ..self }
    }

    /// What its connections are told at their start.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let timeout = self.statement_timeout.map(|timeout| ("statement_timeout", timeout.as_millis().to_string()));
        let schema = self.schema.clone().map(|schema| ("search_path", schema));
        timeout.into_iter().chain(schema).collect()
    }
}

/// The pool for checked queries. Connects when it is first used, so that a role starts while Postgres is away.
///
/// # Errors
/// A URL that cannot be read. The error does not show the URL.
pub fn checked(url: &Secret, purpose: Purpose, connections: u32) -> anyhow::Result<sqlx::PgPool> {
    // sqlx's own slow-statement log shows the SQL; ours shows the query's name.
    let options = PgConnectOptions::from_str(postgres(url)?)
        .ok()
        .context(NO_URL)?
        .application_name(purpose.role)
        .disable_statement_logging()
        .options(purpose.settings());
    let pool =
        PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy_with(options);
    Ok(pool)
}

/// The pool for what is prepared by hand. Connects when it is first used.
///
/// Without TLS: Postgres is reached over loopback or a private network. With TLS in between, give
/// this pool a connector as well.
///
/// # Errors
/// A URL that cannot be read. The error does not show the URL.
pub fn direct(url: &Secret, purpose: Purpose, connections: u32) -> anyhow::Result<deadpool_postgres::Pool> {
    let mut config = tokio_postgres::Config::from_str(postgres(url)?).ok().context(NO_URL)?;
    config.application_name(purpose.role).connect_timeout(ACQUIRE_TIMEOUT);
    for (setting, value) in purpose.settings() {
        let given = config.get_options().unwrap_or_default().to_owned();
        config.options(format!("{given} -c {setting}={value}"));
    }
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    deadpool_postgres::Pool::builder(manager)
        .max_size(connections as usize)
        .wait_timeout(Some(ACQUIRE_TIMEOUT))
        .create_timeout(Some(ACQUIRE_TIMEOUT))
        .recycle_timeout(Some(ACQUIRE_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .context("building the pool")
}

const NO_URL: &str = "DATABASE_URL is no postgres:// URL";

/// sqlx would take a URL of any scheme, and with it connect to wherever its defaults point.
fn postgres(url: &Secret) -> anyhow::Result<&str> {
    let text = url.expose();
    let is_one = text.starts_with("postgres://") || text.starts_with("postgresql://");
    is_one.then_some(text).context(NO_URL)
}

/// Runs a query under its name: its duration is a metric, and logged when it is over [`SLOW_QUERY`].
/// Never its values; the request's id is in the span.
pub async fn timed<T>(query: &'static str, run: impl Future<Output = T>) -> T {
    counted(query, |_| None, run).await
}

/// As [`timed`]; `rows` says how many rows the outcome has, for the log of slow queries.
pub async fn counted<T>(
    query: &'static str,
    rows: impl FnOnce(&T) -> Option<usize>,
    run: impl Future<Output = T>,
) -> T {
    let began = Instant::now();
    let outcome = run.await;
    let took = began.elapsed();
    metrics::histogram!("db_query_duration_seconds", "query" => query).record(took.as_secs_f64());
    if took > SLOW_QUERY {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(query, duration_ms, rows = rows(&outcome), "slow query");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pools_share_one_number() {
        assert_eq!(Split::of(20, 40), Split { checked: 12, direct: 8 });
        assert_eq!(Split::of(5, 50), Split { checked: 3, direct: 2 });
        assert_eq!(Split::of(2, 0), Split { checked: 1, direct: 1 });
        assert_eq!(Split::of(2, 100), Split { checked: 1, direct: 1 });
    }

    #[tokio::test]
    async fn a_pool_is_made_while_postgres_is_away_and_a_bad_url_is_not_shown() {
        let url = Secret::from("postgres://user:hunter2@127.0.0.1:1/chat");
        assert!(checked(&url, Purpose::requests("query-service"), 2).is_ok());
        assert!(direct(&url, Purpose::work("projector"), 2).is_ok());
        let bad = Secret::from("hunter2:not a url");
        for error in [
            checked(&bad, Purpose::work("projector"), 2).expect_err("no URL"),
            direct(&bad, Purpose::work("projector"), 2).map(drop).expect_err("no URL"),
        ] {
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn nobody_home_is_overloaded_not_broken() {
        let url = Secret::from("postgres://user:pw@127.0.0.1:1/chat");
        let pool = direct(&url, Purpose::requests("query-service"), 2).expect("a URL");
        let refused = timed("test", pool.get()).await.map(drop).expect_err("port 1 is closed");
        assert_eq!(crate::Problem::from(refused).code, crate::Code::Overloaded);
    }
}
