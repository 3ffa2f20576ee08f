//! Does a log that is not the one that was read stop the projector, and is nothing of it in the tables?

use crate::{
    SOON,
    bed::{Bed, ends, joined, posted},
    tables::assert_same,
};
use event_log::{EventLog, FollowError};
use events::{RoomId, StreamName};
use platform::{
    Shutdown,
    health::{Health, State},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// What becomes of the files of a stopped server.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// One bit of a message in the middle.
    FlippedBit,
    /// The last third of what was said.
    CutTail,
    /// As it was yesterday; and then others say as much as was said since.
    YesterdaysCopy,
    /// Another server's, which has as much.
    Swapped,
}

/// What `/readyz` calls the projections.
const CHECKS: [&str; 4] = ["projector", "projector-identity", "projector-presence", "projector-markers"];

fn store(bed: &Bed) -> PathBuf {
    bed.nats.log().parent().expect("a directory").join("nats")
}

/// The file with what was said, without the index that a calm end leaves beside it: as after a crash of the machine.
fn block(store: &Path) -> PathBuf {
    let messages = store.join("jetstream/$G/streams/CHAT/msgs");
    let index = messages.join("index.db");
    if index.exists() {
        fs::remove_file(index).expect("the server is away");
    }
    messages.join("1.blk")
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("the server is away");
    }
    fs::create_dir_all(to).expect("there is room");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("a name");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("there is room");
        }
    }
}

async fn says(bed: &Bed, room: RoomId, what: &str, count: usize) {
    for n in 0..count {
        bed.publishes(&posted(room, &format!("{what} {n}"))).await;
    }
}

/// Of a room, as many times as it takes to come to where the other was.
async fn says_up_to(bed: &Bed, room: RoomId, what: &str, end: u64) {
    let mut at = 0;
    while at < end {
        at = bed.publishes(&posted(room, what)).await;
    }
}

/// The projector has ended with what the role's process ends with as exit code 78, and `/readyz` says why.
async fn diverges((shutdown, health): (Shutdown, Health)) -> String {
    let ended = tokio::time::timeout(SOON, shutdown.cancelled()).await;
    ended.expect("it ends by itself");
    let why = shutdown.wait(SOON).await.expect_err("it must not go on");
    assert!(why.chain().any(|cause| matches!(cause.downcast_ref(), Some(FollowError::Diverged { .. }))), "{why:#}");
    // Another server's log is of another epoch in all of its streams: whoever looks first says so.
    let said = CHECKS.into_iter().find_map(|check| match health.get(check) {
        Some(State::Failing { code: "log-diverged", why }) => Some(why),
        _ => None,
    });
    said.unwrap_or_else(|| panic!("{why:#}, and /readyz says nothing of it"))
}

async fn spoil(bed: &Bed, fault: Fault, yesterday: &Path, room: RoomId, end: u64) {
    let store = store(bed);
    match fault {
        Fault::FlippedBit => {
            let block = block(&store);
            let mut bytes = fs::read(&block).expect("readable");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(block, bytes).expect("writable");
        }
        Fault::CutTail => {
            let block = block(&store);
            let bytes = fs::read(&block).expect("readable");
            fs::write(block, &bytes[..bytes.len() * 2 / 3]).expect("writable");
        }
        Fault::YesterdaysCopy => copy(yesterday, &store),
        Fault::Swapped => {
            let other = Bed::new().await;
            other.publishes(&joined(room)).await;
            says_up_to(&other, room, "foreign", end + 5).await;
            other.nats.stop().await;
            copy(&self::store(&other), &store);
        }
    }
}

// Each red with `check` taken out of `begin` and `is_ours` out of `accept`, in event-log's follower.

#[tokio::test]
async fn a_flipped_bit_stops_the_projector() {
    stops(Fault::FlippedBit).await;
}

#[tokio::test]
async fn a_cut_tail_stops_the_projector() {
    stops(Fault::CutTail).await;
}

#[tokio::test]
async fn a_copy_of_yesterday_stops_the_projector() {
    stops(Fault::YesterdaysCopy).await;
}

#[tokio::test]
async fn a_swapped_store_stops_the_projector() {
    stops(Fault::Swapped).await;
}

async fn stops(fault: Fault) {
    stops_what_runs_or_begins(fault, true).await;
    stops_what_runs_or_begins(fault, false).await;
}

async fn stops_what_runs_or_begins(fault: Fault, running_meanwhile: bool) {
    let bed = Bed::new().await;
    let running = bed.starts();
    let room = RoomId(Uuid::now_v7());
    bed.publishes(&joined(room)).await;
    says(&bed, room, "yesterday", 20).await;
    let yesterday = bed.nats.log().parent().expect("a directory").join("yesterday");
    bed.nats.stop().await;
    copy(&store(&bed), &yesterday);
    bed.nats.restart().await.expect("it starts again");
    says_when_back(&bed, room, "today").await;
    says(&bed, room, "today", 20).await;
    bed.arrives().await;
    let end = bed.log.extent(StreamName::Chat).await.expect("the log answers").last;
    let wanted = of_chat(&bed).await;
    let running = match running_meanwhile {
        true => Some(running),
        false => {
            ends(running).await;
            None
        }
    };
    bed.nats.kill().await;
    spoil(&bed, fault, &yesterday, room, end).await;
    bed.nats.restart().await.expect("it starts again");
    if let Some(running) = running {
        let why = diverges(running).await;
        println!("{fault:?}, running: {why}");
    }
    if matches!(fault, Fault::YesterdaysCopy) {
        says_when_back(&bed, room, "foreign").await;
        says_up_to(&bed, room, "foreign", end + 5).await;
    }
    let why = diverges(bed.starts()).await;
    println!("{fault:?}, at a start: {why}");
    assert_same(&of_chat(&bed).await, &wanted, &format!("{fault:?}"));
}

/// The tables that hold what was said, and their checkpoint.
async fn of_chat(bed: &Bed) -> Vec<(&'static str, Vec<String>)> {
    let mut contents = bed.tables.contents().await;
    contents.retain(|(table, _)| table.starts_with("rm."));
    contents
}

/// The first after a restart: the client may not have its connection yet.
async fn says_when_back(bed: &Bed, room: RoomId, what: &str) {
    let record = posted(room, what);
    let said = async {
        let answer = async || {
            let (subject, headers, body) = (record.subject.clone(), record.headers.clone(), record.body.clone());
            bed.operator.request_with_headers(subject, headers, body).await
        };
        while answer().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, said).await.expect("it comes back");
}
