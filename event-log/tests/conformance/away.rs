//! What does an append promise while the log is away or frozen?

use super::{facts::*, rig::Rig, writing::last};
use event_log::{AppendError, Appended, EventLog};
use events::{EventId, NewEvent, RoomId, StreamName, Subject};
use futures::future::join_all;
use std::time::{Duration, Instant};

/// Each unit is answered after 4 s at the latest; the rest is for a machine that is busy.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_millis(4_500);

pub(super) type Answer = Result<Appended, AppendError>;

pub(super) fn people(room: RoomId, count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| joins(room, user(), 0)).collect()
}

pub(super) async fn append(log: &dyn EventLog, event: &NewEvent) -> (Duration, Answer) {
    let began = Instant::now();
    // Far beyond every deadline: a test that hangs says less than one that fails.
    let answer = tokio::time::timeout(Duration::from_secs(20), log.append(vec![event.clone()])).await;
    (began.elapsed(), answer.expect("an answer, whatever it is"))
}

pub(super) async fn append_all(log: &dyn EventLog, events: &[NewEvent]) -> Vec<(Duration, Answer)> {
    join_all(events.iter().map(|event| append(log, event))).await
}

/// Where an event stands in the end, appended again as often as it takes.
pub(super) async fn place(log: &dyn EventLog, event: &NewEvent) -> u64 {
    loop {
        match append(log, event).await.1 {
            Ok(Appended { last: seq }) | Err(AppendError::AlreadyStored { seq }) => return seq,
            // Whoever was away has its connection, and a cluster its leader, in a while.
            Err(AppendError::NotStored(_) | AppendError::Unknown(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("nobody else is at it: {other:?}"),
        }
    }
}

pub(super) fn slowest(answers: &[(Duration, Answer)]) -> &(Duration, Answer) {
    answers.iter().max_by_key(|(after, _)| *after).expect("there are answers")
}

// Red while neither the caller nor the wait for the client had a deadline, and a client without a connection was
// left to buffer.
pub(super) async fn of_four_thousand_appends_to_a_dead_server_each_is_answered_in_time(rig: Rig) {
    let log = &*rig.log;
    let people = people(room(), 4_000);
    rig.kill().await;
    let answers = append_all(log, &people).await;
    let slowest = slowest(&answers);
    println!("dead, 4,000 appends, slowest: {slowest:?}");
    assert!(slowest.0 < ANSWERED_WITHIN, "{slowest:?}");
}

// Red with `SEND_NEEDS` of zero: what waited to its deadline is sent all the same, and 608 are in doubt.
pub(super) async fn what_was_never_sent_to_a_frozen_server_is_not_stored_and_the_rest_is_resolved_by_sending_it_again(
    rig: Rig,
) {
    let log = &*rig.log;
    let before = log.extent(StreamName::Chat).await.expect("it answers").last;
    let people = people(room(), 900);
    rig.freeze();
    let answers = append_all(log, &people).await;
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
    rig.thaw();
    join_all(doubtful.iter().map(|event| place(log, event))).await;
    let end = log.extent(StreamName::Chat).await.expect("it answers").last;
    assert_eq!(end, before + doubtful.len() as u64, "each doubtful one once, and nothing else");
}

pub(super) async fn a_frozen_server_leaves_no_doubt_once_it_thaws(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    for waiting in [1, 20] {
        let ids: Vec<EventId> = (0..waiting).map(|_| id()).collect();
        rig.freeze();
        let posts = ids.iter().map(|id| log.append(vec![posts(room, ada, joined, *id, "frozen")]));
        let thaw = async {
            // Longer than one send waits: what was sent is in doubt when the server wakes.
            tokio::time::sleep(Duration::from_millis(2_000)).await;
            rig.thaw();
        };
        let (outcomes, ()) = tokio::join!(join_all(posts), thaw);
        for (id, outcome) in ids.iter().zip(outcomes) {
            let place = match outcome {
                Ok(stored) => stored.last,
                Err(AppendError::AlreadyStored { seq }) => seq,
                other => panic!("in doubt: {other:?}"),
            };
            let record = log.read(StreamName::Chat, place).await.expect("it answers").expect("it is there");
            assert_eq!(record.id(), Some(*id));
        }
    }
    let end = log.extent(StreamName::Chat).await.expect("it answers").last;
    assert_eq!(end, joined + 21, "each was stored once");
}

pub(super) async fn a_server_that_is_away_stores_nothing_and_says_so(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    rig.kill().await;
    let away = log.append(vec![joins(room, ada, 0)]).await;
    assert!(matches!(away, Err(AppendError::NotStored(_) | AppendError::Unknown(_))), "{away:?}");
    rig.restart().await;
    // The client is given a second to have its connection again; whoever was told "not stored" asks once more.
    let mut again = log.append(vec![joins(room, ada, 0)]).await;
    while let Err(AppendError::NotStored(_)) = again {
        again = log.append(vec![joins(room, ada, 0)]).await;
    }
    assert!(matches!(again, Ok(_) | Err(AppendError::Conflict)), "{again:?}");
}

// Red without the check of the connection (what was "not stored" is stored later) and without the bound on writing
// (appends that are never answered).
pub(super) async fn with_the_server_away_each_append_is_answered_in_time_and_truly(rig: Rig) {
    let log = &*rig.log;
    let room = room();
    rig.kill().await;
    let members: Vec<_> = (0..2_000).map(|_| user()).collect();
    let appends = join_all(members.iter().map(|member| log.append(vec![joins(room, *member, 0)])));
    let outcomes = tokio::time::timeout(Duration::from_secs(30), appends).await.expect("each is answered");
    rig.restart().await;
    // One more goes through: what the client still held would have gone before it.
    while log.append(vec![joins(room, user(), 0)]).await.is_err() {}
    for (member, outcome) in members.iter().zip(outcomes) {
        match outcome {
            Err(AppendError::NotStored(_)) => {
                assert!(last(log, Subject::Member(room, *member)).await.is_none(), "it was said not to be stored");
            }
            Err(AppendError::Unknown(_)) => {}
            other => panic!("the server was away: {other:?}"),
        }
    }
}
