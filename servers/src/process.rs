//! A server's process: watched until it ends, signalled safely, its log at hand.

use crate::{
    error::{Error, while_},
    launch::Launch,
};
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::watch;

/// A log that has grown beyond this makes room at the next start; the one before it is kept.
const LOG_BYTES_MAX: u64 = 16 << 20;
const TAIL_BYTES_MAX: u64 = 16 << 10;
const TAIL_LINES: usize = 12;
/// How long a dropped server may take to go by itself.
const DROP_GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Process {
    server: &'static str,
    pid: Pid,
    shared: Arc<Shared>,
    log: PathBuf,
    log_from: u64,
    drop_signal: Signal,
}

struct Shared {
    /// Empty once it has been reaped: from then on the pid may be somebody else's.
    child: Mutex<Option<Child>>,
    reaped: Condvar,
    ended: watch::Sender<Option<ExitStatus>>,
}

impl Shared {
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// `drop_signal` ends the server when nobody has stopped it.
    pub(crate) async fn spawn(
        server: &'static str,
        launch: &Launch,
        log: &Path,
        drop_signal: Signal,
    ) -> Result<Process, Error> {
        let file = open_log(log).map_err(while_(|| format!("opening {}", log.display())))?;
        let log_from = file.metadata().map_or(0, |found| found.len());
        let child = launch.spawn(file).await.map_err(while_(|| format!("launching {}", launch.program.display())))?;
        let pid = Pid::from_child(&child);
        let shared = Arc::new(Shared {
            child: Mutex::new(Some(child)),
            reaped: Condvar::new(),
            ended: watch::Sender::new(None),
        });
        let process = Process { server, pid, shared, log: log.into(), log_from, drop_signal };
        let shared = Arc::clone(&process.shared);
        // It ends with the child, and everybody who waits for the child hears of it.
        thread::Builder::new()
            .name(format!("{server}-watch"))
            .spawn(move || reap(pid, &shared))
            .map_err(while_(|| format!("watching {server}")))?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Resolves when the process has ended; also afterwards.
    pub(crate) fn wait_exit(&self) -> impl Future<Output = ExitStatus> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            let mut ended = shared.ended.subscribe();
            let status = ended.wait_for(Option::is_some).await.map(|status| *status);
            status.ok().flatten().expect("the sender lives in `shared`, and only an end was waited for")
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // The guard keeps the pid ours: nobody reaps meanwhile.
        let child = self.shared.child();
        if child.is_some() {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Stops the process and those it has forked, so that none can do a thing.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        self.signal_children(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal_children(Signal::CONT);
        self.signal(Signal::CONT);
    }

    fn signal_children(&self, signal: Signal) {
        let child = self.shared.child();
        if child.is_some() {
            for pid in children_of(self.pid) {
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Asks, waits for `grace`, then insists. The frozen are woken, or they would not hear.
    pub(crate) async fn end(&self, ask: Signal, grace: Duration) {
        self.signal(ask);
        self.thaw();
        if tokio::time::timeout(grace, self.wait_exit()).await.is_err() {
            tracing::warn!(server = self.server, pid = self.pid(), ?grace, "killed: it did not stop");
            self.kill().await;
        }
    }

    pub(crate) async fn kill(&self) {
        let children = children_of(self.pid);
        self.signal(Signal::KILL);
        // Forked processes end by themselves when they see it, unless they are frozen.
        for pid in children {
            let _ = kill_process(pid, Signal::CONT);
        }
        self.wait_exit().await;
    }

    /// The end of what it has logged since it was started.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log, self.log_from).unwrap_or_else(|error| format!("(unreadable: {error})"))
    }

    pub(crate) fn failed(&self, why: impl Into<String>) -> Error {
        Error::Start { server: self.server, why: why.into(), log: self.log.clone(), tail: self.log_tail() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.drop_signal);
        self.thaw();
        let child = self.shared.child();
        let (child, waited) = self
            .shared
            .reaped
            .wait_timeout_while(child, DROP_GRACE, |child| child.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        drop(child);
        if waited.timed_out() {
            self.signal(Signal::KILL);
        }
    }
}

fn reap(pid: Pid, shared: &Shared) {
    // Wait without reaping first, so that a signal under the lock never meets a recycled pid.
    let wait = || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    while matches!(wait(), Err(Errno::INTR)) {}
    let mut child = shared.child();
    if let Some(mut ended) = child.take() {
        shared.ended.send_replace(Some(ended.wait().unwrap_or_default()));
    }
    shared.reaped.notify_all();
}

pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let parent = parent.as_raw_nonzero().get().to_string();
    entries
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold spaces; state and parent follow its end.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            (fields.nth(1)? == parent)
                .then(|| entry.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw))?
        })
        .collect()
}

fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
        fs::rename(path, path.with_added_extension("old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn tail(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(end.saturating_sub(TAIL_BYTES_MAX))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}
