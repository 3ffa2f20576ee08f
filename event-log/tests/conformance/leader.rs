//! What do three servers promise when the one that leads dies or freezes? Each case has servers of its own.

use super::{
    facts::*,
    raw::{self, Answer, Message, last, subject},
    rig::Rig,
};
use event_log::{AppendError, Appended, EventLog, Start};
use events::{NewEvent, RoomId, StreamName};
use futures::{StreamExt, future::join_all};
use servers::{Nats, Role};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::time::timeout;
use uuid::Uuid;

const CHAT: &str = "CHAT";
const WRITERS: usize = 8;
/// Before and after the death.
const MESSAGES_EACH: usize = 60;
/// An election takes up to 9 s; the rest is for a machine that is busy.
const GOES_ON_WITHIN: Duration = Duration::from_secs(30);
/// So many are told that nobody is there before one counts as never stored.
const TOLD_NOBODY: usize = 300;

/// Appends an event as the command service does, and again as often as it is told that nothing is stored, or that nobody
/// knows. Where it stands, and how long it took.
async fn insist(log: &dyn EventLog, event: NewEvent) -> (u64, Duration) {
    let began = Instant::now();
    loop {
        match log.append(vec![event.clone()]).await {
            Ok(Appended { last: seq }) | Err(AppendError::AlreadyStored { seq }) => return (seq, began.elapsed()),
            Err(AppendError::NotStored(_) | AppendError::Unknown(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("nobody else is at it: {other:?}"),
        }
    }
}

/// How often each message stands in a room, and where.
async fn said(log: &dyn EventLog, room: RoomId, end: u64) -> BTreeMap<u64, Uuid> {
    let room = events::Subject::RoomMessages(room).to_string();
    let all = log.follow(StreamName::Chat, Start::Beginning, vec![]).take_while(|record| {
        let before_the_end = record.as_ref().is_ok_and(|record| record.seq < end);
        async move { before_the_end }
    });
    all.filter_map(|record| {
        let record = record.expect("the log that it was");
        let said = (record.subject == room).then(|| (record.seq, record.id().expect("ours").0));
        async move { said }
    })
    .collect()
    .await
}

// Red with `Sent::Stored(1 << 20)` for `NoResponders`: what is told to stand in the log does not.
pub(super) async fn appends_go_on_after_the_leader_s_death_none_is_lost_and_none_stands_twice(rig: Rig) {
    let back = async |leader: &Nats| leader.restart().await.expect("it starts again");
    appends_go_on_without_their_leader(&rig, Nats::kill, back).await;
}

/// It comes back with what it was sent, and believes for a moment that it still leads.
pub(super) async fn appends_go_on_beside_a_frozen_leader_none_is_lost_and_none_stands_twice(rig: Rig) {
    let freeze = async |leader: &Nats| leader.freeze();
    appends_go_on_without_their_leader(&rig, freeze, async |leader: &Nats| leader.thaw()).await;
}

async fn appends_go_on_without_their_leader(rig: &Rig, lose: impl AsyncFn(&Nats), bring_back: impl AsyncFn(&Nats)) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = insist(log, joins(room, ada, 0)).await.0;
    let leader = rig.leader(CHAT).await;
    let stored = AtomicUsize::new(0);
    let writers = join_all((0..WRITERS).map(|_| async {
        let mut told = Vec::new();
        for _ in 0..MESSAGES_EACH {
            let message = posts(room, ada, joined, id(), "on and on");
            let id = message.envelope.id.0;
            let (seq, after) = insist(log, message).await;
            // In the midst of it.
            if stored.fetch_add(1, Ordering::Relaxed) == MESSAGES_EACH {
                lose(leader).await;
            }
            told.push((seq, id, after));
        }
        told
    }));
    let told = timeout(2 * GOES_ON_WITHIN, writers).await.expect("it goes on");
    let told: Vec<_> = told.into_iter().flatten().collect();
    let longest = told.iter().map(|(_, _, after)| *after).max().expect("there are some");
    println!("the leader is lost, {} appends, the longest took {longest:?}", told.len());
    assert!(longest < GOES_ON_WITHIN);
    bring_back(leader).await;
    rig.settled().await;
    let (end, _) = insist(log, joins(room, user(), 0)).await;
    let said = said(log, room, end).await;
    assert_eq!(said.len(), told.len(), "each once");
    assert_eq!(said.values().collect::<BTreeSet<_>>().len(), told.len(), "none twice");
    for (seq, id, _) in told {
        assert_eq!(said.get(&seq), Some(&id), "it stands where it was said to stand");
    }
}

/// Why no doubt is left by it, and nothing is sent again on the log's own account.
pub(super) async fn what_nobody_was_there_to_take_is_never_stored(rig: Rig) {
    let leader = rig.leader(CHAT).await;
    // Of a server that lives on: it says what it knows, where a connection that breaks says nothing.
    let client = rig.follower(CHAT).await.connect(Role::Command).await.expect("a role may connect");
    leader.kill().await;
    let mut told = Vec::new();
    let began = Instant::now();
    while told.len() < TOLD_NOBODY {
        let subject = subject();
        match raw::single(&client, Message::tip(&subject, 0)).await {
            Answer::NobodyThere => told.push(subject),
            // A new leader is there before so many were told: the rest proves it.
            Answer::Stored(_) => break,
            Answer::Silence => {}
            other => panic!("nobody else is at it: {other:?}"),
        }
    }
    println!("{} were told that nobody is there, in {:?}", told.len(), began.elapsed());
    assert!(!told.is_empty());
    while !matches!(raw::single(&client, Message::on(&subject())).await, Answer::Stored(_)) {
        assert!(began.elapsed() < GOES_ON_WITHIN, "nobody is elected");
    }
    for subject in told {
        assert_eq!(last(&client, &subject).await, None, "it was said not to be stored");
    }
}

/// What is written and not committed, and what is committed while the leader dies.
pub(super) async fn a_batch_is_stored_whole_or_not_at_all_when_the_leader_dies_in_its_middle(rig: Rig) {
    for committed in [false, true] {
        let leader = rig.leader(CHAT).await;
        let client = rig.follower(CHAT).await.connect(Role::Command).await.expect("a role may connect");
        let subjects: Vec<String> = (0..100).map(|_| subject()).collect();
        let mut messages: Vec<_> = subjects.iter().map(|subject| Message::tip(subject, 0)).collect();
        let (end, batch) = (messages.pop().expect("there are 100"), Uuid::now_v7().to_string());
        raw::write(&client, messages, &batch).await;
        let answer = if committed {
            // As soon as it is on its way.
            let dies = async {
                client.flush().await.expect("it is connected");
                leader.kill().await;
            };
            tokio::join!(raw::commit(&client, end, &batch, subjects.len()), dies).0
        } else {
            leader.kill().await;
            raw::commit(&client, end, &batch, subjects.len()).await
        };
        leader.restart().await.expect("it starts again");
        rig.settled().await;
        let held = join_all(subjects.iter().map(|subject| last(&client, subject))).await;
        let stored = held.iter().flatten().count();
        println!("the leader died, committed: {committed}, answer {answer:?}: {stored} of {} stored", held.len());
        match answer {
            Answer::Stored(_) => assert_eq!(stored, held.len()),
            Answer::Silence if committed => assert!(stored == 0 || stored == held.len(), "{stored}"),
            _ => assert_eq!(stored, 0, "{answer:?}"),
        }
    }
}

// Red with `SILENCE_MAX` of a minute: nothing more is heard.
pub(super) async fn a_follower_goes_on_when_the_server_of_its_consumer_dies(rig: Rig) {
    let log = &*rig.log;
    let (room, ada) = (room(), user());
    let joined = insist(log, joins(room, ada, 0)).await.0;
    let reader = rig.connected(Role::Projector).await;
    let mut follow = reader.follow(StreamName::Chat, Start::Beginning, vec![]);
    let mut heard = 0;
    for round in 0..2 {
        for _ in 0..10 {
            insist(log, posts(room, ada, joined, id(), "still there?")).await;
        }
        let end = log.extent(StreamName::Chat).await.expect("it answers").last;
        let began = Instant::now();
        while heard < end {
            let next = timeout(GOES_ON_WITHIN, follow.next()).await.expect("it is heard");
            let record = next.expect("for ever").expect("the log that it was");
            heard += 1;
            assert_eq!(record.seq, heard, "neither hole nor repeat");
        }
        println!("round {round}: all heard {:?} after all was stored", began.elapsed());
        if round == 0 {
            let consumers = rig.consumer_servers(CHAT).await;
            let [node] = consumers[..] else { panic!("one follower, and {} consumers", consumers.len()) };
            node.kill().await;
        }
    }
}
