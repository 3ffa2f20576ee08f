//! How does a role live in a process of its own? Started from this binary, started again when it dies, stopped with us.

use anyhow::{Context, Result, bail};
use hyper::Method;
use platform::Shutdown;
use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use super::backing::Restarts;
use crate::{
    client::{Api, Ask},
    settings::Settings,
    stack,
};

/// How long a role may take until it is ready, a fetch of nothing included.
const READY_WITHIN: Duration = Duration::from_secs(60);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long a role has after SIGTERM before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(12);

/// A role's process, as others reach it.
pub(crate) struct RoleProcess {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Holds the id of the process that runs now.
    pub(crate) pid_file: PathBuf,
}

impl RoleProcess {
    /// Starts the role and waits until it is ready; from then on it is started again whenever it ends.
    pub(crate) async fn start(name: &'static str, settings: Settings, dir: &Path, shutdown: &Shutdown) -> Result<Self> {
        let listen = stack::listen(0).await?.local_addr()?;
        let admin = stack::listen(0).await?.local_addr()?;
        let pid_file = dir.join(format!("{name}.pid"));
        let program = Program {
            name,
            settings: settings.with("LISTEN", listen.to_string()).with("ADMIN_LISTEN", admin.to_string()),
            log: dir.join(format!("{name}.log")),
            pid_file: pid_file.clone(),
        };
        let log = program.log.clone();
        let running = program.spawn().await?;
        let calm = shutdown.clone();
        shutdown.spawn(name, async move { program.keep_running(running, &calm).await });
        if !is_ready(admin, shutdown).await {
            bail!("{name} is not ready after {READY_WITHIN:?}: see {}", log.display());
        }
        Ok(Self { listen, admin, pid_file })
    }
}

/// Asks another process, which has no other way to tell.
async fn is_ready(admin: SocketAddr, shutdown: &Shutdown) -> bool {
    let Ok(api) = Api::at(&format!("http://{admin}")) else { return false };
    let asking = async {
        while !api.send(Ask::new(Method::GET, "/readyz")).await.is_ok_and(|answer| answer.status.is_success()) {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => false,
        answer = tokio::time::timeout(READY_WITHIN, asking) => answer.is_ok(),
    }
}

struct Program {
    name: &'static str,
    settings: Settings,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Program {
    async fn spawn(&self) -> Result<Running> {
        let binary = std::env::current_exe().context("finding this binary")?;
        let mut command = servers::child(&binary);
        let log = self.open_log()?;
        command
            .arg(self.name)
            .envs(self.settings.pairs())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C at the terminal is for us: roles are stopped in order.
            .process_group(0);
        let child = servers::spawn(command).await.with_context(|| format!("starting {}", self.name))?;
        let pid = child.id();
        std::fs::write(&self.pid_file, pid.to_string())
            .with_context(|| format!("writing {}", self.pid_file.display()))?;
        let mut child = child;
        let exit = tokio::task::spawn_blocking(move || child.wait());
        Ok(Running { pid, exit })
    }

    fn open_log(&self) -> Result<File> {
        let opened = OpenOptions::new().create(true).append(true).open(&self.log);
        opened.with_context(|| format!("opening {}", self.log.display()))
    }

    async fn keep_running(self, mut running: Running, shutdown: &Shutdown) -> Result<()> {
        let mut restarts = Restarts::of(self.name);
        loop {
            let status = tokio::select! { () = shutdown.cancelled() => return running.stop().await, status = running.ended() => status? };
            restarts.allow(status)?;
            running = self.spawn().await?;
        }
    }
}

/// A process that was started and not yet reaped.
struct Running {
    pid: u32,
    exit: tokio::task::JoinHandle<std::io::Result<ExitStatus>>,
}

impl Running {
    async fn ended(&mut self) -> Result<ExitStatus> {
        Ok((&mut self.exit).await??)
    }

    async fn stop(mut self) -> Result<()> {
        self.signal(rustix::process::Signal::TERM)?;
        if tokio::time::timeout(STOP_WITHIN, self.ended()).await.is_err() {
            self.signal(rustix::process::Signal::KILL)?;
            self.ended().await?;
        }
        Ok(())
    }

    fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw).context("a process id")?;
        match rustix::process::kill_process(pid, signal) {
            // It has ended by itself, and is not reaped yet or already is.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(why) => Err(why).context("signalling a role"),
        }
    }
}
