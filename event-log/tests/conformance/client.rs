//! What becomes of an append that a client without a connection, or with one that takes nothing, would keep for later?

use super::{
    away::{ANSWERED_WITHIN, append_all, people, place, slowest},
    facts::*,
    rig::Rig,
};
use async_nats::connection::State;
use event_log::{AppendError, EventLog, JetStream};
use events::StreamName;
use servers::Role;
use std::time::Duration;

/// A log that is not connected gives up after 1 s.
const GIVEN_UP_WITHIN: Duration = Duration::from_millis(1_500);

async fn notices(client: &async_nats::Client) {
    while client.connection_state() == State::Connected {
        tokio::task::yield_now().await;
    }
}

// Red while only the request's own timeout bounded a send: it begins when the client has taken the message.
pub(super) async fn a_client_that_takes_nothing_more_holds_nobody_up(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let log = JetStream::new(client.clone());
    rig.freeze();
    // Until the socket, the client's buffer and its queue of commands are full.
    let fills = async {
        loop {
            client.publish("canary.append", vec![0; 1 << 18].into()).await.expect("it queues");
        }
    };
    tokio::time::timeout(Duration::from_secs(2), fills).await.expect_err("it fills for ever");
    let answers = append_all(&log, &people(room(), 300)).await;
    let slowest = slowest(&answers);
    println!("full client, 300 appends, slowest: {slowest:?}");
    assert!(slowest.0 < ANSWERED_WITHIN, "{slowest:?}");
}

// Red with `Api::connected` always true: `Unknown` after 4 s, for what the client keeps.
pub(super) async fn what_was_not_sent_to_a_server_that_is_away_is_not_stored_when_it_is_back(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let log = JetStream::new(client.clone());
    let before = log.extent(StreamName::Chat).await.expect("it answers").last;
    rig.kill().await;
    tokio::time::timeout(Duration::from_secs(5), notices(&client)).await.expect("the connection ends");
    for (after, answer) in append_all(&log, &people(room(), 5)).await {
        println!("away: {after:?} {answer:?}");
        assert!(matches!(answer, Err(AppendError::NotStored(_))), "{answer:?}");
        assert!(after < GIVEN_UP_WITHIN, "{after:?}");
    }
    rig.restart().await;
    // Whatever the client kept goes out before this one, on the same connection.
    assert_eq!(place(&log, &joins(room(), user(), 0)).await, before + 1);
}
