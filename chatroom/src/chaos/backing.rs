//! On which nats-servers is it played? One, or three that replicate each other; ours, empty, and gone afterwards.

use anyhow::{Context, Result, bail};
use event_log::{JetStream, streams};
use servers::{Cluster, Credentials, Nats, Role};

use super::pair::connect;
use crate::{dev::Keys, settings::Settings};

/// bcrypt as cheap as it goes: a race is about the log.
pub(super) const BCRYPT_COST: u32 = 4;
/// Nobody listens there. What needs no look-up in a read model does not notice.
const NO_DATABASE: &str = "postgres://nobody@127.0.0.1:1/nothing";
/// Rooms for millions of events; the server refuses more than it was given together.
const CHAT_BYTES_MAX: i64 = 8 << 30;
const OTHER_BYTES_MAX: i64 = 2 << 30;

pub(super) enum Backing {
    One(Box<Nats>),
    Three(Box<Cluster>),
}

impl Backing {
    /// Started, with their streams.
    pub(super) async fn start(replicas: u8) -> Result<Self> {
        let backing = match replicas {
            1 => Self::One(Box::new(Nats::temporary().await.context("starting nats-server")?)),
            3 => Self::Three(Box::new(Cluster::temporary().await.context("starting three nats-servers")?)),
            other => bail!("{other} servers make no log: 1 or 3"),
        };
        backing.migrate().await?;
        Ok(backing)
    }

    /// On this server, which is empty.
    pub(super) async fn on(nats: Nats) -> Result<Self> {
        let backing = Self::One(Box::new(nats));
        backing.migrate().await?;
        Ok(backing)
    }

    async fn migrate(&self) -> Result<()> {
        let (operator, replicas) = match self {
            Self::One(nats) => (nats.connect(Role::Operator).await, 1),
            Self::Three(cluster) => (cluster.connect(Role::Operator).await, 3),
        };
        let sizes = streams::StreamArgs { replicas, chat_bytes_max: CHAT_BYTES_MAX, other_bytes_max: OTHER_BYTES_MAX };
        streams::migrate(&operator?, &sizes).await.context("creating the streams")
    }

    /// The server that keeps the log, or all three.
    pub(super) fn nodes(&self) -> &[Nats] {
        match self {
            Self::One(nats) => std::slice::from_ref(nats),
            Self::Three(cluster) => cluster.nodes(),
        }
    }

    /// Of these the one that leads the stream, as soon as there is one.
    pub(super) async fn leader(&self, stream: &str) -> Result<&Nats> {
        match self {
            Self::One(nats) => Ok(nats),
            Self::Three(cluster) => cluster.leader(stream).await.context("looking for the leader"),
        }
    }

    /// Resolves when every node holds all that the leaders do.
    pub(super) async fn settled(&self) -> Result<()> {
        match self {
            Self::One(_) => Ok(()),
            Self::Three(cluster) => cluster.settled().await.context("waiting for the cluster"),
        }
    }

    /// What both instances are told: rate limits lifted, no database.
    pub(super) fn commands(&self) -> Settings {
        self.reached_by(Role::Command)
            .and(&Keys::generate().signing())
            .with("DATABASE_URL", NO_DATABASE)
            .with("NO_RATE_LIMITS", "true")
            .with("BCRYPT_COST", BCRYPT_COST.to_string())
            .with("ALLOW_WEAK_BCRYPT", "true")
    }

    /// The log as an operator sees it.
    pub(super) async fn log(&self) -> Result<JetStream> {
        connect(&self.reached_by(Role::Operator).parse()?).await
    }

    pub(super) async fn stop(&self) {
        match self {
            Self::One(nats) => nats.stop().await,
            Self::Three(cluster) => cluster.stop().await,
        }
    }

    fn reached_by(&self, role: Role) -> Settings {
        let (url, Credentials { user, password, inbox_prefix }) = match self {
            Self::One(nats) => (nats.url(), nats.credentials(role)),
            Self::Three(cluster) => (cluster.url(), cluster.credentials(role)),
        };
        Settings::default()
            .with("NATS_URL", url)
            .with("NATS_USER", user)
            .with("NATS_PASSWORD", password)
            .with("NATS_INBOX_PREFIX", inbox_prefix)
            .with("NATS_MONITORING_URL", self.nodes()[0].monitoring_url())
    }
}
