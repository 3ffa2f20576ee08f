//! How does this role run? It connects, hears the log, and then serves until the shutdown.

use crate::app::{App, Parts};
use crate::canary;
use crate::config::Config;
use crate::follow;
use crate::handle::Handler;
use crate::hearing;
use crate::http;
use crate::lookup::Lookup;
use crate::passwords::Passwords;
use crate::presence;
use crate::relay::{self, Passed};
use crate::sweeps;
use crate::throttle::Throttle;
use crate::tips::Tips;
use crate::tokens::Tokens;
use anyhow::{Context, Result};
use axum::Router;
use event_log::{EventLog, Freshness, JetStream, Login, streams};
use events::{StreamName, Subject};
use platform::auth::Revocations;
use platform::config::NatsArgs;
use platform::health::{self, Build, Health};
use platform::limits::{Admission, RateLimits};
use platform::pool::{self, Purpose};
use platform::serve::{self, ServeLimits};
use platform::{Authenticator, Shutdown, shell, telemetry};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The role's name, in `application_name`, logs and `/version`.
const ROLE: &str = "command-service";
/// Posts are decided on a room's settings of at most this age.
const ROOM_AGE_MAX: Duration = Duration::from_secs(1);
/// Tasks that have not ended so long after the listeners' own deadline are aborted.
const END_WITHIN: Duration = Duration::from_secs(12);

/// The role without its listeners: for what runs several roles in one process.
pub struct Service {
    /// All routes, still without the shell: other services' may stand beside them.
    pub router: Router,
}

impl Service {
    /// Connects and starts the tasks, which end with the shutdown. Answers once everything that was revoked before is
    /// known. Postgres may be away: posting goes on without it.
    ///
    /// # Errors
    /// Settings that cannot be used, a NATS server that cannot be reached at the start, a log that was not migrated.
    pub async fn start(config: Config, shutdown: &Shutdown, health: &Health) -> Result<Self> {
        let log = log(&config.nats).await?;
        canary::start(log.canary(), health.clone(), shutdown);
        let sources = presence::Sources { leases: log.leases(config.presence.lease()), log: log.clone() };
        Self::begin(Arc::new(log), Some(sources), config, shutdown, health).await
    }

    /// As [`Service::start`], on this log, which has no bucket of leases beside it (nobody's presence is heard of) and
    /// whose appends nobody tries while there are none.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub async fn on(log: Arc<dyn EventLog>, config: Config, shutdown: &Shutdown, health: &Health) -> Result<Self> {
        Self::begin(log, None, config, shutdown, health).await
    }

    async fn begin(
        log: Arc<dyn EventLog>,
        presence: Option<presence::Sources>,
        config: Config,
        shutdown: &Shutdown,
        health: &Health,
    ) -> Result<Self> {
        let epoch = streams::epoch(&*log, StreamName::Chat).await?;
        let epoch_at =
            log.last(Subject::Epoch(StreamName::Chat), Freshness::Leader).await?.map_or(0, |began| began.seq);
        let authenticator = Authenticator::from_args(&config.verifying, Arc::new(Revocations::default()))?;
        let authenticator = Arc::new(authenticator);
        let tokens =
            Tokens::new(config.signing.signer()?, config.secrets.phone_key()?, &config.secrets.refresh_keys()?)?;
        let passwords = Passwords::start(config.secrets.pepper()?, config.passwords.cost()?).await?;
        let pool = pool::checked(&config.postgres.url()?, Purpose::requests(ROLE), config.postgres.database_pool)?;

        let tips = Arc::new(Tips::new(Arc::clone(&log)));
        let passed = Passed::new();
        let revocations = Arc::clone(authenticator.revocations());
        let hears = follow::Hears { tips: Arc::clone(&tips), revocations, passed: passed.clone(), epoch, epoch_at };
        follow::start(Arc::clone(&log), hears, shutdown);
        relay::start(Arc::clone(&log), passed.clone(), shutdown);
        let mut hearing = hearing::start(Arc::clone(&log), passed.clone(), health.clone(), shutdown);
        tokio::select! {
            begun = hearing.begun() => begun?,
            () = shutdown.cancelled() => anyhow::bail!("stopped before the log was heard"),
        }

        let lookup = Lookup::new(Arc::clone(&log), pool.clone(), epoch);
        let app = App::new(Parts {
            handler: Handler::new(log, tips, lookup, hearing),
            authenticator,
            tokens,
            passwords,
            throttle: if config.limits.no_rate_limits { Throttle::lifted() } else { Throttle::new() },
            limits: RateLimits::new(&config.limits),
            passed,
            leases: presence.as_ref().map(|sources| sources.leases.clone()),
            epoch,
            room_age_max: ROOM_AGE_MAX,
        });
        sweeps::start(app.clone(), pool, config.sweeps.every(), shutdown);
        if let Some(sources) = presence {
            presence::start(app.clone(), sources, config.presence, shutdown);
        }
        Ok(Self { router: http::router(app, Admission::new(config.admission)) })
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
    let public = bind(config.listen.listen).await?;
    let admin = bind(config.listen.admin_listen).await?;
    let metrics = telemetry::metrics()?;
    let pages = health::router(health.clone(), metrics.clone(), Build::of(ROLE));
    let token = shutdown.token();
    shutdown.spawn("admin listener", async move { Ok(serve::serve(admin, pages, ServeLimits::admin(), token).await?) });
    shutdown.spawn("telemetry", telemetry::report(metrics, shutdown.clone()));

    let drain = Duration::from_millis(config.serve.drain_ms);
    let (limits, shell_args) = (ServeLimits::from(&config.serve), config.shell.clone());
    match Service::start(config, &shutdown, &health).await {
        Ok(service) => {
            let router = shell::shell(service.router, &shell_args);
            let token = shutdown.token();
            shutdown.spawn_listener("public listener", async move {
                Ok(serve::serve(public, router, limits, token).await?)
            });
        }
        // What ended the process before it had begun is the reason, not that it had not begun.
        Err(error) => shutdown.fail(error),
    }
    shutdown.wait(drain + END_WITHIN).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
}
