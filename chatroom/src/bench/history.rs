//! What does a page of history cost? Pages through HTTP beside pgbench with the same statement, and one that is kept
//! ready beside one that is read: P4 and P4b.

use anyhow::{Context, Result, ensure};
use event_log::{EventLog, streams};
use events::{MessageId, Position, StreamName};
use futures::future::try_join_all;
use hyper::Method;
use std::time::{Duration, Instant};

use super::{
    BenchArgs,
    bed::{Bed, Readers},
    cpu,
    goal::{Better, Goal},
    pgbench::Pgbench,
    poster::{Poster, post},
    reader::{Reader, read},
    stage, turns,
};
use crate::client::{Api, Ask};

/// Rooms that are read, and readers at once: one each.
const ROOMS: usize = 8;
/// Messages of a room.
const MESSAGES: usize = 200;
/// On a page.
const PAGE: usize = 50;
/// A page that is kept costs so little that one turn has so many more of them: `/proc` counts in 10 ms.
const KEPT_TIMES: u32 = 8;
/// Until all that was posted can be read; each try waits for seconds by itself.
const THERE_WITHIN: Duration = Duration::from_secs(60);

/// Measures both.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let posters = stage::posters(bed, ROOMS).await?;
    post(&posters, u32::try_from(ROOMS * MESSAGES)?).await?;
    let readers = bed.readers().await?;
    let end = end(bed).await?;
    let newest = try_join_all(posters.iter().map(|poster| newest(&readers, poster, &end))).await?;
    let pages: Vec<_> =
        posters.iter().zip(&newest).map(|(poster, message)| (poster.room, poster.user, *message)).collect();
    let pgbench = Pgbench::of(bed, &pages).await?;
    // Before its newest message is as long a page as the latest, and never kept.
    let before = |poster: &Poster, message: &MessageId| format!("/v1/rooms/{}/messages?before={message}", poster.room);
    let read_each = posters
        .iter()
        .zip(&newest)
        .map(|(poster, message)| Reader::of(readers.listen, before(poster, message), &poster.bearer, PAGE));
    let read_each = try_join_all(read_each).await?;
    let kept = posters
        .iter()
        .map(|poster| Reader::of(readers.listen, format!("/v1/rooms/{}/messages", poster.room), &poster.bearer, PAGE));
    let kept = try_join_all(kept).await?;

    let pressure = cpu::pressure();
    let ours = async || Ok(f64::from(args.posts) / read(&read_each, args.posts).await?.as_secs_f64());
    let reference = || pgbench.read(ROOMS, args.posts);
    let rates = turns::take(args, "pages beside pgbench", ours, reference).await?;
    let ours = || cpu_of(bed, &readers, &kept, args.posts.saturating_mul(KEPT_TIMES));
    let reference = || cpu_of(bed, &readers, &read_each, args.posts);
    let costs = turns::take(args, "pages that are kept beside pages that are read", ours, reference).await?;
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
            "P4",
            "pages of history read through HTTP by 8 readers ÷ the same statement by pgbench over 8 connections",
            "a second",
            Better::More,
            (0.55, 0.8),
            turns::means(&rates, |rate| *rate),
        ),
        goal(
            "P4b",
            "CPU of a latest page that is kept ready (query service, Postgres) ÷ of a page that is read",
            "µs",
            Better::Less,
            // A sixth, and a twelfth.
            (0.167, 0.083),
            turns::means(&costs, |cost| *cost),
        ),
    ])
}

/// Microseconds a page, of all processes concerned.
async fn cpu_of(bed: &Bed, readers: &Readers, pages: &[Reader], count: u32) -> Result<f64> {
    let concerned = [readers.query_service, bed.servers.postgres.pid()];
    let before = cpu::used(&concerned)?;
    read(pages, count).await?;
    let used = cpu::used(&concerned)? - before;
    Ok(used.as_secs_f64() * 1e6 / f64::from(count))
}

/// The end of the log, as an answer would give it.
async fn end(bed: &Bed) -> Result<Position> {
    let log = bed.log().await?;
    let seq = log.extent(StreamName::Chat).await?.last;
    Ok(Position { epoch: streams::epoch(&log, StreamName::Chat).await?, seq })
}

/// The newest message of a poster's room, once all that was posted can be read.
async fn newest(readers: &Readers, poster: &Poster, end: &Position) -> Result<MessageId> {
    let api = Api::at(&format!("http://{}", readers.listen))?;
    let path = format!("/v1/rooms/{}/messages", poster.room);
    let until = Instant::now() + THERE_WITHIN;
    loop {
        let ask = Ask::new(Method::GET, path.as_str()).header("authorization", &poster.bearer);
        let page = api.send(ask.header("chat-min-position", &end.to_string())).await?;
        if page.status.is_success() {
            let page = page.value();
            let newest = page["items"].as_array().and_then(|items| items.last()).context("a page of messages")?;
            return serde_json::from_value(newest["id"].clone()).context("a message's id");
        }
        ensure!(Instant::now() < until, "what was posted cannot be read after {THERE_WITHIN:?}: {}", page.value());
    }
}
