//! How fast is a replay, and how much memory does it take? Beside a bare consumer that only reads; a whole log beside a quarter.

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, consumer::push::OrderedConfig};
use event_log::EventLog;
use events::StreamName;
use futures::StreamExt;
use servers::Role;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;

use super::{
    BenchArgs,
    bed::Bed,
    cpu,
    goal::{Better, Goal},
    raw::Batcher,
    turns,
};

/// Events that are replayed, unless it is said otherwise.
const EVENTS: u32 = 1_000_000;
/// Who writes the log that is replayed, at once.
const WRITERS: usize = 256;
/// How often a replay's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Files are measured too; they end with the bed.
const FILES: &str = "replayed";

/// What one replay came to.
struct Replayed {
    per_second: f64,
    /// The most that it held, in megabytes.
    resident_mb: f64,
}

/// Measures both.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    Batcher::start(bed, WRITERS).await?.writes(bed, args.events.unwrap_or(EVENTS)).await?;
    let end = bed.log().await?.extent(StreamName::Chat).await?.last;
    let pressure = cpu::pressure();
    let lines = || async { Ok(replayed(bed, end, &["-o", "ndjson"]).await?.per_second) };
    let bare = || reading(bed, end);
    let against_bare = turns::take(args, "a replay beside a bare consumer", lines, bare).await?;
    let whole = || async { Ok(replayed(bed, end, &["-o", "ndjson"]).await?.resident_mb) };
    let quarter = || async { Ok(replayed(bed, end / 4, &["-o", "ndjson"]).await?.resident_mb) };
    let flat = turns::take(args, "the memory of a whole log beside a quarter", whole, quarter).await?;
    let parquet = replayed(bed, end, &["-o", "parquet", "--out", &bed.dir().join(FILES).to_string_lossy()]).await?;
    eprintln!("Parquet: {end} events, {:.0} a second, {:.0} MB resident", parquet.per_second, parquet.resident_mb);
    bed.is_whole()?;
    let goal = |name, what, unit, better, (must, aim), runs| Goal {
        name,
        what,
        unit,
        better,
        must,
        aim,
        runs,
        pressure,
        is_skipped: false,
        lost: 0,
    };
    Ok(vec![
        goal(
            "R1",
            "events replayed as NDJSON ÷ messages of a bare ordered push consumer",
            "a second",
            Better::More,
            (0.2, 0.5),
            turns::means(&against_bare, |rate| *rate),
        ),
        goal(
            "R2",
            "most memory of a replay of the whole log ÷ of a quarter of it",
            "MB",
            Better::Less,
            (1.5, 1.1),
            turns::means(&flat, |megabytes| *megabytes),
        ),
    ])
}

/// A process of its own, as analysts run it.
async fn replayed(bed: &Bed, to: u64, options: &[&str]) -> Result<Replayed> {
    let login = bed.servers.nats.credentials(Role::Analyst);
    let began = Instant::now();
    let mut process = Command::new(std::env::current_exe()?)
        .args(["replay", "--to", &to.to_string()])
        .args(options)
        .env("NATS_URL", bed.servers.nats.url())
        .env("NATS_USER", login.user)
        .env("NATS_PASSWORD", login.password)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting a replay")?;
    let pid = process.id().context("a process that runs")?;
    let mut most = 0.0_f64;
    let status = loop {
        match tokio::time::timeout(LOOK_EVERY, process.wait()).await {
            Ok(status) => break status?,
            // One that has ended meanwhile has said what it held before.
            Err(_) => most = most.max(resident_mb(pid).unwrap_or_default()),
        }
    };
    ensure!(status.success(), "a replay ended with {status}");
    Ok(Replayed { per_second: to as f64 / began.elapsed().as_secs_f64(), resident_mb: most })
}

/// Reads and does nothing.
async fn reading(bed: &Bed, end: u64) -> Result<f64> {
    let client = bed.servers.nats.connect(Role::Analyst).await?;
    let config = OrderedConfig { deliver_subject: client.new_inbox(), ..Default::default() };
    let stream = jetstream::new(client).get_stream(StreamName::Chat.as_str()).await?;
    let began = Instant::now();
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    let mut read = 0;
    while read < end {
        messages.next().await.context("the stream goes on")??;
        read += 1;
    }
    Ok(end as f64 / began.elapsed().as_secs_f64())
}

fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? / 1_024.0)
}
