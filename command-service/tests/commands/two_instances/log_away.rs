//! What does an instance do that cannot reach the log? It decides nothing, and says that it is not ready.

use crate::house::{PASSWORD, Pair, making_a_lounge, registering};
use event_log::streams;
use platform::health::{Health, State};
use servers::Role;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Canary, hearing and a busy machine together.
const SOON: Duration = Duration::from_secs(30);

async fn until(health: &Health, check: &str, wanted: impl Fn(&State) -> bool) {
    let began = Instant::now();
    while !health.get(check).is_some_and(|state| wanted(&state)) {
        assert!(began.elapsed() < SOON, "{check}: {:?}", health.get(check));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn fails(state: &State) -> bool {
    matches!(state, State::Failing { code: "log-unavailable", .. })
}

// Red without the layer `hears` in `http::router`: who is asked waits for the log before the command is decided.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_has_not_heard_the_log_for_a_second_decides_nothing() {
    let pair = Pair::start().await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    until(&pair.one.health, "log", |state| *state == State::Ok).await;
    let before = pair.chat().await.len();
    pair.house.nats.freeze();
    until(&pair.one.health, "log", fails).await;
    let began = Instant::now();
    let refused = making_a_lounge(&ada).refused(&pair.one, "log-unavailable").await;
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true));
    assert!(began.elapsed() < Duration::from_millis(150), "{:?}", began.elapsed());
    pair.house.nats.thaw();
    until(&pair.one.health, "log", |state| *state == State::Ok).await;
    assert_eq!(pair.chat().await.len(), before, "nothing was done");
    making_a_lounge(&ada).done(&pair.one).await;
    pair.stop().await;
}

// Red without `canary::start` in `Service::start`.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_nothing_was_appended_by_asks_the_canary_and_is_not_ready_when_it_stores_nothing() {
    let pair = Pair::start().await;
    until(&pair.one.health, "log-appends", |state| *state == State::Ok).await;
    let js =
        async_nats::jetstream::new(pair.house.nats.connect(Role::Operator).await.expect("the operator may connect"));
    let canary = js.get_stream(streams::CANARY).await.expect("it is there");
    assert!(canary.cached_info().state.last_sequence > 0, "no command was sent, so this was the proof");
    assert!(pair.one.health.is_ready());
    pair.house.nats.freeze();
    until(&pair.one.health, "log-appends", fails).await;
    assert!(!pair.one.health.is_ready());
    pair.house.nats.thaw();
    until(&pair.one.health, "log-appends", |state| *state == State::Ok).await;
    pair.stop().await;
}

// Red with `log_unavailable` instead of `in_doubt` in handle/repeat.rs.
#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_what_was_applied_is_never_told_that_nothing_was_done() {
    let (pair, [_, two]) = Pair::halting().await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    let key = uuid::Uuid::now_v7().to_string();
    let making = making_a_lounge(&ada).with_key(&key);
    making.done(&pair.one).await;
    two.becomes_unreadable();
    let doubt = making.refused(&pair.two, "log-unavailable").await;
    let detail = doubt.body["detail"].as_str().expect("a detail");
    assert_eq!(doubt.status, 503);
    assert!(detail.contains("unknown") && !detail.contains("Nothing was done"), "{detail}");
    pair.stop().await;
}
