//! Whether a server, ours or a foreign one, may be trusted with a log and a read model.

use crate::{monitoring, version::Version};
use serde::Deserialize;

/// Why a server is refused, and what to change.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(
        "nats-server {found} is too old: {} or later is needed, because older ones skip the condition of \
         an append. Upgrade it, or unset NATS_URL and let one be fetched",
        Version::OLDEST_NATS
    )]
    NatsTooOld { found: String },
    #[error(
        "nats-server does not write to disk before it acknowledges: put `sync_interval: always` into the \
         `jetstream` block of its configuration and restart it"
    )]
    NotSynced,
    #[error("nats-server runs without JetStream: add a `jetstream` block to its configuration")]
    NoJetStream,
    #[error(
        "whether nats-server syncs every write cannot be read ({why}): set NATS_MONITORING_URL to its \
         monitoring address (`http: 127.0.0.1:8222` in its configuration), or, when you know that it says \
         `sync_interval: always`, give --trust-nats-sync"
    )]
    SyncUnreadable { why: String },
    #[error(
        "NATS_MONITORING_URL shows another server than NATS_URL: set it to the monitoring address of the \
         same one"
    )]
    AnotherServer,
    #[error("Postgres {found} is too old: {} or later is needed", Version::OLDEST_POSTGRES.major)]
    PostgresTooOld { found: String },
    #[error(
        "the database is encoded in {encoding} with the character type {ctype}: make it anew with \
         `encoding 'UTF8' locale 'C.UTF-8'`, or searching finds no text that is not ASCII"
    )]
    Locale { encoding: String, ctype: String },
    #[error("asking Postgres what it is: {0}")]
    Postgres(#[from] tokio_postgres::Error),
}

/// What to do when `/varz` cannot be read. A setting that can be read and is wrong is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnreadableSync {
    #[default]
    Refuse,
    /// `--trust-nats-sync`
    Trust,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsFacts {
    pub version: Version,
    /// False when it was trusted, not read.
    pub sync_seen: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresFacts {
    pub version: Version,
    pub encoding: String,
    pub ctype: String,
}

/// At least 2.12, with JetStream and `sync_interval: always`. The sync setting shows only in `/varz`, so
/// the monitoring address (`http://host:port`, no TLS) is needed, within 5 s.
pub async fn check_nats(
    client: &async_nats::Client,
    monitoring_url: Option<&str>,
    unreadable: UnreadableSync,
) -> Result<NatsFacts, Unfit> {
    let info = client.server_info();
    let version = new_enough(&info.version)?;
    let varz = match monitoring_url {
        None => Err("no monitoring address is set".to_owned()),
        Some(url) => monitoring::read::<Varz>(url, "/varz").await.map_err(|why| format!("{url}: {why}")),
    };
    match (varz, unreadable) {
        (Ok(varz), _) => {
            // In a cluster any member may answer for the setting that all must have.
            if varz.server_id != info.server_id && varz.cluster.name.is_none() {
                return Err(Unfit::AnotherServer);
            }
            judge(&varz)
        }
        (Err(_), UnreadableSync::Trust) => Ok(NatsFacts { version, sync_seen: false }),
        (Err(why), UnreadableSync::Refuse) => Err(Unfit::SyncUnreadable { why }),
    }
}

/// At least 15, in UTF-8, with a character type that knows more than ASCII.
pub async fn check_postgres(client: &tokio_postgres::Client) -> Result<PostgresFacts, Unfit> {
    let row = client
        .query_one(
            "select current_setting('server_version'),
                    pg_encoding_to_char(encoding)::text,
                    datctype::text
             from pg_database
             where datname = current_database()",
            &[],
        )
        .await?;
    let found: String = row.get(0);
    let version = Version::find(&found)
        .filter(|version| *version >= Version::OLDEST_POSTGRES)
        .ok_or(Unfit::PostgresTooOld { found })?;
    let (encoding, ctype): (String, String) = (row.get(1), row.get(2));
    if encoding != "UTF8" || matches!(ctype.as_str(), "C" | "POSIX") {
        return Err(Unfit::Locale { encoding, ctype });
    }
    Ok(PostgresFacts { version, encoding, ctype })
}

#[derive(Debug, Deserialize)]
struct Varz {
    server_id: String,
    version: String,
    #[serde(default)]
    cluster: VarzCluster,
    #[serde(default)]
    jetstream: VarzJetStream,
}

#[derive(Debug, Default, Deserialize)]
struct VarzCluster {
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct VarzJetStream {
    config: Option<VarzJetStreamConfig>,
}

#[derive(Debug, Deserialize)]
struct VarzJetStreamConfig {
    #[serde(default)]
    sync_always: bool,
}

fn judge(varz: &Varz) -> Result<NatsFacts, Unfit> {
    let version = new_enough(&varz.version)?;
    match &varz.jetstream.config {
        None => Err(Unfit::NoJetStream),
        Some(config) if !config.sync_always => Err(Unfit::NotSynced),
        Some(_) => Ok(NatsFacts { version, sync_seen: true }),
    }
}

fn new_enough(text: &str) -> Result<Version, Unfit> {
    Version::find(text)
        .filter(|version| *version >= Version::OLDEST_NATS)
        .ok_or_else(|| Unfit::NatsTooOld { found: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{Unfit, UnreadableSync, Varz, check_nats, judge};
    use crate::{
        directory::{Durability, Temporary},
        find::find_nats_server,
        launch::Launch,
        nats_conf::{Listen, conf},
        ports,
        process::Process,
    };
    use rustix::process::Signal;

    fn varz(text: &str) -> Varz {
        serde_json::from_str(text).expect("it is a /varz")
    }

    #[test]
    fn an_old_server_is_refused_whatever_it_says_about_syncing() {
        let old = varz(r#"{"server_id": "A", "version": "2.9.10", "jetstream": {"config": {"sync_always": true}}}"#);
        assert!(matches!(judge(&old), Err(Unfit::NatsTooOld { found }) if found == "2.9.10"));
    }

    #[test]
    fn a_server_without_jetstream_is_refused() {
        let bare = varz(r#"{"server_id": "A", "version": "2.15.1", "jetstream": {}}"#);
        assert!(matches!(judge(&bare), Err(Unfit::NoJetStream)));
    }

    #[tokio::test]
    async fn a_real_server_that_does_not_sync_every_write_is_refused_even_when_trusted() {
        let home = Temporary::new().expect("a directory");
        let free = || format!("127.0.0.1:{}", ports::free().expect("a free port"));
        let (client, monitoring) = (free(), free());
        let store = home.path.join("nats");
        let durability = Durability::Unsynced;
        let listen = Listen { client: &client, monitoring: &monitoring, store: &store, durability, node: None };
        let default = conf(&listen, |_| "secret".into());
        let file = home.path.join("nats.conf");
        std::fs::write(&file, default).expect("the directory is ours");
        let launch = Launch {
            program: find_nats_server().await.expect("a server").program,
            args: vec!["--config".into(), file.into()],
            account: None,
            dir: home.path.clone(),
            death_signal: "TERM",
        };
        let _server =
            Process::spawn("nats-server", &launch, &home.path.join("nats.log"), Signal::KILL).await.expect("it starts");
        let operator = async_nats::ConnectOptions::with_user_and_password("operator".into(), "secret".into())
            .retry_on_initial_connect()
            .connect(format!("nats://{client}"))
            .await
            .expect("a client");
        operator.flush().await.expect("it is connected");
        let url = format!("http://{monitoring}");
        for unreadable in [UnreadableSync::Refuse, UnreadableSync::Trust] {
            let refused = check_nats(&operator, Some(&url), unreadable).await;
            let refused = refused.expect_err("the default sync interval loses what is acknowledged");
            assert!(matches!(refused, Unfit::NotSynced));
            assert!(refused.to_string().contains("sync_interval: always"));
        }
    }
}
