//! Three nats-servers on this machine, which hold each stream three times: killed, frozen, brought back one by one.

use crate::{
    directory::{Durability, Temporary},
    error::{Error, while_},
    monitoring,
    nats::{self, Nats, NatsOptions, PORT_TRIES},
    nats_conf::Node,
    ports,
    role::{Credentials, Passwords, Role, secret},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Fewer cannot lose one and go on.
const NODES: usize = 3;
/// An election takes up to 9 s, after a restart of all three more than one.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A frozen node never answers, and the others need not wait for it.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

/// The nodes of one cluster and their data. Dropped, they are killed; `stop` is kinder.
pub struct Cluster {
    nodes: [Nats; NODES],
    passwords: Passwords,
    _temporary: Temporary,
}

impl Cluster {
    /// For a test: empty, settled, and gone with the value.
    pub async fn temporary() -> Result<Cluster, Error> {
        let temporary = Temporary::new()?;
        let passwords = Passwords::generate();
        let start = async |[first, second, third]: [Node; NODES]| {
            let start = |node: Node| {
                let dir = temporary.path.join(&node.name);
                let options = NatsOptions { durability: Durability::Test, ..NatsOptions::new(dir) };
                let passwords = &passwords;
                async move { Nats::start_node(&options, passwords, node).await }
            };
            tokio::try_join!(start(first), start(second), start(third))
        };
        for _ in 0..PORT_TRIES {
            match start(three_nodes()?).await {
                Ok((first, second, third)) => {
                    let cluster = Cluster { nodes: [first, second, third], passwords, _temporary: temporary };
                    cluster.settled().await?;
                    return Ok(cluster);
                }
                Err(Error::NoFreePort { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::NoFreePort { server: "a cluster of nats-servers", tries: PORT_TRIES })
    }

    /// Each can be stopped, killed, restarted, frozen and thawed by itself.
    pub fn nodes(&self) -> &[Nats; NODES] {
        &self.nodes
    }

    /// The one that calls itself so: in what the servers say of streams and consumers.
    pub fn node(&self, name: &str) -> Option<&Nats> {
        self.nodes.iter().find(|node| node.name() == name)
    }

    /// The URLs of all three, separated by commas.
    pub fn url(&self) -> String {
        self.urls().join(",")
    }

    /// The same on every node.
    pub fn credentials(&self, role: Role) -> Credentials {
        self.passwords.credentials(role)
    }

    /// A client with the rights of `role`, of whichever node: it goes to another when its own is gone.
    pub async fn connect(&self, role: Role) -> Result<async_nats::Client, Error> {
        nats::connect(self.urls(), self.credentials(role))
            .await
            .map_err(|source| Error::Nats { user: role.nats_user(), source })
    }

    /// The node that leads a stream, as soon as there is one.
    pub async fn leader(&self, stream: &str) -> Result<&Nats, Error> {
        self.once(|seen| {
            let leads = |node: &Seen| node.leads.contains_key(stream);
            seen.iter().position(leads).map(|index| &self.nodes[index]).ok_or(format!("nobody leads {stream}"))
        })
        .await
    }

    /// Resolves when every stream has a leader, and every node holds all that the leaders do.
    pub async fn settled(&self) -> Result<(), Error> {
        self.once(unsettled).await
    }

    /// All three at once, each within its own grace of 10 s.
    pub async fn stop(&self) {
        let [first, second, third] = &self.nodes;
        tokio::join!(first.stop(), second.stop(), third.stop());
    }

    fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Nats::url).collect()
    }

    /// Looks until what is seen is what is waited for. Nobody tells us: nodes of another process can only be looked at.
    async fn once<T>(&self, judge: impl Fn(&[Seen; NODES]) -> Result<T, String>) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            let [first, second, third] = &self.nodes;
            let seen = tokio::join!(Seen::on(first), Seen::on(second), Seen::on(third));
            match judge(&seen.into()) {
                Ok(found) => return Ok(found),
                Err(why) if began.elapsed() > SETTLED_WITHIN => {
                    return Err(Error::NotSettled { after: began.elapsed(), why });
                }
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

fn three_nodes() -> Result<[Node; NODES], Error> {
    let free = || ports::free().map_err(while_(|| "looking for a free port".into()));
    let ports = [free()?, free()?, free()?];
    let password = secret();
    let node = |index: usize| {
        let (port, name) = (ports[index], format!("node-{}", index + 1));
        let others = ports.into_iter().filter(|other| *other != port).collect();
        Node { name, port, others, password: password.clone() }
    };
    Ok([node(0), node(1), node(2)])
}

/// What is seen of a cluster on one of its nodes. Empty when the node does not answer.
#[derive(Default)]
struct Seen {
    /// Whether it leads the cluster itself, and with which others.
    meta: Option<Vec<Peer>>,
    /// Streams that it holds.
    streams: BTreeSet<String>,
    /// Streams that it leads, and the others that hold them.
    leads: BTreeMap<String, Vec<Peer>>,
}

impl Seen {
    async fn on(node: &Nats) -> Seen {
        let url = node.monitoring_url();
        match timeout(LOOK_WITHIN, monitoring::read::<Jsz>(&url, "/jsz?streams=true&config=true")).await {
            Ok(Ok(jsz)) => Seen::of(jsz, node.name()),
            Ok(Err(_)) | Err(_) => Seen::default(),
        }
    }

    fn of(Jsz { meta_cluster, account_details }: Jsz, name: &str) -> Seen {
        let leads = |group: Option<Group>, nodes: usize| {
            // A server that has just come back takes itself for the leader, and knows of nobody else.
            group.filter(|group| group.leader == name && group.replicas.len() + 1 >= nodes).map(|group| group.replicas)
        };
        let mut seen = Seen { meta: leads(meta_cluster, NODES), ..Seen::default() };
        let streams = account_details.into_iter().flat_map(|account| account.stream_detail);
        for StreamDetail { name, cluster, config } in streams {
            if let Some(replicas) = leads(cluster, config.num_replicas) {
                seen.leads.insert(name.clone(), replicas);
            }
            seen.streams.insert(name);
        }
        seen
    }
}

/// Why the cluster is not settled, if it is not.
fn unsettled(seen: &[Seen; NODES]) -> Result<(), String> {
    let led = |what: &str, replicas: Option<&Vec<Peer>>| {
        let replicas = replicas.ok_or(format!("nobody leads {what}"))?;
        let behind = replicas.iter().find(|peer| !peer.current || peer.offline);
        behind.map_or(Ok(()), |peer| Err(format!("{} is behind on {what}", peer.name)))
    };
    led("the cluster", seen.iter().find_map(|node| node.meta.as_ref()))?;
    let streams: BTreeSet<&String> = seen.iter().flat_map(|node| &node.streams).collect();
    streams.into_iter().try_for_each(|stream| led(stream, seen.iter().find_map(|node| node.leads.get(stream))))
}

#[derive(Deserialize)]
struct Jsz {
    meta_cluster: Option<Group>,
    #[serde(default)]
    account_details: Vec<AccountDetail>,
}

#[derive(Deserialize)]
struct AccountDetail {
    #[serde(default)]
    stream_detail: Vec<StreamDetail>,
}

#[derive(Deserialize)]
struct StreamDetail {
    name: String,
    cluster: Option<Group>,
    config: StreamConfig,
}

#[derive(Deserialize)]
struct StreamConfig {
    num_replicas: usize,
}

/// Nodes that agree on something. Only its leader knows of the others.
#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    leader: String,
    #[serde(default)]
    replicas: Vec<Peer>,
}

#[derive(Deserialize)]
struct Peer {
    name: String,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
}
