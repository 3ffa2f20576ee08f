//! On what are sockets played? A log, a database, projector and command service, and two query services that are processes.

use anyhow::{Context, Result};
use event_log::JetStream;
use platform::{Shutdown, health::Health};
use servers::{Role, Servers};
use std::{path::Path, sync::Arc, time::Duration};

use super::{backing::BCRYPT_COST, instance::Instance, pair, process::Process};
use crate::{
    client::Api,
    dev::{Access, Keys, Settings},
    migrate, settings,
};

const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What services are told beside.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) commands: settings::Settings,
    pub(super) queries: settings::Settings,
}

/// Ours, empty, and gone afterwards.
pub(super) struct Ground {
    pub(super) commands: Arc<Instance>,
    /// Both query services, where they answer.
    pub(super) queries: [Api; 2],
    pub(super) processes: [Process; 2],
    pub(super) servers: Servers,
    access: Access,
    shutdown: Shutdown,
}

impl Ground {
    /// Everything answers.
    pub(super) async fn laid(program: &Path, beside: &Beside) -> Result<Self> {
        let servers = Servers::temporary().await.context("starting nats-server and Postgres")?;
        let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
        migrate::run(&access.of(Role::Operator).parse()?).await?;
        let keys = Keys::generate();
        let settings = Settings { access: &access, keys: &keys, no_rate_limits: true, bcrypt_cost: Some(BCRYPT_COST) };
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let projector = settings.of(Role::Projector).parse()?;
        projector::start(projector, shutdown.clone(), health.clone()).await.context("projector")?;
        let commands = settings.of(Role::Command).and(&beside.commands).parse()?;
        let service = command_service::Service::start(commands, &shutdown, &health).await.context("command service")?;
        let commands = Arc::new(Instance::of(service.router));
        let query = || Process::start(program, "query-service", settings.of(Role::Query).and(&beside.queries));
        let processes = [query().await?, query().await?];
        let at = |process: &Process| Api::at(&format!("http://{}", process.listen));
        let queries = [at(&processes[0])?, at(&processes[1])?];
        Ok(Self { commands, queries, processes, servers, access, shutdown })
    }

    /// The log as an operator sees it.
    pub(super) async fn log(&self) -> Result<JetStream> {
        pair::connect(&self.access.of(Role::Operator).parse()?).await
    }

    pub(super) async fn clear(mut self) -> Result<()> {
        for process in &mut self.processes {
            process.kill().await?;
        }
        self.shutdown.cancel();
        let ended = self.shutdown.wait(STOP_WITHIN).await.context("stopping projector and command service");
        self.servers.stop().await;
        ended
    }
}
