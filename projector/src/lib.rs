//! Remembers: the log becomes read models in Postgres.

mod apply;
mod batch;
mod checkpoint;
pub mod digest;
mod dropped;
mod failure;
mod generations;
mod kept;
pub mod lag;
pub mod operator;
mod parked;
mod place;
mod projections;
pub mod rebuild;
mod run;

use anyhow::Context;
use apply::Model;
use clap::Args;
use event_log::{EventLog, JetStream, Login};
use generations::Keeper;
use platform::{
    Shutdown,
    config::{NatsArgs, PostgresArgs, Secret},
    health::{self, Build, Health, State},
    pool::{self, Purpose},
    serve::{self, ServeLimits},
    telemetry,
};
use projections::Projection;
use std::{net::SocketAddr, sync::Arc, time::Duration};

const ROLE: &str = "projector";
/// How long the tasks may take to end. They stop where they are: what is not committed is read again.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What the projector is told.
#[derive(Debug, Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub postgres: PostgresArgs,
    /// Address of /livez, /readyz, /metrics and /version. Never public.
    #[arg(long, env = "ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8082")]
    pub admin_listen: SocketAddr,
}

/// Runs the role until the shutdown, with an admin listener of its own.
///
/// A log that is not the one that was read ends it with `event_log::FollowError::Diverged` (exit code 78).
/// An event that cannot be applied halts its projection and ends nothing: `/readyz` answers 503 with the event's
/// type and sequence until a release that knows it is started.
///
/// # Errors
/// Settings that cannot be used, a log or database that was not migrated, a log that diverged, another
/// generation of the read model.
pub async fn run(config: Config, shutdown: Shutdown, health: Health) -> anyhow::Result<()> {
    let metrics = telemetry::metrics()?;
    let listener = tokio::net::TcpListener::bind(config.admin_listen)
        .await
        .with_context(|| format!("listening on {}", config.admin_listen))?;
    let admin = health::router(health.clone(), metrics.clone(), Build::of(ROLE));
    let token = shutdown.token();
    shutdown.spawn("admin", async move { Ok(serve::serve(listener, admin, ServeLimits::admin(), token).await?) });
    shutdown.spawn("telemetry", telemetry::report(metrics, shutdown.clone()));
    let starting = start(config, shutdown.clone(), health);
    if let Some(Err(why)) = shutdown.token().run_until_cancelled(starting).await {
        shutdown.fail(why);
    }
    shutdown.wait(END_WITHIN).await
}

/// Starts the role inside a process that has listeners already; its tasks live under `shutdown`.
///
/// # Errors
/// When a setting cannot be used or NATS refuses the login.
pub async fn start(config: Config, shutdown: Shutdown, health: Health) -> anyhow::Result<()> {
    let login = config.nats.credentials()?;
    let login = login.map(|(user, password)| Login { user, password: password.expose().to_owned() });
    let client = event_log::connect(&config.nats.nats_url, login, config.nats.inbox_prefix(), ROLE)
        .await
        .with_context(|| format!("connecting to NATS at {}", config.nats.nats_url))?;
    let log: Arc<dyn EventLog> = Arc::new(JetStream::new(client));
    project(log, &config.postgres.url()?, &shutdown, &health)
}

/// Projects this log into this database: a task for each stream, until the shutdown.
///
/// # Errors
/// A URL that cannot be read.
pub fn project(log: Arc<dyn EventLog>, database: &Secret, shutdown: &Shutdown, health: &Health) -> anyhow::Result<()> {
    for projection in Projection::ALL {
        // Not ready from the first question on.
        health.set(projection.check(), State::failing("not-begun", "the read model has not been opened yet"));
    }
    // One connection each: a projection is one transaction after the other.
    let pool = pool::direct(database, Purpose::work(ROLE), 1)?;
    let keeper = Keeper { log: Arc::clone(&log), database: database.clone(), pool, health: health.clone() };
    let token = shutdown.token();
    // Stopped wherever it is, as by a crash: rows and checkpoint are one transaction.
    shutdown.spawn(Projection::Chat.as_str(), async move {
        token.run_until_cancelled(keeper.run()).await.map_or(Ok(()), |ended| ended.map(|never| match never {}))
    });
    for projection in Projection::IN_PLACE {
        let pool = pool::direct(database, Purpose::work(ROLE).within(projection.schema()), 1)?;
        let task = run::run(projection, Arc::clone(&log), Model::new(projection, pool, 0), health.clone());
        let token = shutdown.token();
        shutdown.spawn(projection.as_str(), async move {
            // Their tables change places with nobody's.
            token.run_until_cancelled(task).await.map_or(Ok(()), |ended| ended.map(drop))
        });
    }
    Ok(())
}
