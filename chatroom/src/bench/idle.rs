//! What does a socket cost that says nothing? The query service's memory with thousands of them, less without: P6.

use anyhow::{Result, ensure};
use platform::Shutdown;
use std::time::{Duration, Instant};

use super::{
    BenchArgs,
    bed::{Bed, Readers, STOP_WITHIN},
    company::Company,
    cpu,
    crowd::{Crowd, SOCKETS_PER_PERSON},
    goal::{Better, Goal},
};

/// Sockets, unless told otherwise, and in the short form.
const SOCKETS: u32 = 5_000;
const SOCKETS_SHORT: u32 = 1_000;
/// Rooms that each of them hears.
const ROOMS: usize = 10;
/// What has been used once before the first look: pools, caches, the rooms' members.
const WARM_SOCKETS: usize = 50;
/// Memory that moves less than this between two looks has settled.
const SETTLED_BYTES: u64 = 64 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// Measures it, each time in a query service that has just started: what a process has freed it keeps.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let sockets = args.sockets.unwrap_or(if args.short { SOCKETS_SHORT } else { SOCKETS }) as usize;
    let company = Company::gather(bed, ROOMS, sockets.div_ceil(SOCKETS_PER_PERSON)).await?;
    bed.projector().await?;
    let pressure = cpu::pressure();
    let mut runs = Vec::new();
    for repetition in 1..=args.repetitions {
        let shutdown = Shutdown::new();
        let measured = match bed.query_service(&shutdown).await {
            Ok(readers) => each(&company, &readers, sockets).await,
            Err(why) => Err(why),
        };
        shutdown.cancel();
        let ended = shutdown.wait(STOP_WITHIN).await;
        runs.push([measured?, 1_024.0]);
        ended?;
        bed.is_whole()?;
        eprintln!("{sockets} idle sockets: {repetition} of {}", args.repetitions);
    }
    Ok(vec![Goal {
        name: "P6",
        what: "memory of the query service for an idle socket that hears 10 rooms, ten sockets a person ÷ 1 KiB",
        unit: "bytes",
        better: Better::Less,
        must: 12.0,
        aim: 8.0,
        runs,
        pressure,
        is_skipped: false,
        // A socket that was not opened, or is not answered any more, has failed the run before.
        lost: 0,
    }])
}

/// Bytes a socket.
async fn each(company: &Company, readers: &Readers, sockets: usize) -> Result<f64> {
    company.is_known(readers.listen).await?;
    let open = async |count| Crowd::open(readers.listen, &company.people, &company.rooms, count).await;
    open(WARM_SOCKETS.min(sockets)).await?.beat().await?;
    let without = settled(readers).await?;
    let mut crowd = open(sockets).await?;
    crowd.beat().await?;
    let with = settled(readers).await?;
    // Still there, all of them.
    crowd.beat().await?;
    Ok(with.saturating_sub(without) as f64 / sockets as f64)
}

/// Resident memory once it moves no more.
async fn settled(readers: &Readers) -> Result<u64> {
    let until = Instant::now() + SETTLED_WITHIN;
    let mut before = cpu::resident(readers.query_service)?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = cpu::resident(readers.query_service)?;
        if now.abs_diff(before) < SETTLED_BYTES {
            return Ok(now);
        }
        ensure!(Instant::now() < until, "the query service's memory does not settle: {before} and then {now} bytes");
        before = now;
    }
}
