//! nats-server: started durable and closed to strangers, stopped, killed, brought back on the same ports.

use crate::{
    check::{NatsFacts, UnreadableSync, check_nats},
    directory::{self, Durability, Lock, Temporary},
    error::Error,
    find::find_nats_server,
    launch::Launch,
    nats_conf::{self, Listen, Node, conf},
    orphan, ports,
    process::Process,
    role::{Credentials, Passwords, Role},
    version::Version,
};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Recovering a large log takes seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Whoever takes our port between looking and listening will not do so this often.
pub(crate) const PORT_TRIES: u32 = 20;
/// How long a restart waits for its own port to be let go.
const SAME_PORT_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Configuration, passwords, log and store lie here.
    pub dir: PathBuf,
    /// NATS syncs every write even in tests, because its answers change with it; only `Unsynced` does not.
    pub durability: Durability,
    /// Forget what is there.
    pub fresh: bool,
}

impl NatsOptions {
    pub fn new(dir: impl Into<PathBuf>) -> NatsOptions {
        NatsOptions { dir: dir.into(), durability: Durability::Real, fresh: false }
    }
}

/// One server and its data. Dropped, it is killed; `stop` is kinder.
pub struct Nats {
    process: Mutex<Arc<Process>>,
    /// Starts and ends are one at a time: two servers must never write to one store.
    turn: tokio::sync::Mutex<()>,
    files: Files,
    settings: Settings,
    program: PathBuf,
    version: Version,
    durability: Durability,
    _lock: Lock,
    _temporary: Option<Temporary>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Settings {
    ports: Ports,
    passwords: Passwords,
    #[serde(default)]
    node: Option<Node>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Ports {
    client: u16,
    monitoring: u16,
}

struct Files {
    dir: PathBuf,
    settings: PathBuf,
    conf: PathBuf,
    store: PathBuf,
    log: PathBuf,
    pid: PathBuf,
}

impl Nats {
    /// Finds, starts and checks a server; when this returns, clients can connect. On the ports it had
    /// before in this directory, if they are still free.
    pub async fn start(options: &NatsOptions) -> Result<Nats, Error> {
        Nats::start_in(options, None, None).await
    }

    /// For a test: the directory goes when the server goes.
    pub async fn temporary() -> Result<Nats, Error> {
        let temporary = Temporary::new()?;
        let options = NatsOptions { durability: Durability::Test, ..NatsOptions::new(&temporary.path) };
        Nats::start_in(&options, Some(temporary), None).await
    }

    /// As one of a cluster, which settles what the nodes have to agree on.
    pub(crate) async fn start_node(options: &NatsOptions, passwords: &Passwords, node: Node) -> Result<Nats, Error> {
        Nats::start_in(options, None, Some((passwords, node))).await
    }

    async fn start_in(
        options: &NatsOptions,
        temporary: Option<Temporary>,
        of_cluster: Option<(&Passwords, Node)>,
    ) -> Result<Nats, Error> {
        let found = find_nats_server().await?;
        let files = Files::of(directory::make(&options.dir)?);
        let lock = directory::lock(&files.dir.join("nats.lock"))?;
        orphan::end(&files.pid, &files.conf, Signal::TERM).await;
        if options.fresh {
            directory::remove(&files.store)?;
            directory::remove(&files.settings)?;
            directory::remove(&files.log)?;
        }
        let before: Option<Settings> = directory::read_json(&files.settings)?;
        let (passwords, node) = match of_cluster {
            Some((passwords, node)) => (passwords.clone(), Some(node)),
            None => (before.as_ref().map_or_else(Passwords::generate, |s| s.passwords.clone().complete()), None),
        };
        let mut ports = before.map(|settings| settings.ports);
        // The others know a node by its port already: if it is taken, the cluster looks for three new ones.
        let tries = if node.is_some() { 1 } else { PORT_TRIES };
        for _ in 0..tries {
            let ports = ports.take().map_or_else(Ports::free, Ok)?;
            let settings = Settings { ports, passwords: passwords.clone(), node: node.clone() };
            directory::write_json(&files.settings, &settings)?;
            match launch(&found.program, &files, &settings, options.durability).await? {
                Launched::Ready(process) => {
                    let nats = Nats {
                        process: Mutex::new(Arc::new(process)),
                        turn: tokio::sync::Mutex::default(),
                        files,
                        settings,
                        program: found.program,
                        version: found.version,
                        durability: options.durability,
                        _lock: lock,
                        _temporary: temporary,
                    };
                    if options.durability != Durability::Unsynced {
                        nats.check().await?;
                    }
                    return Ok(nats);
                }
                Launched::PortTaken(_) => {}
            }
        }
        Err(Error::NoFreePort { server: "nats-server", tries })
    }

    /// `nats://127.0.0.1:port`, without credentials: async-nats ignores them there.
    pub fn url(&self) -> String {
        self.settings.url()
    }

    /// As it calls itself; streams name their leader by it.
    pub(crate) fn name(&self) -> &str {
        self.settings.node.as_ref().map_or(nats_conf::ALONE, |node| &node.name)
    }

    /// Where `/varz` and `/healthz` are.
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.settings.ports.monitoring)
    }

    pub fn credentials(&self, role: Role) -> Credentials {
        self.settings.passwords.credentials(role)
    }

    /// A client with the rights of `role`. A request it has no right to looks like a timeout.
    pub async fn connect(&self, role: Role) -> Result<async_nats::Client, Error> {
        self.settings.connect(role).await.map_err(|source| Error::Nats { user: role.nats_user(), source })
    }

    /// What this server is, read from itself.
    pub async fn check(&self) -> Result<NatsFacts, Error> {
        let client = self.connect(Role::Operator).await?;
        let monitoring = self.monitoring_url();
        Ok(check_nats(&client, Some(&monitoring), UnreadableSync::Refuse).await?)
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// What the server says of itself.
    pub fn log(&self) -> &Path {
        &self.files.log
    }

    /// Of the process that was started last.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Resolves when the process that runs now ends, whoever ends it.
    pub fn wait_exit(&self) -> impl Future<Output = ExitStatus> + Send + use<> {
        self.process().wait_exit()
    }

    /// Lets it finish what it does, for 10 s at most; then it is killed. Twice is once.
    pub async fn stop(&self) {
        let _turn = self.turn.lock().await;
        self.process().end(Signal::TERM, STOP_GRACE).await;
    }

    /// SIGKILL: as a crash of the process, not of the machine.
    pub async fn kill(&self) {
        let _turn = self.turn.lock().await;
        self.process().kill().await;
    }

    /// SIGSTOP: it holds its connections and answers nobody.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// Runs again on the same ports and data; what runs is stopped first. Clients find it by themselves.
    pub async fn restart(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        self.process().end(Signal::TERM, STOP_GRACE).await;
        let deadline = Instant::now() + SAME_PORT_WITHIN;
        loop {
            match launch(&self.program, &self.files, &self.settings, self.durability).await? {
                Launched::Ready(process) => {
                    *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(process);
                    return Ok(());
                }
                Launched::PortTaken(error) if Instant::now() > deadline => return Err(error),
                Launched::PortTaken(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn process(&self) -> Arc<Process> {
        Arc::clone(&self.process.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Settings {
    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.client)
    }

    async fn connect(&self, role: Role) -> Result<async_nats::Client, async_nats::ConnectError> {
        connect(self.url(), self.passwords.credentials(role)).await
    }
}

impl Ports {
    fn free() -> Result<Ports, Error> {
        let free = || ports::free().map_err(|source| Error::Io { doing: "looking for a free port".into(), source });
        Ok(Ports { client: free()?, monitoring: free()? })
    }
}

impl Files {
    fn of(dir: PathBuf) -> Files {
        Files {
            settings: dir.join("nats.json"),
            conf: dir.join("nats.conf"),
            store: dir.join("nats"),
            log: dir.join("nats.log"),
            pid: dir.join("nats.pid"),
            dir,
        }
    }
}

pub(crate) async fn connect(
    urls: impl async_nats::ToServerAddrs,
    Credentials { user, password, inbox_prefix }: Credentials,
) -> Result<async_nats::Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::with_user_and_password(user, password)
        .custom_inbox_prefix(inbox_prefix)
        .connect(urls)
        .await
}

enum Launched {
    Ready(Process),
    PortTaken(Error),
}

async fn launch(program: &Path, files: &Files, settings: &Settings, durability: Durability) -> Result<Launched, Error> {
    let listen = Listen {
        client: &format!("127.0.0.1:{}", settings.ports.client),
        monitoring: &format!("127.0.0.1:{}", settings.ports.monitoring),
        store: &files.store,
        durability,
        node: settings.node.as_ref(),
    };
    let text = conf(&listen, |role| format!("{:?}", settings.passwords.of(role)));
    directory::write_private(&files.conf, &text)?;
    let launch = Launch {
        program: program.into(),
        args: vec!["--config".into(), files.conf.clone().into()],
        account: None,
        dir: files.dir.clone(),
        death_signal: "TERM",
    };
    let process = Process::spawn("nats-server", &launch, &files.log, Signal::KILL).await?;
    orphan::remember(&files.pid, process.pid())?;
    let ready = tokio::select! {
        ready = tokio::time::timeout(READY_WITHIN, ready(settings)) => ready,
        status = process.wait_exit() => {
            let error = process.failed(format!("ended at its start with {status}"));
            let taken = process.log_tail().to_lowercase().contains("address already in use");
            return if taken { Ok(Launched::PortTaken(error)) } else { Err(error) };
        }
    };
    match ready {
        Ok(()) => Ok(Launched::Ready(process)),
        Err(_) => Err(process.failed(format!("was not ready within {READY_WITHIN:?}"))),
    }
}

/// Another process's readiness can only be looked at. JetStream is up before clients are let in.
async fn ready(settings: &Settings) {
    while settings.connect(Role::Operator).await.is_err() {
        sleep(LOOK_EVERY).await;
    }
}
