//! What do sockets hear when people are shut out or never read? The plays of `chatroom chaos`
//! with small counts. Here and not among the stories, because only here cargo tells where the binary is.

use chatroom::chaos::{LATE, Output, RevocationsArgs, SilentArgs, Verdict, revocations, silent};
use std::path::Path;
use tokio_util::sync::CancellationToken;

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_chatroom"))
}

/// Each promise was put to the test, and none is broken; but of those about time nothing is asked here.
fn is_kept(verdict: &Verdict) {
    for promise in &verdict.promises {
        let is_kept = promise.broken == 0 || promise.what == LATE;
        assert!(is_kept && promise.of > 0, "{verdict}\n{:#?}", verdict.named);
    }
}

// Meant to be red without `extract_if` of who leaves a room in live/hub/tell, and without `close` of any of the arms in `tell_of_user`.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_hears_nothing_more_and_the_others_hear_of_it() {
    let args = RevocationsArgs { revocations: 24, rooms: 2, seed: None, output: Output::Text };
    let verdict = revocations(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 7, "{verdict}");
    is_kept(&verdict);
}

// Meant to be red with a WRITE_WITHIN of an hour in live/wire: nobody is let go. Red without `is_at` in `put` (live/connection/chase).
#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_let_go_and_who_reads_slowly_gets_all_of_it() {
    let args = SilentArgs { sockets: 16, missed: 2_000, output: Output::Text };
    let verdict = silent(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 5, "{verdict}");
    is_kept(&verdict);
}
