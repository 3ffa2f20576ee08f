//! What does an append promise?

use super::{facts::*, rig::Rig};
use event_log::{AppendError, EventLog, Freshness, Record};
use events::{Event, EventId, LoungeId, StreamName, Subject};
use futures::future::join_all;
use std::collections::BTreeSet;
use uuid::Uuid;

pub(super) async fn last(log: &dyn EventLog, subject: Subject) -> Option<Record> {
    log.last(subject, Freshness::Leader).await.expect("it answers")
}

pub(super) async fn an_append_happens_under_its_condition_only(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    assert_eq!(log.append(vec![joins(room, ada, 0)]).await, Err(AppendError::Conflict));
    assert_eq!(log.append(vec![posts(room, ada, 0, id(), "hi")]).await, Err(AppendError::Conflict));
    let posted = log.append(vec![posts(room, ada, joined, id(), "hi")]).await.expect("she is a member").last;
    assert_eq!(last(&*log, Subject::RoomMessages(room)).await.expect("it is there").seq, posted);
}

pub(super) async fn a_unit_is_stored_whole_or_not_at_all(Rig { log, .. }: Rig) {
    let (room, ada, bob) = (room(), user(), user());
    let first = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let torn = vec![joins(room, bob, 0), joins(room, ada, 0)];
    assert_eq!(log.append(torn).await, Err(AppendError::Conflict));
    assert!(last(&*log, Subject::Member(room, bob)).await.is_none());
    let whole = log.append(vec![joins(room, bob, 0), joins(room, user(), 0)]).await.expect("all hold");
    assert!(whole.last > first);
    assert_eq!(last(&*log, Subject::Member(room, bob)).await.expect("stored").seq, whole.last - 1);
}

pub(super) async fn what_waits_is_stored_once_each_and_answered_with_its_own_place(Rig { log, .. }: Rig) {
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

pub(super) async fn of_many_renames_at_once_one_wins_and_the_others_hear_it(Rig { log, .. }: Rig) {
    let lounge = LoungeId(Uuid::now_v7());
    let at = log.append(vec![opens(lounge)]).await.expect("it is new").last;
    let record = last(&*log, Subject::Lounge(lounge)).await.expect("it is there");
    let Event::Lounge(change) = record.fact().expect("ours").event else { panic!("a lounge") };
    let names: Vec<String> = (0..30).map(|n| format!("Tea {n}")).collect();
    let renames = names.iter().map(|name| log.append(vec![renames(lounge, &change.after, at, name)]));
    let outcomes = join_all(renames).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AppendError::Conflict))), "{outcomes:?}");
}

// Red with `LiesOn::OneServer` for whatever the stream says, on three servers: they are told that the server is busy.
pub(super) async fn what_one_member_says_at_once_is_stored_at_once(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    for at_once in 2..8 {
        let posts = (0..at_once).map(|_| log.append(vec![posts(room, ada, joined, id(), "at once")]));
        for posted in join_all(posts).await {
            posted.expect("she is a member");
        }
    }
}

// Red with `take_what_may_fly` taking all, on three servers.
pub(super) async fn who_waits_beside_a_conflict_is_stored_all_the_same(Rig { log, .. }: Rig) {
    let (room, ada, bob) = (room(), user(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let stale = log.append(vec![joins(room, bob, 0)]).await.expect("nobody was there").last;
    log.append(vec![mutes(room, bob, stale)]).await.expect("he is there");
    let all = (0..60).map(|n| match n {
        30 => posts(room, bob, stale, id(), "mute"),
        _ => posts(room, ada, joined, id(), "heard"),
    });
    let outcomes = join_all(all.map(|event| log.append(vec![event]))).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match n {
            30 => assert_eq!(outcome, Err(AppendError::Conflict)),
            _ => assert!(outcome.is_ok(), "{n}: {outcome:?}"),
        }
    }
}

pub(super) async fn what_was_handed_in_first_is_stored_first(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let says = || posts(room, ada, joined, id(), "hello");
    let before = (0..10).map(|_| says());
    let after = (0..10).map(|_| says());
    let all = before.chain([mutes(room, ada, joined)]).chain(after);
    let outcomes = join_all(all.map(|event| log.append(vec![event]))).await;
    assert!(outcomes[..11].iter().all(Result::is_ok), "{outcomes:?}");
    assert!(outcomes[11..].iter().all(|outcome| *outcome == Err(AppendError::Conflict)), "{outcomes:?}");
}

// Red without `left` in `Sharing::admits`: the message goes out beside the first, and what ends its author's right stays.
pub(super) async fn what_does_not_fit_a_batch_is_not_overtaken_by_what_was_handed_in_later(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let first = vec![joins(room, user(), 0)];
    // As many as a batch holds.
    let many = [mutes(room, ada, joined)].into_iter().chain((0..199).map(|_| joins(room, user(), 0))).collect();
    let late = vec![posts(room, ada, joined, id(), "hello")];
    let outcomes = join_all([first, many, late].map(|unit| log.append(unit))).await;
    assert!(outcomes[..2].iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(outcomes[2], Err(AppendError::Conflict));
}

/// Whoever reads any replica may be told of yesterday, and hears of today in the end.
pub(super) async fn what_was_stored_is_read_from_the_leader_at_once_and_from_anywhere_soon(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let subject = Subject::Member(room, ada);
    let mut at = 0;
    for _ in 0..50 {
        at = log.append(vec![joins(room, ada, at)]).await.expect("nobody else is at it").last;
        assert_eq!(last(&*log, subject).await.map(|record| record.seq), Some(at));
    }
    let anywhere = || async { log.last(subject, Freshness::Any).await.expect("it answers").map(|record| record.seq) };
    while anywhere().await != Some(at) {
        tokio::task::yield_now().await;
    }
    assert!(log.read(StreamName::Chat, at).await.expect("it answers").is_some());
    assert!(log.read(StreamName::Chat, u64::from(u32::MAX)).await.expect("it answers").is_none());
}
