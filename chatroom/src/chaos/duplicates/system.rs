//! What is repeated against: a log, a database, projector and query service, and two instances beside each other.

use anyhow::{Context, Result};
use async_nats::jetstream;
use events::RoomId;
use platform::{Shutdown, health::Health};
use servers::{Role, Servers};
use std::time::Duration;

use crate::{
    chaos::{
        backing::BCRYPT_COST,
        instance::Instance,
        pair::{Pair, Side, connect},
        person::Person,
        sabotage::Sabotage,
    },
    dev::{Access, Keys, Settings},
    migrate,
};

const STOP_WITHIN: Duration = Duration::from_secs(20);

pub(super) struct System {
    pub(super) pair: Pair,
    pub(super) queries: Instance,
    pub(super) author: Person,
    pub(super) room: RoomId,
    servers: Servers,
    shutdown: Shutdown,
}

impl System {
    /// Started, with a room and who speaks in it. The log forgets ids after the window.
    pub(super) async fn start(window: Duration, sabotage: Option<Sabotage>) -> Result<Self> {
        let servers = Servers::temporary().await.context("starting nats-server and Postgres")?;
        let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
        migrate::run(&access.of(Role::Operator).parse()?).await?;
        forget_after(&servers, window).await?;
        let keys = Keys::generate();
        let settings = Settings { access: &access, keys: &keys, no_rate_limits: true, bcrypt_cost: Some(BCRYPT_COST) };
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let projector = settings.of(Role::Projector).parse()?;
        projector::start(projector, shutdown.clone(), health.clone()).await.context("projector")?;
        let queries = settings.of(Role::Query).parse()?;
        let queries = query_service::Service::start(queries, &shutdown, &health).await.context("query service")?;
        let log = connect(&access.of(Role::Operator).parse()?).await?;
        let pair = Pair::start(&settings.of(Role::Command), log, sabotage).await?;
        let one = pair.through(Side::One);
        let author = Person::registered(one, "+491500000001").await?;
        let room = author.opens_room(one).await?;
        Ok(Self { queries: Instance::of(queries.router), pair, author, room, servers, shutdown })
    }

    /// As a crash of its process, in the middle of whatever it does.
    pub(super) async fn log_dies_and_returns(&self) -> Result<()> {
        self.servers.nats.kill().await;
        self.servers.nats.restart().await.context("starting nats-server again")
    }

    pub(super) async fn stop(self) -> Result<()> {
        let pair = self.pair.stop().await;
        self.shutdown.cancel();
        let ended = self.shutdown.wait(STOP_WITHIN).await.context("stopping projector and query service");
        self.servers.stop().await;
        pair.and(ended)
    }
}

async fn forget_after(servers: &Servers, window: Duration) -> Result<()> {
    let streams = jetstream::new(servers.nats.connect(Role::Operator).await?);
    let mut config = streams.get_stream("CHAT").await?.cached_info().config.clone();
    if config.duplicate_window != window {
        config.duplicate_window = window;
        streams.update_stream(config).await.context("setting the log's duplicate window")?;
    }
    Ok(())
}
