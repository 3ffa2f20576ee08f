//! What is measured? Real servers of its own, and the command service in a process of its own, as in production.

use anyhow::{Context, Result};
use event_log::{JetStream, Login};
use platform::Shutdown;
use servers::{Role, Servers};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    client::Api,
    dev::{Access, Keys, RoleProcess, Settings},
    migrate,
};

/// How long a role may take to end.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Everything between a poster and the disk.
pub(super) struct Bed {
    pub(super) servers: Servers,
    pub(super) listen: SocketAddr,
    pub(super) api: Api,
    access: Access,
    keys: Keys,
    command_service: u32,
    shutdown: Shutdown,
    dir: PathBuf,
}

/// The side that reads: the query service (and the projector), with as many connections as in production.
pub(super) struct Readers {
    pub(super) listen: SocketAddr,
    pub(super) query_service: u32,
}

/// The default of `DATABASE_POOL`; the bed's other roles do with less.
const READING_POOL: &str = "20";
/// Twice what a person has at once, and more: those of the last turn may still be going when the next ones come.
const SOCKETS_PER_USER: &str = "40";

impl Bed {
    /// From nothing, with rate limits lifted and bcrypt as dear as in production.
    pub(super) async fn start() -> Result<Self> {
        let servers = Servers::temporary_on_disk().await?;
        let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
        migrate::run(&access.of(Role::Operator).parse()?).await?;
        let keys = Keys::generate();
        let settings = Settings { access: &access, keys: &keys, no_rate_limits: true, bcrypt_cost: None };
        let dir = std::env::temp_dir().join(format!("chatroom-bench-{}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let started = RoleProcess::start("command-service", settings.of(Role::Command), &dir, &shutdown).await;
        let role = match started {
            Ok(role) => role,
            Err(why) => {
                shutdown.cancel();
                shutdown.wait(STOP_WITHIN).await?;
                return Err(why);
            }
        };
        let command_service = pid(&role)?;
        let api = Api::at(&format!("http://{}", role.listen))?;
        Ok(Self { servers, listen: role.listen, api, access, keys, command_service, shutdown, dir })
    }

    /// Starts what reads, for parts that read.
    pub(super) async fn readers(&self) -> Result<Readers> {
        self.projector().await?;
        self.query_service(&self.shutdown).await
    }

    /// Starts what the query service reads from.
    pub(super) async fn projector(&self) -> Result<()> {
        let settings = self.settings().of(Role::Projector);
        RoleProcess::start("projector", settings, &self.dir, &self.shutdown).await?;
        Ok(())
    }

    /// Starts a query service that ends with this shutdown: for a part that needs a fresh one each time.
    pub(super) async fn query_service(&self, shutdown: &Shutdown) -> Result<Readers> {
        let settings = self.settings().of(Role::Query).with("DATABASE_POOL", READING_POOL);
        let settings = settings.with("SOCKETS_PER_USER", SOCKETS_PER_USER);
        let role = RoleProcess::start("query-service", settings, &self.dir, shutdown).await?;
        Ok(Readers { listen: role.listen, query_service: pid(&role)? })
    }

    fn settings(&self) -> Settings<'_> {
        Settings { access: &self.access, keys: &self.keys, no_rate_limits: true, bcrypt_cost: None }
    }

    /// What a post costs: the command service and both servers.
    pub(super) fn all(&self) -> [u32; 3] {
        [self.command_service, self.servers.nats.pid(), self.servers.postgres.pid()]
    }

    /// What a bare publish costs.
    pub(super) fn nats(&self) -> [u32; 1] {
        [self.servers.nats.pid()]
    }

    /// The log, as the command service reaches it.
    pub(super) async fn log(&self) -> Result<JetStream> {
        self.log_of(Role::Command).await
    }

    /// The log, with this role's rights.
    pub(super) async fn log_of(&self, role: Role) -> Result<JetStream> {
        let login = self.servers.nats.credentials(role);
        let credentials = Login { user: login.user, password: login.password };
        let url = self.servers.nats.url();
        Ok(JetStream::new(event_log::connect(&url, Some(credentials), login.inbox_prefix, "bench").await?))
    }

    /// For what a part has to write down; gone when the bed stops.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Fails where a signal has ended the measurement, which then measured something else.
    pub(super) fn is_whole(&self) -> Result<()> {
        anyhow::ensure!(!self.shutdown.is_cancelled(), "interrupted");
        Ok(())
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        let ended = self.shutdown.wait(STOP_WITHIN).await;
        self.servers.stop().await;
        fs::remove_dir_all(&self.dir).with_context(|| format!("removing {}", self.dir.display()))?;
        ended
    }
}

fn pid(role: &RoleProcess) -> Result<u32> {
    let text = fs::read_to_string(&role.pid_file).context("a role's process id")?;
    text.trim().parse().context("a process id")
}
