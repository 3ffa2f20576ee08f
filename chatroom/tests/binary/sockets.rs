//! What do sockets hear when people are shut out, never read, lose their instance or crash? The plays of `chatroom chaos`
//! with small counts. Here and not among the stories, because only here cargo tells where the binary is.

use chatroom::chaos::{
    LATE, Output, PresenceArgs, ReturnArgs, RevocationsArgs, SilentArgs, Verdict, presence, returns, revocations,
    silent,
};
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

// Red without `extract_if` of who leaves a room in live/hub/tell, and without `close` of any of the arms in `tell_of_user`.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_hears_nothing_more_and_the_others_hear_of_it() {
    let args = RevocationsArgs { revocations: 24, rooms: 2, behind: 2_000, seed: None, output: Output::Text };
    let verdict = revocations(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 7, "{verdict}");
    is_kept(&verdict);
}

// Red with a WRITE_WITHIN of an hour in live/wire: nobody is let go. Red without `is_at` in `put` (live/connection/chase).
#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_let_go_and_who_reads_slowly_gets_all_of_it() {
    let args = SilentArgs { sockets: 16, missed: 2_000, output: Output::Text };
    let verdict = silent(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 5, "{verdict}");
    is_kept(&verdict);
}

// Red with `head` in place of `from.unwrap_or(head)` in live/connection/identify, and with no sockets waited for at the end
// (`all.wait()` in live).
#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_the_instance_is_back_and_has_missed_nothing() {
    let args = ReturnArgs { sockets: 300, output: Output::Text };
    let verdict = returns(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 4, "{verdict}");
    is_kept(&verdict);
}

// Red without `goes` where a connection is dropped (live/connection).
#[tokio::test(flavor = "multi_thread")]
async fn who_crashes_is_seen_to_go_once_and_a_restart_of_the_log_is_not_seen() {
    let args = PresenceArgs { clients: 5, no_death: true, output: Output::Text };
    let verdict = presence(&args, binary(), &CancellationToken::new()).await.expect("it can be played");
    assert_eq!(verdict.promises.len(), 3, "{verdict}");
    is_kept(&verdict);
}
