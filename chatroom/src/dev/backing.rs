//! Which servers does the system stand on? Foreign ones that the environment names, else our own children.

use anyhow::{Result, bail};
use futures::future::OptionFuture;
use platform::Shutdown;
use servers::{Durability, Nats, NatsOptions, Postgres, PostgresOptions};
use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Access, announce::say};

/// A server that dies more often than this within [`RESTARTS_WITHIN`] is not started again.
const RESTARTS_MAX: usize = 10;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60);

/// Set in the file that `dev` writes for scripts.
pub(super) const STARTED_BY_DEV: &str = "CHATROOM_STARTED_BY_DEV";

/// The log and the database: ours where we started them.
pub(super) struct Backing {
    nats: Option<Arc<Nats>>,
    postgres: Option<Arc<Postgres>>,
}

impl Backing {
    /// Starts what `NATS_URL` and `DATABASE_URL` do not name.
    pub(super) async fn start(dir: &Path, fresh: bool) -> Result<Self> {
        let durability = Durability::Real;
        let nats = || async move {
            say("starting nats-server");
            Nats::start(&NatsOptions { durability, fresh, ..NatsOptions::new(dir) }).await
        };
        let postgres = || async move {
            say("starting Postgres");
            Postgres::start(&PostgresOptions { durability, fresh, ..PostgresOptions::new(dir) }).await
        };
        // Whoever has sourced the file of a system that `dev` started does not mean its servers to be foreign ones.
        let sourced = std::env::var_os(STARTED_BY_DEV).is_some();
        let ours = |variable| sourced || std::env::var_os(variable).is_none();
        let (nats, postgres) = tokio::join!(
            OptionFuture::from(ours("NATS_URL").then(nats)),
            OptionFuture::from(ours("DATABASE_URL").then(postgres)),
        );
        Ok(Self { nats: nats.transpose()?.map(Arc::new), postgres: postgres.transpose()?.map(Arc::new) })
    }

    /// How roles reach both.
    pub(super) fn access(&self) -> Access {
        Access::to(self.nats.as_deref(), self.postgres.as_deref())
    }

    /// Starts a server of ours again when it dies, until the shutdown.
    pub(super) fn supervise(&self, shutdown: &Shutdown) {
        if let Some(nats) = self.nats.clone() {
            let calm = shutdown.clone();
            shutdown.spawn("nats-server", async move {
                let mut restarts = Restarts::of("nats-server");
                loop {
                    tokio::select! { () = calm.cancelled() => return Ok(()), status = nats.wait_exit() => restarts.allow(status)? }
                    nats.restart().await?;
                }
            });
        }
        if let Some(postgres) = self.postgres.clone() {
            let calm = shutdown.clone();
            shutdown.spawn("postgres", async move {
                let mut restarts = Restarts::of("postgres");
                loop {
                    tokio::select! { () = calm.cancelled() => return Ok(()), status = postgres.wait_exit() => restarts.allow(status)? }
                    postgres.restart().await?;
                }
            });
        }
    }

    /// Process ids of our own servers, by the names that scripts know them under.
    pub(super) fn pids(&self) -> Vec<(&'static str, u32)> {
        let nats = self.nats.as_ref().map(|nats| ("NATS_PID", nats.pid()));
        nats.into_iter().chain(self.postgres.as_ref().map(|postgres| ("POSTGRES_PID", postgres.pid()))).collect()
    }

    /// Stops what is ours.
    pub(super) async fn stop(&self) {
        let nats = OptionFuture::from(self.nats.as_ref().map(|nats| nats.stop()));
        let postgres = OptionFuture::from(self.postgres.as_ref().map(|postgres| postgres.stop()));
        tokio::join!(nats, postgres);
    }
}

/// Counts how often something had to be started again.
pub(super) struct Restarts {
    what: &'static str,
    recent: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, recent: VecDeque::with_capacity(RESTARTS_MAX) }
    }

    /// Whether to start it once more.
    pub(super) fn allow(&mut self, status: std::process::ExitStatus) -> Result<()> {
        let now = Instant::now();
        self.recent.retain(|at| now.duration_since(*at) < RESTARTS_WITHIN);
        if self.recent.len() == RESTARTS_MAX {
            bail!("{} died {RESTARTS_MAX} times within {RESTARTS_WITHIN:?}, the last time with {status}", self.what);
        }
        self.recent.push_back(now);
        say(&format!("{} ended ({status}): starting it again", self.what));
        Ok(())
    }
}
