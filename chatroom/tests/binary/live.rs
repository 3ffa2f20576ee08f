//! Does nobody miss anything? `chatroom chaos live` with small counts, and what a server would say that breaks a rule. Here
//! and not among the stories, because only here cargo tells where the binary is.

use chatroom::chaos::{LiveArgs, LiveReport, Output, Spoiled, live};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Plays of a server that is spoiled.
const PLAYS: u32 = 5;

async fn played(faults: u16, sabotage: Option<Spoiled>) -> LiveReport {
    let args = LiveArgs { resumes: 200, faults, clients: 8, rooms: 3, seed: None, sabotage, output: Output::Text };
    let binary = Path::new(env!("CARGO_BIN_EXE_chatroom"));
    live(&args, binary, &CancellationToken::new()).await.expect("it can be played")
}

// Red with each of the ways in which a server is spoiled below.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_cut_while_everything_dies_has_all_of_it_once() {
    let report = played(4, None).await;
    assert_eq!(report.violations(), 0, "{report}: {:#?}", report.named);
    assert_eq!(report.faults.values().sum::<u64>(), 4, "{report}");
    assert!(report.resumes >= 200 && report.frames > 1_000, "this proves nothing: {report}");
}

/// It is noticed in one of so many plays: on a busy machine hardly anything is said, or deleted, between two cuts of a short one.
async fn is_noticed(spoiled: Spoiled) {
    let mut seen = Vec::new();
    for _ in 0..PLAYS {
        let report = played(0, Some(spoiled)).await;
        if report.violations() > 0 {
            return;
        }
        seen.push(report.to_string());
    }
    panic!("{spoiled:?} is not noticed: {seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_skips_is_noticed() {
    is_noticed(Spoiled::SkipOnLag).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_repeats_is_noticed() {
    is_noticed(Spoiled::Repeat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reads_before_it_attaches_is_noticed() {
    is_noticed(Spoiled::ReadBeforeAttach).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_deletions_is_noticed() {
    is_noticed(Spoiled::ForgetDeletes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_numbers_by_the_rows_is_noticed() {
    is_noticed(Spoiled::NumbersFromRows).await;
}
