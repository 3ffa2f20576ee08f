//! How does this role run? Pools, checkpoint and routes are made once; then it serves until the shutdown.

use anyhow::{Context, Result};
use axum::Router;
use clap::Args;
use event_log::{JetStream, Login};
use platform::{
    Authenticator, Shutdown,
    auth::{Revocations, VerifyingArgs},
    config::{ListenArgs, NatsArgs, PostgresArgs},
    health::{self, Build, Health, State},
    limits::{RateLimitArgs, RateLimits},
    pool::{self, Purpose, Split},
    serve::{self, ServeArgs, ServeLimits},
    shell::{self, ShellArgs},
    telemetry,
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

use crate::{
    app::App,
    cache::{CacheArgs, Caches},
    http,
    live::{Around, Live, LiveArgs},
    wait::{Checkpoint, READ_MODEL},
};

/// The role's name, in `application_name`, logs and `/version`.
const ROLE: &str = "query-service";
/// The share of the role's connections that is for statements prepared by hand: pages of messages and the hub.
const DIRECT_PERCENT: u32 = 60;
/// Tasks that have not ended so long after the listeners' own deadline are aborted.
const END_WITHIN: Duration = Duration::from_secs(12);

/// Settings of the query service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub listen: ListenArgs,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub postgres: PostgresArgs,
    #[command(flatten)]
    pub verifying: VerifyingArgs,
    #[command(flatten)]
    pub shell: ShellArgs,
    #[command(flatten)]
    pub serve: ServeArgs,
    #[command(flatten)]
    pub limits: RateLimitArgs,
    #[command(flatten)]
    pub live: LiveArgs,
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// The role without its listeners: for what runs several roles in one process.
pub struct Service {
    /// All routes, still without the shell: other services' may stand beside them.
    pub router: Router,
    /// What the handlers stand on.
    pub app: App,
}

impl Service {
    /// Makes pools and routes and starts the tasks, which end with the shutdown. Postgres may be away: the
    /// health check `read-model` says so, and reads are answered 503 until it is back.
    ///
    /// # Errors
    /// Settings that cannot be used, or a NATS server that cannot be reached at the start.
    pub async fn start(config: Config, shutdown: &Shutdown, health: &Health) -> Result<Self> {
        health.set(READ_MODEL, State::failing("starting", "not read yet"));
        let url = config.postgres.url()?;
        let split = Split::of(config.postgres.database_pool, DIRECT_PERCENT);
        let checked = pool::checked(&url, Purpose::requests(ROLE), split.checked)?;
        let direct = pool::direct(&url, Purpose::requests(ROLE), split.direct)?;
        let authenticator = Arc::new(Authenticator::from_args(&config.verifying, Arc::new(Revocations::default()))?);
        let checkpoint = Checkpoint::watch(checked.clone(), health.clone(), shutdown);
        let around = Around {
            log: log(&config.nats).await?,
            checkpoint: checkpoint.clone(),
            pool: direct.clone(),
            authenticator: Arc::clone(&authenticator),
            origins: config.shell.cors_origins.clone(),
            rate_limits: !config.limits.no_rate_limits,
        };
        let live = Live::start(&config.live, around, health, shutdown);
        let app = App {
            authenticator,
            limits: RateLimits::new(&config.limits),
            checkpoint,
            checked,
            direct,
            seen: Arc::new(live.hub()),
            presences: Arc::default(),
            caches: Arc::new(Caches::new(&config.cache)),
        };
        Ok(Self { router: http::router(app.clone()).merge(live.router()), app })
    }
}

async fn log(nats: &NatsArgs) -> Result<JetStream> {
    let login = nats.credentials()?.map(|(user, password)| Login { user, password: password.expose().to_owned() });
    let client = event_log::connect(&nats.nats_url, login, nats.inbox_prefix(), ROLE)
        .await
        .with_context(|| format!("connecting to NATS at {}", nats.nats_url))?;
    Ok(JetStream::new(client))
}

/// Runs the role until the shutdown.
///
/// # Errors
/// Settings that cannot be used, an address that cannot be bound, or the task that failed first.
pub async fn run(config: Config, shutdown: Shutdown, health: Health) -> Result<()> {
    run_beside(config, Router::new(), shutdown, health).await
}

/// As [`run`], with more open routes on the public listener: the API's document and pages.
///
/// # Errors
/// As [`run`].
pub async fn run_beside(config: Config, beside: Router, shutdown: Shutdown, health: Health) -> Result<()> {
    let service = Service::start(config.clone(), &shutdown, &health).await?;
    let router = shell::shell(service.router.merge(beside), &config.shell);
    let public = bind(config.listen.listen).await?;
    let admin = bind(config.listen.admin_listen).await?;
    let metrics = telemetry::metrics()?;
    let pages = health::router(health, metrics.clone(), Build::of(ROLE));
    let (limits, token) = (ServeLimits::from(&config.serve), shutdown.token());
    shutdown.spawn("public listener", async move { Ok(serve::serve(public, router, limits, token).await?) });
    let token = shutdown.token();
    shutdown.spawn("admin listener", async move { Ok(serve::serve(admin, pages, ServeLimits::admin(), token).await?) });
    shutdown.spawn("telemetry", telemetry::report(metrics, shutdown.clone()));
    shutdown.wait(Duration::from_millis(config.serve.drain_ms) + END_WITHIN).await
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
}
