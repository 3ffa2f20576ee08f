//! What is told to whom appends the same event again?

use super::{facts::*, rig::Rig, writing::last};
use event_log::{AppendError, Appended};
use events::{StreamName, Subject};
use futures::future::join_all;

/// The message under the same id, in other words as well: only the id counts.
pub(super) async fn a_repeat_is_answered_with_the_original_place(Rig { log, .. }: Rig) {
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

// Red with `Place::Another` where it is itself, on one server: it looks at the condition before the id.
pub(super) async fn a_repeat_is_known_though_its_own_tip_has_moved(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joining = joins(room, ada, 0);
    let joined = log.append(vec![joining.clone()]).await.expect("nobody was there").last;
    // Moved by itself, and then by another.
    let mut at = joined;
    for _ in 0..2 {
        assert_eq!(log.append(vec![joining.clone()]).await, Err(AppendError::AlreadyStored { seq: joined }));
        // Under the same old tip, and never stored.
        assert_eq!(log.append(vec![joins(room, ada, 0)]).await, Err(AppendError::Conflict));
        assert_eq!(last(&*log, Subject::Member(room, ada)).await.expect("she is there").seq, at);
        at = log.append(vec![mutes(room, ada, at)]).await.expect("nobody else is at it").last;
    }
}

// Red with `Place::Another` for what stands on another subject than its condition, on one server.
pub(super) async fn a_repeat_is_known_though_its_author_s_tip_has_moved(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let message = posts(room, ada, joined, id(), "once");
    let original = log.append(vec![message.clone()]).await.expect("she is a member").last;
    log.append(vec![mutes(room, ada, joined)]).await.expect("she is there");
    assert_eq!(log.append(vec![message]).await, Err(AppendError::AlreadyStored { seq: original }));
    let unheard = log.append(vec![posts(room, ada, joined, id(), "never")]).await;
    assert_eq!(unheard, Err(AppendError::Conflict));
    assert_eq!(last(&*log, Subject::RoomMessages(room)).await.expect("one was said").seq, original);
}

pub(super) async fn a_repeat_of_several_events_is_answered_with_the_first_one_s_place(Rig { log, .. }: Rig) {
    let (room, ada, bob) = (room(), user(), user());
    let both = vec![joins(room, ada, 0), joins(room, bob, 0)];
    let Appended { last: second } = log.append(both.clone()).await.expect("nobody was there");
    assert_eq!(log.append(both.clone()).await, Err(AppendError::AlreadyStored { seq: second - 1 }));
    log.append(vec![mutes(room, ada, second - 1)]).await.expect("she is there");
    log.append(vec![mutes(room, bob, second)]).await.expect("he is there");
    assert_eq!(log.append(both).await, Err(AppendError::AlreadyStored { seq: second - 1 }));
}

pub(super) async fn an_id_is_known_whatever_subject_it_comes_with(Rig { log, .. }: Rig) {
    let (here, there, ada, message) = (room(), room(), user(), id());
    let joined = log.append(vec![joins(here, ada, 0)]).await.expect("nobody was there").last;
    let elsewhere = log.append(vec![joins(there, ada, 0)]).await.expect("nobody was there").last;
    let original = log.append(vec![posts(here, ada, joined, message, "here")]).await.expect("she is a member").last;
    let again = log.append(vec![posts(there, ada, elsewhere, message, "there")]).await;
    assert_eq!(again, Err(AppendError::AlreadyStored { seq: original }));
    assert!(last(&*log, Subject::RoomMessages(there)).await.is_none());
}

pub(super) async fn of_many_repeats_at_once_one_is_stored(Rig { log, .. }: Rig) {
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let message = posts(room, ada, joined, id(), "once");
    let outcomes = join_all((0..16).map(|_| log.append(vec![message.clone()]))).await;
    let stored: Vec<u64> = outcomes.iter().flatten().map(|stored| stored.last).collect();
    let [seq] = stored[..] else { panic!("{outcomes:?}") };
    let known = |outcome: &Result<_, AppendError>| *outcome == Err(AppendError::AlreadyStored { seq });
    assert_eq!(outcomes.iter().filter(|outcome| known(outcome)).count(), 15, "{outcomes:?}");
    let record = log.read(StreamName::Chat, seq).await.expect("it answers").expect("it is there");
    assert_eq!(record.id(), Some(message.envelope.id));
}
