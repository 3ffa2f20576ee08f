//! What does a follower promise?

use super::{facts::*, rig::Rig};
use event_log::{AppendError, EventLog, FollowError, Record, Start, streams};
use events::{RoomId, StreamName, Subject, UserId};
use futures::StreamExt;
use servers::Role;

async fn write(log: &dyn EventLog, room: RoomId, ada: UserId, joined: u64, count: usize) {
    for n in 0..count {
        let message = posts(room, ada, joined, id(), &format!("message {n}"));
        // After a restart the client may not have its connection yet: what was not stored is said again.
        let mut stored = log.append(vec![message.clone()]).await;
        while let Err(AppendError::NotStored(_)) = stored {
            stored = log.append(vec![message.clone()]).await;
        }
        stored.expect("she is a member");
    }
}

async fn take(log: &dyn EventLog, start: Start, count: usize) -> Vec<Record> {
    let follow = log.follow(StreamName::Chat, start, vec![]);
    follow.take(count).map(|record| record.expect("the log that it was")).collect().await
}

pub(super) async fn a_follower_hears_all_in_order_from_where_it_was(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    write(log, room, ada, joined, 20).await;
    let reader = rig.connected(Role::Projector).await;
    let all = take(&*reader, Start::Beginning, 22).await;
    assert_eq!(all.iter().map(|record| record.seq).collect::<Vec<_>>(), (1..=22).collect::<Vec<_>>());
    let checkpoint = Start::Checkpoint { seq: 10, id: all[9].id().expect("ours") };
    assert_eq!(take(&*reader, checkpoint, 3).await.iter().map(|record| record.seq).collect::<Vec<_>>(), [10, 11, 12]);
    let filtered = reader.follow(StreamName::Chat, Start::Beginning, vec![Subject::Member(room, ada).to_string()]);
    let heard: Vec<u64> = filtered.take(1).map(|record| record.expect("the log that it was").seq).collect().await;
    assert_eq!(heard, [joined]);
}

pub(super) async fn a_follower_outlives_restarts_without_hole_or_repeat(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    let reader = rig.connected(Role::Query).await;
    let mut follow = reader.follow(StreamName::Chat, Start::Beginning, vec![]);
    let mut expected = 1;
    for round in 0..3 {
        write(log, room, ada, joined, 5).await;
        while expected <= joined + 5 * (round + 1) {
            assert_eq!(follow.next().await.expect("for ever").expect("the log that it was").seq, expected);
            expected += 1;
        }
        rig.kill().await;
        rig.restart().await;
    }
}

pub(super) async fn another_log_is_not_followed(rig: Rig) {
    let log = &*rig.log;
    let joined = log.append(vec![joins(room(), user(), 0)]).await.expect("nobody was there").last;
    let foreign = [
        Start::Checkpoint { seq: joined, id: id() },
        Start::Checkpoint { seq: joined + 1, id: id() },
        Start::Sequence(joined + 7),
    ];
    for start in foreign {
        let mut follow = log.follow(StreamName::Chat, start, vec![]);
        let heard = follow.next().await.expect("an answer");
        assert!(matches!(heard, Err(FollowError::Diverged { .. })), "{start:?}: {heard:?}");
        assert!(follow.next().await.is_none());
    }
}

pub(super) async fn a_log_that_was_swapped_underneath_is_noticed_at_the_next_reconnect(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    write(log, room, ada, joined, 10).await;
    let follow = log.follow(StreamName::Chat, Start::Beginning, vec![]);
    let mut follow = follow.skip(joined as usize + 9);
    follow.next().await.expect("the last one").expect("the log that it was");
    // An older copy: as many messages as there were, of which the last are others.
    let operator = rig.client(Role::Operator).await;
    let js = async_nats::jetstream::new(operator.clone());
    js.delete_stream("CHAT").await.expect("the operator may");
    streams::migrate(&operator, &rig.streams()).await.expect("streams are made");
    let joined = log.append(vec![joins(room, ada, 0)]).await.expect("nobody was there").last;
    write(log, room, ada, joined, 10).await;
    let heard = follow.next().await.expect("an answer");
    assert!(matches!(heard, Err(FollowError::Diverged { .. })), "{heard:?}");
}

// Red without the look at the first sequence in `Follower::accept`: 100 is delivered without a word.
pub(super) async fn a_chat_that_lost_its_beginning_is_not_followed_from_the_beginning(rig: Rig) {
    let log = &*rig.log;
    let operator = rig.client(Role::Operator).await;
    let js = async_nats::jetstream::new(operator);
    // As if the server had dropped the head of the stream.
    js.delete_stream("CHAT").await.expect("the operator may");
    let headless = async_nats::jetstream::stream::Config {
        name: "CHAT".into(),
        subjects: vec!["chat.v1.>".into()],
        allow_atomic_publish: true,
        allow_direct: true,
        first_sequence: Some(100),
        ..Default::default()
    };
    js.create_stream(headless).await.expect("the operator may");
    log.append(vec![joins(room(), user(), 0)]).await.expect("nobody was there");
    let heard = log.follow(StreamName::Chat, Start::Beginning, vec![]).next().await.expect("an answer");
    assert!(matches!(heard, Err(FollowError::Diverged { seq: 100, .. })), "{heard:?}");
}
