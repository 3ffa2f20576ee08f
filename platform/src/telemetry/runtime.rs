//! How is the process itself? Its runtime's load, how late its loop is, and its memory, as metrics.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_metrics::RuntimeMonitor;

use super::Metrics;
use crate::shutdown::Shutdown;

/// How often the loop's lag is measured.
const LAG_EVERY: Duration = Duration::from_millis(250);
/// How often the rest is read, in measurements of the lag: 5 s.
const READ_EVERY_TICKS: u32 = 20;

/// Reports until the shutdown. One task a process.
///
/// # Errors
/// Never; the type is that of a task.
pub async fn report(metrics: Metrics, shutdown: Shutdown) -> anyhow::Result<()> {
    let monitor = RuntimeMonitor::new(&tokio::runtime::Handle::current());
    let mut intervals = monitor.intervals();
    let mut tick = interval(LAG_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for ticks in 0_u32.. {
        tokio::select! {
            due = tick.tick() => lag(due),
            () = shutdown.cancelled() => break,
        }
        if ticks % READ_EVERY_TICKS == 0 {
            metrics.upkeep();
            memory();
            if let Some(runtime) = intervals.next() {
                gauge!("runtime_workers").set(runtime.workers_count as f64);
                gauge!("runtime_tasks").set(runtime.live_tasks_count as f64);
                gauge!("runtime_global_queue_depth").set(runtime.global_queue_depth as f64);
                gauge!("runtime_busy_ratio").set(runtime.busy_ratio());
                counter!("runtime_parks_total").increment(runtime.total_park_count);
            }
        }
    }
    Ok(())
}

/// Notes how much later than due the loop woke.
fn lag(due: Instant) {
    histogram!("runtime_loop_lag_seconds").record(due.elapsed().as_secs_f64());
}

/// Resident memory in bytes, where /proc says it.
fn memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u32>().ok());
    if let Some(kibibytes) = kibibytes {
        gauge!("process_resident_memory_bytes").set(f64::from(kibibytes) * 1_024.0);
    }
}
