//! What does a post cost? Posts through HTTP beside bare durable publishes and the bare batcher: P1, P1b, P1c and P2.

use anyhow::Result;
use std::time::Duration;

use super::{
    BenchArgs,
    bed::Bed,
    cpu,
    goal::{Better, Goal, median},
    poster::{Poster, post},
    raw::{Batcher, Publisher},
    stage, turns,
    written::Acknowledged,
};

/// Posters, and writers of the references, at once.
const AT_ONCE: usize = 256;
/// A single poster makes so many times fewer posts.
const ALONE: u32 = 10;

/// A turn of one side.
#[derive(Clone, Copy)]
struct Turn {
    per_second: f64,
    /// Microseconds for each that was stored, of all processes concerned.
    cpu: f64,
    /// Microseconds that the middle one took.
    p50: f64,
}

/// Measures all four.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let posters = stage::posters(bed, AT_ONCE).await?;
    let (publisher, batcher) = (Publisher::start(bed).await?, Batcher::start(bed, AT_ONCE).await?);
    let acknowledged = Acknowledged::default();
    let few = args.posts / ALONE;
    let all = || posting(bed, &acknowledged, &posters, args.posts);
    let single = || posting(bed, &acknowledged, &posters[..1], few);

    let pressure = cpu::pressure();
    let bare = || publishing(bed, &publisher, AT_ONCE, args.posts);
    let against_singles = turns::take(args, "posts beside bare publishes", all, bare).await?;
    let batched = || batching(bed, &batcher, &acknowledged, args.posts);
    let against_batches = turns::take(args, "posts beside the batcher", all, batched).await?;
    let alone = || publishing(bed, &publisher, 1, few);
    let one = turns::take(args, "one poster beside one publisher", single, alone).await?;

    bed.is_whole()?;
    let lost = acknowledged.lost(bed).await?;
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
        lost,
    };
    let rate = |turn: &Turn| turn.per_second;
    Ok(vec![
        goal(
            "P1",
            "posts accepted by 256 posters through HTTP ÷ raw pipelined durable publishes",
            "a second",
            Better::More,
            (0.8, 2.0),
            turns::means(&against_singles, rate),
        ),
        goal(
            "P1b",
            "posts accepted by 256 posters through HTTP ÷ the bare batcher with 256 writers",
            "a second",
            Better::More,
            (0.25, 0.5),
            turns::means(&against_batches, rate),
        ),
        Goal {
            is_skipped: pressure >= cpu::QUIET_PERCENT,
            ..goal(
                "P1c",
                "p50 of one poster alone ÷ of one raw durable publish",
                "µs",
                Better::Less,
                (3.0, 1.8),
                turns::means(&one, |turn| turn.p50),
            )
        },
        goal(
            "P2",
            "CPU of a post (command service, NATS, Postgres) at 256 posters ÷ of a raw pipelined durable publish (NATS)",
            "µs",
            Better::Less,
            (2.0, 1.0),
            turns::means(&against_singles, |turn| turn.cpu),
        ),
    ])
}

async fn posting(bed: &Bed, acknowledged: &Acknowledged, posters: &[Poster], posts: u32) -> Result<Turn> {
    let before = cpu::used(&bed.all())?;
    let posted = post(posters, posts).await?;
    let used = cpu::used(&bed.all())? - before;
    let turn = turn(posted.per_second(), used, posts, &posted.took);
    acknowledged.add(posted.ids);
    Ok(turn)
}

async fn publishing(bed: &Bed, publisher: &Publisher, at_once: usize, publishes: u32) -> Result<Turn> {
    let before = cpu::used(&bed.nats())?;
    let stored = publisher.publish(at_once, publishes).await?;
    let used = cpu::used(&bed.nats())? - before;
    Ok(turn(stored.per_second(), used, publishes, &stored.took))
}

async fn batching(bed: &Bed, batcher: &Batcher, acknowledged: &Acknowledged, posts: u32) -> Result<Turn> {
    let before = cpu::used(&bed.nats())?;
    let (stored, ids) = batcher.append(posts).await?;
    let used = cpu::used(&bed.nats())? - before;
    acknowledged.add(ids);
    Ok(turn(stored.per_second(), used, posts, &stored.took))
}

fn turn(per_second: f64, used: Duration, count: u32, took: &[Duration]) -> Turn {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    let p50 = median(took.iter().map(|took| micros(*took)));
    Turn { per_second, cpu: micros(used) / f64::from(count), p50 }
}
