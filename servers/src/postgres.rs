//! Postgres: a cluster of its own with one login a service, stopped, killed, brought back on the same port.

use crate::{
    check::{PostgresFacts, check_postgres},
    directory::{self, Durability, Lock, Temporary},
    error::Error,
    find::{find_postgres, find_postgres_for},
    initdb::{self, SUPERUSER},
    logins::DATABASE,
    ports,
    privileges::{self, Account},
    process::Process,
    role::{self, Passwords, Role},
    version::Version,
};
use rustix::process::Signal;
use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

mod run;
use run::{LET_GO_WITHIN, Launched, Run, Settings, connect, connecting};

const STOP_GRACE: Duration = Duration::from_secs(10);
/// Whoever takes our port between looking and listening will not do so this often.
const PORT_TRIES: u32 = 20;

#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Passwords and log lie here, and `postgres`: the data, or as root a link to it.
    pub dir: PathBuf,
    pub durability: Durability,
    /// Forget what is there.
    pub fresh: bool,
}

impl PostgresOptions {
    pub fn new(dir: impl Into<PathBuf>) -> PostgresOptions {
        PostgresOptions { dir: dir.into(), durability: Durability::Real, fresh: false }
    }
}

/// One server and its data. Dropped, it is shut down at once; `stop` is kinder.
pub struct Postgres {
    process: Mutex<Arc<Process>>,
    /// Starts and ends are one at a time.
    turn: tokio::sync::Mutex<()>,
    run: Run,
    _lock: Lock,
    _temporary: Option<Temporary>,
}

impl Postgres {
    /// Finds, starts and checks a server, with the database `chatroom` and a login for each role; when
    /// this returns, clients can connect. On the port it had before in this directory, if it is still free.
    pub async fn start(options: &PostgresOptions) -> Result<Postgres, Error> {
        Postgres::start_in(options, None).await
    }

    /// For a test: the directory goes when the server goes. It is in memory where there is plenty.
    pub async fn temporary() -> Result<Postgres, Error> {
        let temporary = Temporary::in_memory()?;
        let options = PostgresOptions { durability: Durability::Test, ..PostgresOptions::new(&temporary.path) };
        Postgres::start_in(&options, Some(temporary)).await
    }

    async fn start_in(options: &PostgresOptions, temporary: Option<Temporary>) -> Result<Postgres, Error> {
        let dir = directory::make(&options.dir)?;
        let lock = directory::lock(&dir.join("postgres.lock"))?;
        let account = privileges::unprivileged()?;
        let (record, log) = (dir.join("postgres.json"), dir.join("postgres.log"));
        if options.fresh {
            forget(&dir, account, &[&record, &log]).await?;
        }
        let before: Option<Settings> = directory::read_json(&record)?;
        let place = initdb::place(&dir, account, before.is_some()).await?;
        initdb::end_orphan(&place).await;
        let written_by = initdb::major(&place);
        if written_by.is_some() && before.is_none() {
            return Err(Error::PasswordsLost { data: place, passwords: record });
        }
        let programs = match written_by {
            Some(major) => find_postgres_for(major, &place).await?,
            None => find_postgres().await?,
        };
        let mut settings = match before {
            Some(settings) => Settings { passwords: settings.passwords.complete(), ..settings },
            None => Settings { port: free_port()?, superuser: role::secret(), passwords: Passwords::generate() },
        };
        directory::write_json(&record, &settings)?;
        let durability = options.durability;
        if written_by.is_none() {
            initdb::initdb(&programs, &place, account, &settings.superuser, durability, &log).await?;
        }
        for _ in 0..PORT_TRIES {
            let run = Run {
                programs: programs.clone(),
                account,
                place: place.clone(),
                log: log.clone(),
                durability,
                settings: settings.clone(),
            };
            match run.launch(Duration::ZERO).await? {
                Launched::Ready(process) => {
                    directory::write_json(&record, &settings)?;
                    run.make_logins().await?;
                    let postgres = Postgres {
                        process: Mutex::new(Arc::new(process)),
                        turn: tokio::sync::Mutex::default(),
                        run,
                        _lock: lock,
                        _temporary: temporary,
                    };
                    postgres.check().await?;
                    return Ok(postgres);
                }
                Launched::PortTaken(_) => settings.port = free_port()?,
            }
        }
        Err(Error::NoFreePort { server: "Postgres", tries: PORT_TRIES })
    }

    /// `postgres://user:password@127.0.0.1:port/chatroom` of a role.
    pub fn url(&self, role: Role) -> String {
        let password = self.run.settings.passwords.of(role);
        self.run.settings.url(role.postgres_user(), password, DATABASE)
    }

    /// The superuser's, for tests that make databases; no service needs it.
    pub fn superuser_url(&self) -> String {
        self.run.settings.url(SUPERUSER, &self.run.settings.superuser, DATABASE)
    }

    /// What this server is, read from itself.
    pub async fn check(&self) -> Result<PostgresFacts, Error> {
        let client = connect(&self.url(Role::Operator)).await.map_err(connecting)?;
        Ok(check_postgres(&client).await?)
    }

    pub fn version(&self) -> Version {
        self.run.programs.version
    }

    /// What the server says of itself.
    pub fn log(&self) -> &Path {
        &self.run.log
    }

    /// Of the process that was started last.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Resolves when the process that runs now ends, whoever ends it.
    pub fn wait_exit(&self) -> impl Future<Output = ExitStatus> + Send + use<> {
        self.process().wait_exit()
    }

    /// Ends connections and writes out, for 10 s at most; then it is killed. Twice is once.
    pub async fn stop(&self) {
        let _turn = self.turn.lock().await;
        self.process().end(Signal::INT, STOP_GRACE).await;
    }

    /// SIGKILL: as a crash of the process, not of the machine.
    pub async fn kill(&self) {
        let _turn = self.turn.lock().await;
        self.process().kill().await;
    }

    /// SIGSTOP, to the server and the processes of its connections: they hold on and answer nobody.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// Runs again on the same port and data; what runs is stopped first.
    pub async fn restart(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        self.process().end(Signal::INT, STOP_GRACE).await;
        match self.run.launch(LET_GO_WITHIN).await? {
            Launched::Ready(process) => {
                *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(process);
                Ok(())
            }
            Launched::PortTaken(error) => Err(error),
        }
    }

    fn process(&self) -> Arc<Process> {
        Arc::clone(&self.process.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn forget(dir: &Path, account: Option<Account>, records: &[&Path]) -> Result<(), Error> {
    let place = initdb::place(dir, account, true).await?;
    initdb::end_orphan(&place).await;
    directory::remove(&place)?;
    directory::remove(&dir.join("postgres"))?;
    records.iter().try_for_each(|record| directory::remove(record))
}

fn free_port() -> Result<u16, Error> {
    ports::free().map_err(|source| Error::Io { doing: "looking for a free port".into(), source })
}
