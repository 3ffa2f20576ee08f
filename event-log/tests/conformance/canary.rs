//! When does the log count as ready to take appends?

use super::{facts::*, rig::Rig};
use event_log::{AppendError, EventLog, JetStream, LogError, streams};
use servers::Role;
use std::time::{Duration, Instant};

async fn canaries(rig: &Rig) -> u64 {
    let js = async_nats::jetstream::new(rig.client(Role::Operator).await);
    let canary = js.get_stream(streams::CANARY).await.expect("it is there");
    canary.cached_info().state.last_sequence
}

// Red with `PROOF_FOR` of zero: a canary beside each real append.
pub(super) async fn a_real_append_is_proof_and_without_one_the_canary_is_appended(rig: Rig) {
    let log = rig.jetstream(Role::Command).await;
    log.append(vec![joins(room(), user(), 0)]).await.expect("nobody was there");
    log.canary().check().await.expect("it was just appended to");
    assert_eq!(canaries(&rig).await, 0);
    // Another process, which has appended nothing.
    let other = rig.jetstream(Role::Command).await;
    other.canary().check().await.expect("the canary is stored");
    other.canary().check().await.expect("it was stored just now");
    assert_eq!(canaries(&rig).await, 1);
}

pub(super) async fn a_log_that_stores_nothing_is_not_ready(rig: Rig) {
    let frozen = rig.jetstream(Role::Command).await;
    rig.freeze();
    let began = Instant::now();
    let answer = tokio::time::timeout(Duration::from_secs(20), frozen.canary().check()).await.expect("an answer");
    assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{answer:?}");
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    rig.thaw();
}

// Red with a closed queue answered like a full one.
pub(super) async fn a_writer_that_ended_is_noticed(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let log = {
        let _inside = runtime.enter();
        JetStream::new(client)
    };
    // Its writers end with it, though nobody asked them to.
    runtime.shutdown_background();
    let answer = log.append(vec![joins(room(), user(), 0)]).await;
    assert!(matches!(&answer, Err(AppendError::NotStored(why)) if why.contains("writer")), "{answer:?}");
    let ready = log.canary().check().await;
    assert!(matches!(&ready, Err(LogError::Unavailable { why, .. }) if why.contains("writer")), "{ready:?}");
}
