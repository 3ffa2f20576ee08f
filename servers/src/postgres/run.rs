//! One run of Postgres: how it is launched, when it is ready, and which logins it then has.

use crate::{
    directory::Durability, error::Error, find::PostgresPrograms, initdb::SUPERUSER, launch::Launch, logins,
    privileges::Account, process::Process, role::Passwords,
};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, NoTls, error::SqlState};

/// Recovering from a kill replays what was not yet written out.
const READY_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For three services, their tests and a psql beside them.
const CONNECTIONS_MAX: u32 = 200;
/// How long a restart waits for its own port, and for the processes of a killed server to go.
pub(super) const LET_GO_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) superuser: String,
    pub(super) passwords: Passwords,
}

/// All that a launch needs.
pub(super) struct Run {
    pub(super) programs: PostgresPrograms,
    pub(super) account: Option<Account>,
    pub(super) place: PathBuf,
    pub(super) log: PathBuf,
    pub(super) durability: Durability,
    pub(super) settings: Settings,
}

pub(super) enum Launched {
    Ready(Process),
    PortTaken(Error),
}

enum Ended {
    PortTaken(Error),
    /// By the last processes of a killed server, for a moment.
    MemoryHeld(Error),
    Otherwise(Error),
}

impl Run {
    /// `port_within` is how long to wait for a port that is taken.
    pub(super) async fn launch(&self, port_within: Duration) -> Result<Launched, Error> {
        let begun = Instant::now();
        loop {
            let (error, within) = match self.launch_once().await? {
                Ok(process) => return Ok(Launched::Ready(process)),
                Err(Ended::PortTaken(error)) if begun.elapsed() >= port_within => {
                    return Ok(Launched::PortTaken(error));
                }
                Err(Ended::PortTaken(error)) => (error, port_within),
                Err(Ended::MemoryHeld(error)) => (error, LET_GO_WITHIN),
                Err(Ended::Otherwise(error)) => return Err(error),
            };
            if begun.elapsed() >= within {
                return Err(error);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn launch_once(&self) -> Result<Result<Process, Ended>, Error> {
        let launch = self.description();
        // SIGQUIT when dropped: at once, but without leaving shared memory behind.
        let process = Process::spawn("Postgres", &launch, &self.log, Signal::QUIT).await?;
        let ready = tokio::select! {
            ready = timeout(READY_WITHIN, self.ready()) => ready,
            status = process.wait_exit() => {
                let error = process.failed(format!("ended at its start with {status}"));
                let said = process.log_tail().to_lowercase();
                return Ok(Err(if said.contains("address already in use") {
                    Ended::PortTaken(error)
                } else if said.contains("pre-existing shared memory block") {
                    Ended::MemoryHeld(error)
                } else {
                    Ended::Otherwise(error)
                }));
            }
        };
        match ready {
            Ok(Ok(())) => Ok(Ok(process)),
            Ok(Err(source)) => {
                let error = Error::Postgres { doing: "waiting for Postgres", source };
                Ok(Err(Ended::Otherwise(error)))
            }
            Err(_) => Err(process.failed(format!("was not ready within {READY_WITHIN:?}"))),
        }
    }

    fn description(&self) -> Launch {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.settings.port),
            // The path of a socket may have 107 bytes, which a deep directory exceeds.
            "unix_socket_directories=".into(),
            format!("max_connections={CONNECTIONS_MAX}"),
            "timezone=UTC".into(),
            "log_timezone=UTC".into(),
        ];
        if self.durability == Durability::Test {
            // A commit is still handed to the kernel before it is acknowledged, so that a kill loses none.
            settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
        }
        let mut args = vec!["-D".into(), self.place.join("data").into()];
        args.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        Launch {
            program: self.programs.bin.join("postgres"),
            args,
            account: self.account,
            dir: self.place.clone(),
            death_signal: "INT",
        }
    }

    /// Another process's readiness can only be looked at. An answer other than "not yet" is an error.
    async fn ready(&self) -> Result<(), tokio_postgres::Error> {
        loop {
            match self.superuser("postgres").await {
                Ok(_) => return Ok(()),
                Err(error) if error.code().is_none() || error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) => {
                    sleep(LOOK_EVERY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn superuser(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        connect(&self.settings.url(SUPERUSER, &self.settings.superuser, database)).await
    }

    /// At every start, so that an interrupted first one is no different from any other.
    pub(super) async fn make_logins(&self) -> Result<(), Error> {
        let making = |source| Error::Postgres { doing: "making the logins", source };
        let client = self.superuser("postgres").await.map_err(connecting)?;
        // A failed statement would be logged with the password in it.
        client.batch_execute("set log_min_error_statement = panic").await.map_err(making)?;
        let existing: HashSet<String> = client
            .query("select rolname::text from pg_roles union all select datname::text from pg_database", &[])
            .await
            .map_err(making)?
            .into_iter()
            .map(|row| row.get(0))
            .collect();
        let password = |role| format!("'{}'", self.settings.passwords.of(role));
        for statement in logins::statements(&existing, password) {
            client.batch_execute(&statement).await.map_err(making)?;
        }
        let inside = self.superuser(logins::DATABASE).await.map_err(connecting)?;
        inside.batch_execute(logins::INSIDE).await.map_err(making)
    }
}

impl Settings {
    pub(super) fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

pub(super) fn connecting(source: tokio_postgres::Error) -> Error {
    Error::Postgres { doing: "connecting to Postgres", source }
}

pub(super) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config: tokio_postgres::Config = url.parse()?;
    let (client, connection) = config.connect_timeout(CONNECT_WITHIN).connect(NoTls).await?;
    // It ends with the client, whose calls report its errors.
    tokio::spawn(connection);
    Ok(client)
}
