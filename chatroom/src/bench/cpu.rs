//! How much of the processors did these processes use, and how busy is the machine? As the kernel counts it.

use anyhow::{Context, Result};
use std::{fs, time::Duration};

/// Above this share of the time, in percent, a latency is not reported.
pub(super) const QUIET_PERCENT: f64 = 20.0;
/// `USER_HZ`: what `/proc` counts a process's time in, on every architecture that we run on.
const TICKS_PER_SECOND: u64 = 100;
/// Fields of `/proc/PID/stat` behind the name, which may hold blanks: user time, system time, and those of children
/// that were waited for.
const TIMES: std::ops::Range<usize> = 11..15;
const PARENT: usize = 1;

/// Time that these processes and their children have had so far.
pub(super) fn used(pids: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        ticks += ticks_of(*pid).with_context(|| format!("the time of process {pid}"))?;
        for child in children(*pid)? {
            // One that has ended meanwhile is in its parent's sum at the next look.
            ticks += ticks_of(child).unwrap_or_default();
        }
    }
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// A thread of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thread(i32);

impl Thread {
    pub(super) fn current() -> Self {
        Self(rustix::thread::gettid().as_raw_pid())
    }

    /// Time that it has had so far, to the nanosecond.
    pub(super) fn used(self) -> Result<Duration> {
        let text = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0)).context("a thread's time")?;
        let nanos = text.split_whitespace().next().context("a thread's time")?.parse()?;
        Ok(Duration::from_nanos(nanos))
    }
}

/// Memory of a process that is in RAM, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("its resident memory")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().context("a number of kB")?;
    Ok(kibibytes << 10)
}

/// Share of the last ten seconds, in percent, in which something waited for a core; 0 where the kernel does not say.
pub(super) fn pressure() -> f64 {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let average = text.lines().find(|line| line.starts_with("some")).and_then(|line| {
        line.split_whitespace().find_map(|field| field.strip_prefix("avg10=")).and_then(|value| value.parse().ok())
    });
    average.unwrap_or_default()
}

fn ticks_of(pid: u32) -> Result<u64> {
    let fields = stat(pid)?;
    let times = fields.get(TIMES).context("fewer fields than the kernel documents")?;
    times.iter().map(|field| field.parse::<u64>().context("a number")).sum()
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if stat(pid).is_ok_and(|fields| fields.get(PARENT).is_some_and(|field| field.parse() == Ok(parent))) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The fields behind the process's name.
fn stat(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, behind) = text.rsplit_once(')').context("a name in brackets")?;
    Ok(behind.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time() {
        let me = [std::process::id()];
        let before = used(&me).expect("we run");
        let mut sum = 0_u64;
        while used(&me).expect("we run") < before + Duration::from_millis(50) {
            sum = (0..100_000).fold(sum, u64::wrapping_add);
        }
        assert!(used(&[u32::MAX]).is_err(), "{sum}");
    }
}
