//! How a server is launched so that it dies with us, outlives a Ctrl-C, and has no rights it does not need.

use crate::privileges::Account;
use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        mpsc::{self, SyncSender},
    },
    thread,
};
use tokio::sync::oneshot;

/// Launches are rare and short; whoever comes when so many wait is blocked for a moment.
const LAUNCHES_WAITING_MAX: usize = 16;

pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Whom to become; None stays who we are.
    pub(crate) account: Option<Account>,
    /// The working directory: ours may be closed to the account.
    pub(crate) dir: PathBuf,
    /// What the kernel sends the child when we die, without `SIG`.
    pub(crate) death_signal: &'static str,
}

impl Launch {
    pub(crate) async fn spawn(&self, log: File) -> io::Result<Child> {
        let mut command = self.command();
        command
            .args(&self.args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: Ctrl-C at the terminal is ours to handle, servers are stopped last.
            .process_group(0);
        spawn(command).await
    }

    fn command(&self) -> Command {
        let Some(Account { uid, gid }) = self.account else {
            return dying_with_us(&self.program, self.death_signal, &[]);
        };
        let become_it = [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()];
        let mut command = dying_with_us(&self.program, self.death_signal, &become_it);
        if SETPRIV.is_none() {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A child of ours that is another program of the same system, say a role in a process of its own: it gets SIGTERM
/// when this process dies, however it dies. To be started with [`spawn`].
pub fn child(program: &Path) -> Command {
    dying_with_us(program, "TERM", &[])
}

/// setpriv (util-linux) asks the kernel for the death signal after it has dropped the privileges;
/// doing that ourselves between fork and exec would take `unsafe`.
fn dying_with_us(program: &Path, death_signal: &str, privileges: &[String]) -> Command {
    let Some(setpriv) = SETPRIV.as_deref() else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", death_signal]).args(privileges).arg(program);
    command
}

/// Starts a child from the one thread that lives as long as this process.
///
/// # Errors
/// When the program cannot be started.
pub async fn spawn(command: Command) -> io::Result<Child> {
    let (reply, spawned) = oneshot::channel();
    let gone = |_| io::Error::other("the launching thread has ended");
    LAUNCHER.send(Job { command, reply }).map_err(|_| gone(()))?;
    spawned.await.map_err(|_| gone(()))?
}

static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let found = ["/usr/bin/setpriv", "/bin/setpriv"].map(Path::new).into_iter().find(|setpriv| {
        // Busybox has one that cannot do this.
        Command::new(setpriv)
            .args(["--pdeathsig", "TERM", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    if found.is_none() {
        tracing::warn!(
            "there is no setpriv (util-linux): killed with -9, this process leaves its servers running; \
             the next start in the same directory ends them"
        );
    }
    found.map(Path::to_owned)
});

struct Job {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// The death signal comes when the *thread* that spawned the child ends, and the threads of a runtime come
/// and go. This one stays as long as the process.
static LAUNCHER: LazyLock<SyncSender<Job>> = LazyLock::new(|| {
    let (send, receive) = mpsc::sync_channel::<Job>(LAUNCHES_WAITING_MAX);
    thread::Builder::new()
        .name("server-launcher".into())
        .spawn(move || {
            while let Ok(Job { mut command, reply }) = receive.recv() {
                // Nobody waits for it any more: what nobody holds must not run.
                if let Err(Ok(mut unwanted)) = reply.send(command.spawn()) {
                    let _ = unwanted.kill();
                    let _ = unwanted.wait();
                }
            }
        })
        .expect("a process that cannot start one thread cannot start at all");
    send
});
