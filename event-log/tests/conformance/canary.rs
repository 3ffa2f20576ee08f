//! When does the log count as ready to take appends?

use super::{Log, client, connected, facts::*};
use event_log::{AppendError, EventLog, JetStream, LogError, streams};
use servers::{Nats, Role};
use std::time::{Duration, Instant};

async fn canaries(nats: &Nats) -> u64 {
    let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
    let js = async_nats::jetstream::new(operator);
    let canary = js.get_stream(streams::CANARY).await.expect("it is there");
    canary.cached_info().state.last_sequence
}

// Red with `PROOF_FOR` of zero: a canary beside each real append.
#[tokio::test]
async fn a_real_append_is_proof_and_without_one_the_canary_is_appended() {
    let Log { log, nats } = Log::start().await;
    log.append(vec![joins(room(), user(), 0)]).await.expect("nobody was there");
    log.canary().check().await.expect("it was just appended to");
    assert_eq!(canaries(&nats).await, 0);
    // Another process, which has appended nothing.
    let other = connected(&nats, Role::Command).await;
    other.canary().check().await.expect("the canary is stored");
    other.canary().check().await.expect("it was stored just now");
    assert_eq!(canaries(&nats).await, 1);
}

#[tokio::test]
async fn a_log_that_stores_nothing_is_not_ready() {
    let Log { log: _log, nats } = Log::start().await;
    let frozen = connected(&nats, Role::Command).await;
    nats.freeze();
    let began = Instant::now();
    let answer = tokio::time::timeout(Duration::from_secs(20), frozen.canary().check()).await.expect("an answer");
    assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{answer:?}");
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    nats.thaw();
}

// Red with a closed queue answered like a full one.
#[tokio::test]
async fn a_writer_that_ended_is_noticed() {
    let Log { log: _log, nats } = Log::start().await;
    let client = client(&nats, Role::Command).await;
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
