//! Who is on the stage? Rooms with people who speak and people who listen, and what dies under them.

use anyhow::{Context, Result};
use events::RoomId;
use hyper::Method;
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

use crate::{
    chaos::{
        ground::{Beside, Ground},
        instance::Instance,
        person::Person,
    },
    client::{Api, Ask},
};

/// What dies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    OneQueryService,
    TheOther,
    Log,
    Database,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::OneQueryService, Self::TheOther, Self::Log, Self::Database];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OneQueryService | Self::TheOther => "kills of a query service",
            Self::Log => "kills of nats-server",
            Self::Database => "kills of Postgres",
        }
    }
}

/// What everybody on the stage can reach. Clones reach the same.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) commands: Arc<Instance>,
    /// Both query services.
    pub(super) queries: [Api; 2],
    pub(super) owner: Person,
    pub(super) speakers: Arc<[Person]>,
    pub(super) rooms: Arc<[RoomId]>,
    /// Where everybody had joined.
    pub(super) since: Arc<str>,
    /// Where it ends, as soon as that is known: the position of the last words, or that there are none.
    pub(super) end: watch::Receiver<Option<Option<String>>>,
}

pub(super) struct Stage {
    pub(super) clients: Vec<Person>,
    scene: Scene,
    ground: Ground,
    over: watch::Sender<Option<Option<String>>>,
}

/// People who speak.
const SPEAKERS: usize = 4;

impl Stage {
    pub(super) async fn set(program: &Path, rooms: u16, clients: u16) -> Result<Self> {
        let ground = Ground::laid(program, &Beside::default()).await?;
        let (commands, queries) = (Arc::clone(&ground.commands), ground.queries.clone());
        let owner = Person::registered(&commands, "+491500000001").await?;
        let mut ids = Vec::new();
        for _ in 0..rooms {
            ids.push(owner.opens_room(&commands).await?);
        }
        let mut people = Vec::new();
        let mut since = String::new();
        for _ in 0..usize::from(clients) + SPEAKERS {
            let person = Person::guest(&commands).await?;
            for room in &ids {
                let joined = commands.insist(person.joins(*room)).await.applied().context("joining")?;
                since = joined.value()["position"].as_str().map(str::to_owned).unwrap_or(since);
            }
            people.push(person);
        }
        let clients = people.split_off(SPEAKERS);
        let (over, end) = watch::channel(None);
        let scene =
            Scene { commands, queries, owner, speakers: people.into(), rooms: ids.into(), since: since.into(), end };
        Ok(Self { clients, scene, ground, over })
    }

    pub(super) fn scene(&self) -> Scene {
        self.scene.clone()
    }

    /// Something dies and comes back.
    pub(super) async fn suffers(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::OneQueryService => self.dies(0).await,
            Fault::TheOther => self.dies(1).await,
            Fault::Log => {
                self.ground.servers.nats.kill().await;
                self.ground.servers.nats.restart().await.context("starting nats-server again")
            }
            Fault::Database => {
                self.ground.servers.postgres.kill().await;
                self.ground.servers.postgres.restart().await.context("starting Postgres again")
            }
        }
    }

    async fn dies(&mut self, which: usize) -> Result<()> {
        self.ground.processes[which].kill().await?;
        self.ground.processes[which].restart().await
    }

    /// One more message in each room; gives the last one's position.
    pub(super) async fn last_words(&self) -> Result<String> {
        let mut last = None;
        for room in self.scene.rooms.iter() {
            let key = uuid::Uuid::now_v7().to_string();
            let said = self.scene.owner.posts(*room, "the end").header("idempotency-key", &key);
            let said = self.scene.commands.insist(said).await.applied().context("the last words")?;
            last = said.value()["position"].as_str().map(str::to_owned);
        }
        last.context("a room, and a position")
    }

    /// From here on everybody hears to the end, where there is one.
    pub(super) fn is_over(&self, last: Option<String>) {
        self.over.send_replace(Some(last));
    }

    pub(super) async fn clear(self) -> Result<()> {
        self.ground.clear().await
    }
}

/// Asks of somebody about a message.
pub(super) fn about(person: &Person, method: Method, room: RoomId, message: &str, what: &str) -> Ask {
    person.asks(method, format!("/v1/rooms/{room}/messages/{message}{what}"))
}
