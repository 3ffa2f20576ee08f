//! How fast does the log become tables? What waits there is projected, beside a COPY of the same rows into a table like the
//! one that takes most of it: P3.

use anyhow::{Result, ensure};
use event_log::EventLog;
use events::StreamName;
use platform::{Shutdown, config::Secret, health::Health};
use servers::Role;
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

use super::{
    BenchArgs,
    bed::Bed,
    cpu,
    goal::{Better, Goal},
    raw::Batcher,
    table::Tables,
    turns,
};

/// Events of a turn, unless told otherwise.
const EVENTS: u32 = 50_000;
/// Who writes them, so that they go out in batches.
const WRITERS: usize = 256;
const LOOK_EVERY: Duration = Duration::from_millis(5);
const THERE_WITHIN: Duration = Duration::from_secs(600);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const CHECKPOINT: &str = "select coalesce(max(seq), 0) from rm.checkpoint";

/// Measures it.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let events = args.events.unwrap_or(EVENTS);
    let (writers, tables) = (Batcher::start(bed, WRITERS).await?, Tables::of(bed).await?);
    // So that no turn begins with an empty table.
    let written = Cell::new(u64::from(events));
    writers.append(events).await?;
    project(bed, &tables).await?;
    let turn = Cell::new(0);
    let pressure = cpu::pressure();
    let ours = async || {
        written.set(written.get() + u64::from(events));
        writers.append(events).await?;
        Ok(f64::from(events) / project(bed, &tables).await?.as_secs_f64())
    };
    let reference = async || {
        turn.set(turn.get() + 1);
        let end = tables.number(CHECKPOINT).await?;
        let rows = tables.rows("rm", end + 1 - u64::from(events), turn.get()).await?;
        ensure!(rows.count() == events as usize, "{} rows of {events} events", rows.count());
        Ok(f64::from(events) / tables.copy_in_thousands(&rows).await?.as_secs_f64())
    };
    let runs = turns::take(args, "events projected beside rows copied", ours, reference).await?;
    bed.is_whole()?;
    let there = tables.number("select count(*) from rm.messages").await?;
    Ok(vec![Goal {
        name: "P3",
        what: "events projected (log to all tables, from the projector's start on) ÷ the same rows of messages by COPY in 1,000s into a table with the same indexes",
        unit: "a second",
        better: Better::More,
        must: 0.3,
        aim: 0.45,
        runs: turns::means(&runs, |rate| *rate),
        pressure,
        is_skipped: false,
        lost: written.get().abs_diff(there),
    }])
}

/// A projector begins, and ends when it is at the log's end.
async fn project(bed: &Bed, tables: &Tables) -> Result<Duration> {
    let (shutdown, health) = (Shutdown::new(), Health::new());
    let log = Arc::new(bed.log_of(Role::Projector).await?);
    let end = log.extent(StreamName::Chat).await?.last;
    let database = Secret::from(bed.servers.postgres.url(Role::Projector).as_str());
    let began = Instant::now();
    projector::project(log, &database, &shutdown, &health)?;
    while tables.number(CHECKPOINT).await? < end {
        ensure!(began.elapsed() < THERE_WITHIN, "not there after {THERE_WITHIN:?}");
        sleep(LOOK_EVERY).await;
    }
    let took = began.elapsed();
    shutdown.cancel();
    shutdown.wait(STOP_WITHIN).await?;
    Ok(took)
}
