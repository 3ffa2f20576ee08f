//! Ends what an earlier process left running in a directory, before two servers write to the same files.
//!
//! Needed when that process was killed a moment ago, and its servers are still closing their files, or
//! when there was no way to let them die with it.

use crate::error::{Error, while_};
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, os::unix::ffi::OsStrExt as _, path::Path, time::Duration};
use tokio::time::{Instant, sleep};

const GRACE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn remember(pid_file: &Path, pid: u32) -> Result<(), Error> {
    fs::write(pid_file, pid.to_string()).map_err(while_(|| format!("writing {}", pid_file.display())))
}

/// `mark` is an argument that only a server of this directory has. The caller holds the directory's lock,
/// so nobody else is responsible for that server any more.
pub(crate) async fn end(pid_file: &Path, mark: &Path, ask: Signal) {
    let Some(pid) = recorded(pid_file) else { return };
    if !runs(pid, mark) {
        return;
    }
    tracing::warn!(pid = pid.as_raw_nonzero(), "ending a server that an earlier process left behind");
    for signal in [ask, Signal::KILL] {
        let _ = kill_process(pid, signal);
        let _ = kill_process(pid, Signal::CONT);
        let deadline = Instant::now() + GRACE;
        // Not our child: there is nothing to await, only to look at.
        while runs(pid, mark) {
            if Instant::now() > deadline {
                break;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn recorded(pid_file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pid_file).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

fn runs(pid: Pid, mark: &Path) -> bool {
    // Empty for a zombie, so that one does not count.
    let Ok(line) = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else { return false };
    line.split(|byte| *byte == 0).any(|argument| argument == mark.as_os_str().as_bytes())
}
