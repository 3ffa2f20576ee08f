//! What does a read model cost that is made anew? Filled from the log and indexed, beside a COPY of its messages into a bare
//! table whose indexes are made afterwards: P8.

use anyhow::{Result, ensure};
use event_log::JetStream;
use platform::config::Secret;
use projector::rebuild::{Until, Workshop};
use servers::Role;
use std::{sync::Arc, time::Instant};

use super::{
    BenchArgs,
    bed::Bed,
    cpu,
    goal::{Better, Goal},
    raw::Batcher,
    table::Tables,
    turns,
};
use crate::rebuild;

/// Events of the log, unless told otherwise.
const EVENTS: u32 = 1_000_000;
const WRITERS: usize = 256;
/// Where it is made.
const NEXT: &str = "rm_next";

/// Measures it.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let events = args.events.unwrap_or(EVENTS);
    Batcher::start(bed, WRITERS).await?.writes(bed, events).await?;
    let log = Arc::new(JetStream::new(bed.servers.nats.connect(Role::Operator).await?));
    let workshop = Workshop::new(log, &Secret::from(bed.servers.postgres.url(Role::Operator).as_str()))?;
    let tables = Tables::of(bed).await?;
    let build = async || {
        let shown = rebuild::watching(&workshop);
        let began = Instant::now();
        workshop.build(NEXT, Until::End, rebuild::parts()).await?;
        let took = began.elapsed();
        drop(shown);
        anyhow::Ok(took.as_secs_f64() * 1e6 / f64::from(events))
    };
    // The first one is for the rows.
    build().await?;
    let rows = tables.rows(NEXT, 0, 0).await?;
    let lost = u64::from(events).abs_diff(rows.count() as u64);
    workshop.discard(NEXT).await?;
    let pressure = cpu::pressure();
    let ours = async || {
        let took = build().await?;
        ensure!(tables.number("select count(*) from rm_next.messages").await? == u64::from(events), "rows are missing");
        workshop.discard(NEXT).await?;
        Ok(took)
    };
    let reference = async || Ok(tables.copy_and_index(&rows).await?.as_secs_f64() * 1e6 / f64::from(events));
    let runs = turns::take(args, "read models made anew beside rows copied", ours, reference).await?;
    bed.is_whole()?;
    Ok(vec![Goal {
        name: "P8",
        what: "a read model made anew (log to all tables, indexes, statistics) ÷ its messages by COPY into a bare table, indexes and statistics",
        unit: "µs an event",
        better: Better::Less,
        must: 6.0,
        aim: 2.5,
        runs: turns::means(&runs, |took| *took),
        pressure,
        is_skipped: false,
        lost,
    }])
}
