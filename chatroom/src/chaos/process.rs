//! A service in a process of its own, which dies by kill -9 and comes back at the same address.

use anyhow::{Context, Result, bail, ensure};
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};
use tokio::time::Instant;

use crate::{
    bench::cpu,
    chaos::{instance::Instance, sabotage::Sabotage},
    client::{Api, Ask, Outcome},
    settings::Settings,
    stack,
};

/// It reads what was revoked before it answers; the log may still be on its way.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// It lets its sockets and its tasks end first, each with a limit of its own.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Dropped, it is killed.
pub(super) struct Process {
    pub(super) listen: SocketAddr,
    admin: SocketAddr,
    role: &'static str,
    program: PathBuf,
    settings: Settings,
    sabotage: Option<Sabotage>,
    running: Option<Child>,
}

impl Process {
    /// Started, and answering.
    pub(super) async fn start(program: &Path, role: &'static str, settings: Settings) -> Result<Self> {
        // Both are taken until both are known: they are not the same one.
        let (one, two) = (stack::listen(0).await?, stack::listen(0).await?);
        let (listen, admin) = (one.local_addr()?, two.local_addr()?);
        drop((one, two));
        let settings = settings
            .with("LISTEN", listen.to_string())
            .with("ADMIN_LISTEN", admin.to_string())
            // That the log is away is played, and no news. Why it cannot start it says all the same.
            .with("LOG", "off");
        let mut process =
            Self { listen, admin, role, program: program.into(), settings, sabotage: None, running: None };
        process.restart().await?;
        Ok(process)
    }

    /// From its next start on it, a command service, breaks this rule.
    pub(super) fn breaks(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    /// SIGKILL: it has no time to finish anything.
    pub(super) async fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        running.kill().with_context(|| format!("killing {}", self.role))?;
        tokio::task::spawn_blocking(move || running.wait()).await?.context("awaiting its death")?;
        Ok(())
    }

    /// SIGTERM: it ends as it does at each new version.
    pub(super) async fn ends(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        kill_process(Pid::from_child(running), Signal::TERM)
            .with_context(|| format!("telling {} to end", self.role))?;
        let deadline = Instant::now() + ENDS_WITHIN;
        let status = loop {
            if let Some(status) = running.try_wait().context("awaiting its end")? {
                break status;
            }
            ensure!(Instant::now() < deadline, "{} does not end within {ENDS_WITHIN:?}", self.role);
            tokio::time::sleep(LOOK_EVERY).await;
        };
        ensure!(status.success(), "{} ended with {status}", self.role);
        self.running = None;
        Ok(())
    }

    /// Runs again, and answers.
    pub(super) async fn restart(&mut self) -> Result<()> {
        let (deadline, instance) = (Instant::now() + ANSWERS_WITHIN, Instance::at(self.listen)?);
        while Instant::now() < deadline {
            // It ends by itself where its port is not free yet, or the log not there.
            let has_ended = match &mut self.running {
                Some(running) => running.try_wait().with_context(|| format!("looking after {}", self.role))?.is_some(),
                None => true,
            };
            if has_ended {
                self.running =
                    Some(servers::spawn(self.command()).await.with_context(|| format!("starting {}", self.role))?);
            }
            match instance.send(Ask::new(Method::GET, "/v1/nothing")).await {
                Outcome::Applied(_) | Outcome::Refused(_) => return Ok(()),
                Outcome::Unknown { .. } => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        bail!("{} does not answer within {ANSWERS_WITHIN:?}", self.role)
    }

    /// Memory that is in RAM, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        cpu::resident(self.running.as_ref().context("nothing runs")?.id())
    }

    /// Where it tells what it counts.
    pub(super) fn counters(&self) -> Result<Counters> {
        Ok(Counters(Api::at(&format!("http://{}", self.admin))?))
    }

    fn command(&self) -> std::process::Command {
        let mut command = servers::child(&self.program);
        match self.sabotage {
            Some(sabotage) => command.args(["chaos", "instance", "--sabotage", &sabotage.name()]),
            None => command.arg(self.role),
        };
        // Ctrl-C at the terminal is for us.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.envs(self.settings.pairs()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// What a process counts.
#[derive(Clone)]
pub(super) struct Counters(Api);

impl Counters {
    /// The sum of all values whose line begins so.
    pub(super) async fn read(&self, line: &str) -> Result<f64> {
        let answer = self.0.send(Ask::new(Method::GET, "/metrics")).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let values = text.lines().filter(|told| told.starts_with(line));
        values.map(|told| told.rsplit(' ').next().unwrap_or_default().parse::<f64>().context("a number")).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself.
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}
