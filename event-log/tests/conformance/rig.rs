//! On what is a case played? One server, three, or none; of the case's own or shared with the others.

use async_nats::Client;
use event_log::{EventLog, JetStream, Login, fake::FakeLog, streams};
use futures::StreamExt;
use servers::{Cluster, Nats, Role};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

/// Whose is the log? Cases that share one look only at what they wrote themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Shared,
    /// It may be killed and frozen, and holds what this case wrote.
    Own,
}

/// A log with its streams, and what it stands on.
pub(super) struct Rig {
    /// As the command service has it.
    pub(super) log: Arc<dyn EventLog>,
    under: Arc<Under>,
}

/// What keeps the log.
enum Under {
    One(Box<Nats>),
    Three(Box<Cluster>),
    /// Nothing but memory.
    None(FakeLog),
}

const NO_SERVER: &str = "cases that ask for a server are not played on the fake";

/// The one that the cases of a process share. It goes with the last who uses it.
type Shared = Mutex<Weak<Under>>;
static ONE: Shared = Mutex::const_new(Weak::new());
static THREE: Shared = Mutex::const_new(Weak::new());

impl Rig {
    /// On one server: R1.
    pub(super) async fn r1(whose: Whose) -> Self {
        let start = async || Under::One(Box::new(Nats::temporary().await.expect("a nats-server")));
        Self::on(Under::of(whose, &ONE, start).await).await
    }

    /// On three servers: R3.
    pub(super) async fn r3(whose: Whose) -> Self {
        let start = async || Under::Three(Box::new(Cluster::temporary().await.expect("three nats-servers")));
        Self::on(Under::of(whose, &THREE, start).await).await
    }

    /// On none. It costs nothing to make, so every case has its own.
    pub(super) async fn fake(_: Whose) -> Self {
        let log = FakeLog::new();
        Self { log: Arc::new(log.clone()), under: Arc::new(Under::None(log)) }
    }

    async fn on(under: Arc<Under>) -> Self {
        let log = Arc::new(JetStream::new(under.client(Role::Command).await));
        Self { log, under }
    }

    /// Another process of this role.
    pub(super) async fn connected(&self, role: Role) -> Arc<dyn EventLog> {
        match &*self.under {
            Under::None(fake) => Arc::new(fake.clone()),
            Under::One(_) | Under::Three(_) => Arc::new(self.jetstream(role).await),
        }
    }

    pub(super) async fn jetstream(&self, role: Role) -> JetStream {
        JetStream::new(self.client(role).await)
    }

    /// Its connection alone.
    pub(super) async fn client(&self, role: Role) -> Client {
        self.under.client(role).await
    }

    /// How its streams are made.
    pub(super) fn streams(&self) -> streams::StreamArgs {
        self.under.streams()
    }

    /// Copies of each stream.
    pub(super) fn replicas(&self) -> u8 {
        self.streams().replicas
    }

    /// Every server holds its connections and answers nobody.
    pub(super) fn freeze(&self) {
        match &*self.under {
            Under::None(fake) => fake.freeze(),
            servers => servers.nodes().iter().for_each(|node| node.freeze()),
        }
    }

    pub(super) fn thaw(&self) {
        match &*self.under {
            Under::None(fake) => fake.thaw(),
            servers => servers.nodes().iter().for_each(|node| node.thaw()),
        }
    }

    /// Every server is gone.
    pub(super) async fn kill(&self) {
        match &*self.under {
            Under::None(fake) => fake.cut(),
            servers => drop(futures::future::join_all(servers.nodes().iter().map(|node| node.kill())).await),
        }
    }

    /// Every server is there again, and the streams have their leaders.
    pub(super) async fn restart(&self) {
        match &*self.under {
            Under::None(fake) => fake.mend(),
            servers => {
                let restart = servers.nodes().into_iter().map(Nats::restart);
                futures::future::try_join_all(restart).await.expect("they start again");
            }
        }
        self.settled().await;
    }

    /// The server that keeps the last word on a stream.
    pub(super) async fn leader(&self, stream: &str) -> &Nats {
        match &*self.under {
            Under::One(nats) => nats,
            Under::Three(cluster) => cluster.leader(stream).await.expect("somebody is elected"),
            Under::None(_) => unreachable!("{NO_SERVER}"),
        }
    }

    /// A server that holds a stream and does not lead it; of one server itself.
    pub(super) async fn follower(&self, stream: &str) -> &Nats {
        let leader = self.leader(stream).await;
        self.under.nodes().into_iter().find(|node| node.url() != leader.url()).unwrap_or(leader)
    }

    /// The servers on which the consumers of a stream live, one each.
    pub(super) async fn consumer_servers(&self, stream: &str) -> Vec<&Nats> {
        let Under::Three(cluster) = &*self.under else { panic!("only of a cluster the place is asked") };
        let js = async_nats::jetstream::new(self.client(Role::Operator).await);
        let stream = js.get_stream(stream).await.expect("it is there");
        let consumers = stream.consumers().map(|consumer| {
            let lives_on = consumer.expect("it answers").cluster.and_then(|cluster| cluster.leader);
            cluster.node(&lives_on.expect("it lives")).expect("one of ours")
        });
        consumers.collect().await
    }

    /// Every stream has a leader and every server what the leader has.
    pub(super) async fn settled(&self) {
        self.under.settled().await;
    }
}

impl Under {
    async fn of(whose: Whose, shared: &Shared, start: impl AsyncFnOnce() -> Under) -> Arc<Self> {
        match whose {
            Whose::Own => Arc::new(start().await.with_streams().await),
            Whose::Shared => {
                // Whoever comes second waits until it is there.
                let mut shared = shared.lock().await;
                if let Some(under) = shared.upgrade() {
                    return under;
                }
                let under = Arc::new(start().await.with_streams().await);
                *shared = Arc::downgrade(&under);
                under
            }
        }
    }

    async fn with_streams(self) -> Self {
        let operator = self.client(Role::Operator).await;
        streams::migrate(&operator, &self.streams()).await.expect("streams are made");
        assert_eq!(streams::verify(&operator).await.expect("it answers"), Vec::<String>::new());
        self.settled().await;
        self
    }

    fn streams(&self) -> streams::StreamArgs {
        let replicas = match self {
            Self::One(_) => 1,
            Self::Three(_) => 3,
            Self::None(_) => unreachable!("{NO_SERVER}"),
        };
        streams::StreamArgs { replicas, chat_bytes_max: 1 << 30, other_bytes_max: 1 << 28 }
    }

    fn nodes(&self) -> Vec<&Nats> {
        match self {
            Self::One(nats) => vec![nats],
            Self::Three(cluster) => cluster.nodes().iter().collect(),
            Self::None(_) => Vec::new(),
        }
    }

    async fn settled(&self) {
        match self {
            Self::One(_) | Self::None(_) => {}
            Self::Three(cluster) => cluster.settled().await.expect("it settles"),
        }
    }

    async fn client(&self, role: Role) -> Client {
        let (urls, login) = match self {
            Self::One(nats) => (nats.url(), nats.credentials(role)),
            Self::Three(cluster) => (cluster.url(), cluster.credentials(role)),
            Self::None(_) => unreachable!("{NO_SERVER}"),
        };
        let (user, password) = (login.user, login.password);
        let client = event_log::connect(&urls, Some(Login { user, password }), login.inbox_prefix, "conformance").await;
        client.expect("a role may connect")
    }
}
