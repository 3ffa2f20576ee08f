//! The configuration of nats-server: durable storage, and the least rights for each role.
//!
//! A refused request looks like a timeout to the client. Every right here is tried by a test.
//!
//! They keep a role from mistakes, not from malice: nats-server checks neither the reply subject of a
//! request nor the delivery subject of a consumer, so whoever may ask JetStream anything can make it write
//! its *answer* to a subject of a stream. Against that, only an account of its own would help.

use crate::{directory::Durability, role::Role};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What the bounds of all streams may add up to; the disk below may be smaller.
const MAX_FILE_STORE: &str = "64GB";
const MAX_MEMORY_STORE: &str = "256MB";

const CHAT: &str = "CHAT";
const IDENTITY: &str = "IDENTITY";
const PRESENCE: &str = "PRESENCE";
const MARKERS: &str = "MARKERS";
const CANARY: &str = "CANARY";
/// The stream behind the bucket `PRESENCE_LEASES`.
const LEASES: &str = "KV_PRESENCE_LEASES";

/// What nats-server takes unless told otherwise.
const SYNC_INTERVAL_DEFAULT: &str = "2m";

/// What a server that is not one of a cluster calls itself.
pub(crate) const ALONE: &str = "chatroom";

pub(crate) struct Listen<'a> {
    pub(crate) client: &'a str,
    pub(crate) monitoring: &'a str,
    pub(crate) store: &'a Path,
    pub(crate) durability: Durability,
    /// None is a server of its own.
    pub(crate) node: Option<&'a Node>,
}

/// One of the servers of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Streams name their leader by it.
    pub(crate) name: String,
    /// Where the others reach it.
    pub(crate) port: u16,
    /// The ports of the others.
    pub(crate) others: Vec<u16>,
    /// Whoever knows it is let in as a server, with every right.
    pub(crate) password: String,
}

/// `password` gives a value as it stands in the file: quoted, or a variable of the environment.
pub(crate) fn conf(listen: &Listen, password: impl Fn(Role) -> String) -> String {
    let Listen { client, monitoring, store, durability, node } = listen;
    let sync_interval = match durability {
        Durability::Real | Durability::Test => "always",
        Durability::Unsynced => SYNC_INTERVAL_DEFAULT,
    };
    let name = node.map_or(ALONE, |node| &node.name);
    let cluster = node.map_or_else(String::new, Node::conf);
    let users: Vec<_> = Role::ALL.into_iter().map(|role| user(role, &password(role))).collect();
    format!(
        "server_name: {name}\n\
         listen: \"{client}\"\n\
         # Shows `sync_always`, without which every role refuses to start. Not to be reached from outside.\n\
         http: \"{monitoring}\"\n\
         \n\
         jetstream {{\n  \
           store_dir: {store:?}\n  \
           # What is acknowledged is on the disk. With the default, a power cut takes minutes of it.\n  \
           sync_interval: {sync_interval}\n  \
           max_file_store: {MAX_FILE_STORE}\n  \
           max_memory_store: {MAX_MEMORY_STORE}\n\
         }}\n\
         {cluster}\n\
         # Nobody is let in without a password. Only `operator` creates, changes, purges or deletes streams.\n\
         authorization {{\n  users: [\n{}  ]\n}}\n",
        users.concat()
    )
}

/// The file that `docker-compose.yml` gives to nats-server, with passwords from its environment
/// (`NATS_COMMAND_PASSWORD`, …). They must begin with a letter: a number would not be read as text.
pub fn compose_conf() -> String {
    let listen = Listen {
        client: "0.0.0.0:4222",
        monitoring: "0.0.0.0:8222",
        store: Path::new("/data"),
        durability: Durability::Real,
        node: None,
    };
    let conf = conf(&listen, |role| format!("$NATS_{}_PASSWORD", role.nats_user().to_uppercase()));
    format!("# Written from servers/src/nats_conf.rs; a test compares them.\n{conf}")
}

fn user(role: Role, password: &str) -> String {
    let name = role.nats_user();
    let Some(Rights { publish, deny, subscribe }) = Rights::of(role) else {
        return format!("    {{ user: {name}, password: {password} }}\n");
    };
    format!(
        "    {{ user: {name}, password: {password}, permissions: {{\n      \
         publish: {{ allow: [{}], deny: [{}] }}\n      \
         subscribe: {{ allow: [{}] }} }} }}\n",
        list(&publish),
        list(&deny),
        list(&subscribe)
    )
}

fn list(subjects: &[String]) -> String {
    subjects.iter().map(|subject| format!("\n        {subject:?}")).collect()
}

impl Node {
    fn conf(&self) -> String {
        let Node { name: _, port, others, password } = self;
        let routes: Vec<_> =
            others.iter().map(|port| format!("\n    \"nats://route:{password}@127.0.0.1:{port}\"")).collect();
        format!(
            "\n\
             cluster {{\n  \
               name: chatroom\n  \
               listen: \"127.0.0.1:{port}\"\n  \
               authorization {{ user: route, password: {password} }}\n  \
               routes: [{}\n  ]\n\
             }}\n",
            routes.concat()
        )
    }
}

struct Rights {
    publish: Vec<String>,
    deny: Vec<String>,
    subscribe: Vec<String>,
}

impl Rights {
    /// None is every right.
    fn of(role: Role) -> Option<Rights> {
        let mut rights = Rights {
            publish: vec!["$JS.API.INFO".into(), "$JS.FC.>".into()],
            deny: vec!["$JS.API.CONSUMER.DURABLE.>".into()],
            subscribe: vec![format!("{}.>", role.inbox_prefix())],
        };
        match role {
            Role::Operator => return None,
            Role::Command => {
                rights.reads([CHAT, IDENTITY, PRESENCE, MARKERS, CANARY, LEASES]);
                rights.follows([CHAT, IDENTITY, PRESENCE, MARKERS, LEASES]);
                rights.publishes(["chat.v1.>", "idn.v1.>", "prs.v1.>", "mrk.v1.>", "canary.>"]);
                rights.publishes(["$KV.PRESENCE_LEASES.>"]);
            }
            Role::Projector => {
                rights.reads([CHAT, IDENTITY, PRESENCE, MARKERS]);
                rights.follows([CHAT, IDENTITY, PRESENCE, MARKERS]);
            }
            Role::Query => {
                rights.reads([CHAT, MARKERS, PRESENCE, LEASES]);
                rights.follows([CHAT, MARKERS, PRESENCE, LEASES]);
                // The leases of its own sockets, and who is typing, which no stream keeps.
                rights.publishes(["$KV.PRESENCE_LEASES.*.q.*", "live.>"]);
                rights.subscribe.push("live.>".into());
            }
            Role::Analyst => {
                rights.publishes(["$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"]);
                rights.reads([CHAT]);
                rights.follows([CHAT]);
                // The analyst's own tools pull; ours are pushed to.
                rights.publishes(["$JS.API.CONSUMER.MSG.NEXT.CHAT.>", "$JS.ACK.CHAT.>"]);
            }
        }
        Some(rights)
    }

    fn publishes<const N: usize>(&mut self, subjects: [&str; N]) {
        self.publish.extend(subjects.map(str::to_owned));
    }

    fn reads<const N: usize>(&mut self, streams: [&str; N]) {
        for stream in streams {
            self.publish.extend([
                format!("$JS.API.STREAM.INFO.{stream}"),
                format!("$JS.API.STREAM.MSG.GET.{stream}"),
                format!("$JS.API.DIRECT.GET.{stream}"),
                format!("$JS.API.DIRECT.GET.{stream}.>"),
            ]);
        }
    }

    fn follows<const N: usize>(&mut self, streams: [&str; N]) {
        for stream in streams {
            self.publish.extend([
                // Without a name behind it, as the watcher of a bucket asks.
                format!("$JS.API.CONSUMER.CREATE.{stream}"),
                format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
                format!("$JS.API.CONSUMER.INFO.{stream}.>"),
                format!("$JS.API.CONSUMER.DELETE.{stream}.>"),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compose_conf;
    use std::{env, fs, path::Path};

    /// `WRITE_DEPLOY=1 cargo test -p servers` writes the file instead.
    #[test]
    fn the_committed_configuration_is_what_the_code_writes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nats.conf");
        if env::var_os("WRITE_DEPLOY").is_some() {
            fs::write(&path, compose_conf()).expect("deploy/ is there");
        }
        let committed = fs::read_to_string(&path).expect("deploy/nats.conf is there");
        assert_eq!(committed, compose_conf(), "write it anew: WRITE_DEPLOY=1 cargo test -p servers");
    }
}
