//! What does an append promise?

use super::{Log, facts::*};
use event_log::{AppendError, EventLog, Freshness, JetStream, Record};
use events::{Event, EventId, LoungeId, StreamName, Subject};
use futures::future::join_all;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

async fn last(log: &JetStream, subject: Subject) -> Option<Record> {
    log.last(subject, Freshness::Leader).await.expect("it answers")
}

#[tokio::test]
async fn an_append_happens_under_its_condition_only() {
    let Log { log, nats: _nats } = Log::start().await;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    assert_eq!(log.append(vec![joins(room, ada, 0)]).await, Err(AppendError::Conflict));
    assert_eq!(log.append(vec![posts(room, ada, 0, id(), "hi")]).await, Err(AppendError::Conflict));
    let posted = log.append(vec![posts(room, ada, joined, id(), "hi")]).await.expect("she is a member").last;
    assert_eq!(last(&log, Subject::RoomMessages(room)).await.expect("it is there").seq, posted);
}

#[tokio::test]
async fn a_unit_is_stored_whole_or_not_at_all() {
    let Log { log, nats: _nats } = Log::start().await;
    let (room, ada, bob) = (room(), user(), user());
    let first = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let torn = vec![joins(room, bob, 0), joins(room, ada, 0)];
    assert_eq!(log.append(torn).await, Err(AppendError::Conflict));
    assert!(last(&log, Subject::Member(room, bob)).await.is_none());
    let whole = vec![joins(room, bob, 0), joins(room, user(), 0)];
    assert_eq!(log.append(whole).await.expect("all hold").last, first + 2);
    assert_eq!(last(&log, Subject::Member(room, bob)).await.expect("stored").seq, first + 1);
}

#[tokio::test]
async fn what_waits_is_stored_once_each_and_answered_with_its_own_place() {
    let Log { log, nats: _nats } = Log::start().await;
    let room = room();
    let members: Vec<_> = (0..20).map(|_| user()).collect();
    let joins = members.iter().map(|member| log.append(vec![joins(room, *member, 0)]));
    let joined: Vec<u64> =
        join_all(joins).await.into_iter().map(|joined| joined.expect("each for himself").last).collect();
    let ids: Vec<EventId> = (0..400).map(|_| id()).collect();
    let posts = ids.iter().enumerate().map(|(n, id)| {
        let who = n % members.len();
        log.append(vec![posts(room, members[who], joined[who], *id, "hello")])
    });
    let places: Vec<u64> =
        join_all(posts).await.into_iter().map(|posted| posted.expect("all are members").last).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for (id, place) in ids.iter().zip(places) {
        let record = log.read(StreamName::Chat, place).await.expect("it answers").expect("it is there");
        assert_eq!(record.id(), Some(*id));
    }
}

#[tokio::test]
async fn of_many_renames_at_once_one_wins_and_the_others_hear_it() {
    let Log { log, nats: _nats } = Log::start().await;
    let lounge = LoungeId(Uuid::now_v7());
    let at = log.append(vec![opens(lounge)]).await.expect("it is new").last;
    let record = last(&log, Subject::Lounge(lounge)).await.expect("it is there");
    let Event::Lounge(change) = record.fact().expect("ours").event else { panic!("a lounge") };
    let names: Vec<String> = (0..30).map(|n| format!("Tea {n}")).collect();
    let renames = names.iter().map(|name| log.append(vec![renames(lounge, &change.after, at, name)]));
    let outcomes = join_all(renames).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AppendError::Conflict))), "{outcomes:?}");
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_original_place() {
    let Log { log, nats: _nats } = Log::start().await;
    let (room, ada, message) = (room(), user(), id());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let original = log.append(vec![posts(room, ada, joined, message, "once")]).await.expect("she is a member").last;
    let repeat = log.append(vec![posts(room, ada, joined, message, "twice")]).await;
    assert_eq!(repeat, Err(AppendError::AlreadyStored { seq: original }));
    // Also among many, where it is part of a batch.
    let others = (0..20).map(|_| posts(room, ada, joined, id(), "other"));
    let all = others.chain([posts(room, ada, joined, message, "again")]).map(|event| log.append(vec![event]));
    let outcomes = join_all(all).await;
    assert_eq!(outcomes.last(), Some(&Err(AppendError::AlreadyStored { seq: original })));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 20);
}

#[tokio::test]
async fn a_frozen_server_leaves_no_doubt_once_it_thaws() {
    let Log { log, nats } = Log::start().await;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    for waiting in [1, 20] {
        let ids: Vec<EventId> = (0..waiting).map(|_| id()).collect();
        nats.freeze();
        let posts = ids.iter().map(|id| log.append(vec![posts(room, ada, joined, *id, "frozen")]));
        let thaw = async {
            // Longer than one send waits: what was sent is in doubt when the server wakes.
            tokio::time::sleep(Duration::from_millis(2_000)).await;
            nats.thaw();
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

#[tokio::test]
async fn a_server_that_is_away_stores_nothing_and_says_so() {
    let Log { log, nats } = Log::start().await;
    let (room, ada) = (room(), user());
    nats.kill().await;
    let away = log.append(vec![joins(room, ada, 0)]).await;
    assert!(matches!(away, Err(AppendError::NotStored(_) | AppendError::Unknown(_))), "{away:?}");
    nats.restart().await.expect("it starts again");
    // The client is given a second to have its connection again; whoever was told "not stored" asks once more.
    let mut again = log.append(vec![joins(room, ada, 0)]).await;
    while let Err(AppendError::NotStored(_)) = again {
        again = log.append(vec![joins(room, ada, 0)]).await;
    }
    assert!(matches!(again, Ok(_) | Err(AppendError::Conflict)), "{again:?}");
}

// Red without the check of the connection (what was "not stored" is stored later) and without the bound on writing
// (appends that are never answered).
#[tokio::test]
async fn with_the_server_away_each_append_is_answered_in_time_and_truly() {
    let Log { log, nats } = Log::start().await;
    let room = room();
    nats.kill().await;
    let members: Vec<_> = (0..2_000).map(|_| user()).collect();
    let appends = join_all(members.iter().map(|member| log.append(vec![joins(room, *member, 0)])));
    let outcomes = tokio::time::timeout(Duration::from_secs(30), appends).await.expect("each is answered");
    nats.restart().await.expect("it starts again");
    // One more goes through: what the client still held would have gone before it.
    while log.append(vec![joins(room, user(), 0)]).await.is_err() {}
    for (member, outcome) in members.iter().zip(outcomes) {
        match outcome {
            Err(AppendError::NotStored(_)) => {
                assert!(last(&log, Subject::Member(room, *member)).await.is_none(), "it was said not to be stored");
            }
            Err(AppendError::Unknown(_)) => {}
            other => panic!("the server was away: {other:?}"),
        }
    }
}
