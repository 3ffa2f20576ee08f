//! What may share a batch? Measured claims, each on one server and on three.

use super::{
    away::place,
    facts::*,
    raw::{Answer, Message, batch, last, single, stored, subject, write},
    rig::Rig,
};
use futures::future::join_all;
use servers::Role;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The server's limits for a stream.
const MESSAGES_MAX: usize = 1_000;
const OPEN_MAX: usize = 50;
/// An open batch is dropped after 10 s; the rest is for a machine that is busy.
const DROPPED_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn what_is_said_under_one_condition_shares_a_batch_also_with_what_ends_it(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (room, member) = (subject(), subject());
    let joined = stored(&client, Message::tip(&member, 0)).await;
    let says = || Message::on(&room).after(&member, joined);
    let Answer::Stored(seq) = batch(&client, [says(), says(), Message::tip(&member, joined)]).await else {
        panic!("all hold")
    };
    assert_eq!((last(&client, &room).await, last(&client, &member).await), (Some(seq - 1), Some(seq)));
}

pub(super) async fn what_looks_at_a_subject_that_the_batch_has_written_is_refused(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (room, member) = (subject(), subject());
    let joined = stored(&client, Message::tip(&member, 0)).await;
    let ends = || Message::tip(&member, joined);
    let says = Message::on(&room).after(&member, joined);
    assert_eq!(batch(&client, [ends(), says]).await, Answer::Refused(10_164));
    assert_eq!(batch(&client, [ends(), ends()]).await, Answer::Refused(10_164));
    // The first speaks for what follows it on its subject.
    assert!(matches!(batch(&client, [ends(), Message::on(&member)]).await, Answer::Stored(_)));
}

pub(super) async fn an_id_twice_in_a_batch_is_refused(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let id = Uuid::now_v7();
    let twice = [subject(), subject()].map(|subject| Message::on(&subject).id(id));
    assert_eq!(batch(&client, twice).await, Answer::Refused(10_201));
}

pub(super) async fn a_rollup_is_the_first_of_a_batch_on_its_subject(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let credential = format!("idn.v1.cred.{}", Uuid::now_v7());
    let set = || Message::on(&credential).rollup();
    assert_eq!(batch(&client, [Message::on(&credential), set()]).await, Answer::Refused(10_111));
    assert!(matches!(batch(&client, [set(), Message::on(&credential)]).await, Answer::Stored(_)));
}

pub(super) async fn one_bad_condition_refuses_a_batch_whole_and_its_ids_stay_free(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (good, bad) = ([subject(), subject()], subject());
    stored(&client, Message::tip(&bad, 0)).await;
    let [first, second] = good.each_ref().map(|subject| Message::tip(subject, 0));
    let all = [first.clone(), Message::tip(&bad, 0), second.clone()];
    assert_eq!(batch(&client, all).await, Answer::Refused(10_071));
    for subject in &good {
        assert_eq!(last(&client, subject).await, None);
    }
    assert!(matches!(batch(&client, [first, second]).await, Answer::Stored(_)));
}

pub(super) async fn a_batch_has_a_thousand_messages_at_most(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let subject = subject();
    let messages = |count| (0..count).map(|_| Message::on(&subject));
    assert_eq!(batch(&client, messages(MESSAGES_MAX + 1)).await, Answer::Refused(10_199));
    assert_eq!(last(&client, &subject).await, None);
    assert!(matches!(batch(&client, messages(MESSAGES_MAX)).await, Answer::Stored(_)));
}

/// What somebody left open holds up every batch of the stream; the log goes on in singles.
pub(super) async fn fifty_open_batches_hold_up_the_batches_and_nothing_else(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let began = Instant::now();
    for _ in 0..OPEN_MAX {
        write(&client, vec![Message::on(&subject())], &Uuid::now_v7().to_string()).await;
    }
    let two = || [Message::on(&subject()), Message::on(&subject())];
    assert_eq!(batch(&client, [Message::on(&subject())]).await, Answer::Refused(10_210));
    assert_eq!(batch(&client, two()).await, Answer::Refused(10_176));
    assert!(matches!(single(&client, Message::on(&subject())).await, Answer::Stored(_)));
    let room = room();
    let people: Vec<_> = (0..20).map(|_| joins(room, user(), 0)).collect();
    for joined in join_all(people.iter().map(|joins| rig.log.append(vec![joins.clone()]))).await {
        joined.expect("each for himself");
    }
    println!("20 appends beside 50 open batches: done after {:?}", began.elapsed());
    while batch(&client, two()).await == Answer::Refused(10_176) {
        assert!(began.elapsed() < DROPPED_WITHIN, "they are still open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("50 open batches were dropped after {:?}", began.elapsed());
    for joins in &people {
        place(&*rig.log, joins).await;
    }
}
