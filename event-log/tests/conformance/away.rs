//! What does an append promise while the server is away or frozen?

use super::{Log, client, facts::*};
use async_nats::connection::State;
use event_log::{AppendError, Appended, EventLog, JetStream};
use events::{NewEvent, RoomId, StreamName};
use futures::future::join_all;
use servers::Role;
use std::time::{Duration, Instant};

/// Each unit is answered after 4 s at the latest; the rest is for a machine that is busy.
const ANSWERED_WITHIN: Duration = Duration::from_millis(4_500);
/// A log that is not connected gives up after 1 s.
const GIVEN_UP_WITHIN: Duration = Duration::from_millis(1_500);

type Answer = Result<Appended, AppendError>;

fn people(room: RoomId, count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| joins(room, user(), 0)).collect()
}

async fn append(log: &JetStream, event: &NewEvent) -> (Duration, Answer) {
    let began = Instant::now();
    // Far beyond every deadline: a test that hangs says less than one that fails.
    let answer = tokio::time::timeout(Duration::from_secs(20), log.append(vec![event.clone()])).await;
    (began.elapsed(), answer.expect("an answer, whatever it is"))
}

async fn append_all(log: &JetStream, events: &[NewEvent]) -> Vec<(Duration, Answer)> {
    join_all(events.iter().map(|event| append(log, event))).await
}

fn slowest(answers: &[(Duration, Answer)]) -> &(Duration, Answer) {
    answers.iter().max_by_key(|(after, _)| *after).expect("there are answers")
}

async fn notices(client: &async_nats::Client) {
    while client.connection_state() == State::Connected {
        tokio::task::yield_now().await;
    }
}

// Red while neither the caller nor the wait for the client had a deadline, and a client without a connection was
// left to buffer.
#[tokio::test]
async fn of_four_thousand_appends_to_a_dead_server_each_is_answered_in_time() {
    let Log { log, nats } = Log::start().await;
    let people = people(room(), 4_000);
    nats.kill().await;
    let answers = append_all(&log, &people).await;
    let slowest = slowest(&answers);
    println!("dead, 4,000 appends, slowest: {slowest:?}");
    assert!(slowest.0 < ANSWERED_WITHIN, "{slowest:?}");
}

// Red while only the request's own timeout bounded a send: it begins when the client has taken the message.
#[tokio::test]
async fn a_client_that_takes_nothing_more_holds_nobody_up() {
    let Log { log: _, nats } = Log::start().await;
    let client = client(&nats, Role::Command).await;
    let log = JetStream::new(client.clone());
    nats.freeze();
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

// Red with `SEND_NEEDS` of zero: what waited to its deadline is sent all the same, and 608 are in doubt.
#[tokio::test]
async fn what_was_never_sent_to_a_frozen_server_is_not_stored_and_the_rest_is_resolved_by_sending_it_again() {
    let Log { log, nats } = Log::start().await;
    let before = log.extent(StreamName::Chat).await.expect("it answers").last;
    let people = people(room(), 900);
    nats.freeze();
    let answers = append_all(&log, &people).await;
    let slowest = slowest(&answers);
    println!("frozen, 900 appends, slowest: {slowest:?}");
    assert!(slowest.0 < ANSWERED_WITHIN, "{slowest:?}");
    let mut doubtful = Vec::new();
    for (event, (after, answer)) in people.iter().zip(&answers) {
        match answer {
            Err(AppendError::NotStored(_)) => {}
            Err(AppendError::Unknown(told)) => {
                assert!(after.abs_diff(*told) < Duration::from_millis(250), "{after:?}, and told {told:?}");
                doubtful.push(event.clone());
            }
            other => panic!("from a frozen server: {other:?}"),
        }
    }
    println!("frozen, 900 appends: {} unknown", doubtful.len());
    assert!((1..=200).contains(&doubtful.len()), "one send was under way, {} are in doubt", doubtful.len());
    nats.thaw();
    for (_, answer) in append_all(&log, &doubtful).await {
        // One server checks the condition before the id, so what was stored meanwhile is a conflict: the tip tells.
        let certain = matches!(answer, Ok(_) | Err(AppendError::AlreadyStored { .. } | AppendError::Conflict));
        assert!(certain, "{answer:?}");
    }
    let end = log.extent(StreamName::Chat).await.expect("it answers").last;
    assert_eq!(end, before + doubtful.len() as u64, "each doubtful one once, and nothing else");
}

// Red with `Api::connected` always true: `Unknown` after 4 s, for what the client keeps.
#[tokio::test]
async fn what_was_not_sent_to_a_server_that_is_away_is_not_stored_when_it_is_back() {
    let Log { log: _, nats } = Log::start().await;
    let client = client(&nats, Role::Command).await;
    let log = JetStream::new(client.clone());
    let before = log.extent(StreamName::Chat).await.expect("it answers").last;
    nats.kill().await;
    tokio::time::timeout(Duration::from_secs(5), notices(&client)).await.expect("the connection ends");
    for (after, answer) in append_all(&log, &people(room(), 5)).await {
        println!("away: {after:?} {answer:?}");
        assert!(matches!(answer, Err(AppendError::NotStored(_))), "{answer:?}");
        assert!(after < GIVEN_UP_WITHIN, "{after:?}");
    }
    nats.restart().await.expect("it starts again");
    // Whatever the client kept goes out before this one, on the same connection.
    let mut first = append(&log, &joins(room(), user(), 0)).await.1;
    while let Err(AppendError::NotStored(_)) = first {
        first = append(&log, &joins(room(), user(), 0)).await.1;
    }
    assert_eq!(first, Ok(Appended { last: before + 1 }));
}
