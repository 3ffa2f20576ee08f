//! What becomes of an event that cannot be applied? Its key waits, the others go on, and an operator ends the waiting.

use crate::{
    FACTS, Running, STREAMS, bad_events,
    failpoints::dropped,
    history,
    log::Script,
    never, random_cuts,
    tables::{Tables, assert_same},
};
use event_log::Record;
use events::{
    MessageEvent, MessageId, Subject, UserId,
    message::{ReactionAdded, ReactionRemoved},
};
use platform::health::State;
use projector::operator;
use uuid::Uuid;

/// The first message of a room that has more before and after it.
fn a_message(chat: &[Record]) -> usize {
    let posted = |record: &Record| record.header("ce-type") == Some("chatroom.message.posted.v1");
    (100..chat.len()).find(|index| posted(&chat[*index])).expect("somebody says something")
}

fn text_of(record: &Record) -> String {
    String::from_utf8(record.body.to_vec()).expect("JSON")
}

/// Cannot be read, or not be kept.
fn broken(chat: &[Record]) -> Vec<(&'static str, Vec<Record>)> {
    let at = a_message(chat);
    let with = |change: &dyn Fn(&mut Record)| {
        let mut chat = chat.to_vec();
        change(&mut chat[at]);
        chat
    };
    vec![
        ("no JSON", with(&|record| record.body = "{".into())),
        ("U+0000", with(&|record| record.body = text_of(record).replace("text ", "te\\u0000xt ").into())),
        ("no id", with(&|record| record.headers.insert("ce-id", "7"))),
        ("no time", with(&|record| record.headers.insert("ce-time", "yesterday"))),
    ]
}

#[tokio::test]
async fn what_is_unknown_halts_and_is_named() {
    let tables = Tables::new().await;
    let (mut chat, small) = (history::chat(41, 100), history::small(41, 20));
    chat[50].headers.insert("ce-type", "chatroom.message.sung.v1");
    let running = Running::start(Script::new(chat, small, never()), &tables);
    let why = running.becomes("projector", "halted").await;
    assert!(why.contains("chatroom.message.sung.v1") && why.contains("at 51"), "{why}");
    // The other projection goes on, and all before the event is in the tables.
    running.script.applied(1).await;
    assert_eq!(tables.one::<i64>("select seq from rm.checkpoint").await, 50);
    running.ends().await;
}

/// Red with `folded.waiting.contains` turned into `false` in `fold`: what comes after the event is applied without it; and
/// with `State::Ok` set by `open`, whatever waits.
#[tokio::test]
async fn what_is_broken_waits_with_its_room_and_the_others_go_on() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(42, FACTS), history::small(42, 20));
    for (what, chat) in broken(&chat) {
        tables.empty().await;
        let at = a_message(&chat);
        let room = chat[at].subject.split('.').nth(4).expect("a room's").to_owned();
        let of_the_room = |record: &&Record| record.subject.contains(&room);
        let later = chat[at..].iter().filter(of_the_room).count();
        let running = Running::start(Script::new(chat.clone(), small.clone(), random_cuts(42)), &tables);
        running.script.applied(STREAMS).await;
        assert!(matches!(running.health.get("projector"), Some(State::Degraded { .. })), "{what}");
        assert_eq!(tables.one::<i64>("select seq from rm.checkpoint").await, chat.len() as i64, "{what}");
        let waiting = operator::waiting(&tables.url()).await.expect("it answers");
        let [waiting] = waiting.as_slice() else { panic!("{what}: {waiting:?}") };
        assert_eq!((waiting.seq, waiting.events), (at as u64 + 1, later as u64), "{what}");
        assert_eq!(waiting.key, format!("room {room}"), "{what}");
        // Counted all the same, and nothing of the room is written meanwhile.
        let counted = tables.one::<i64>("select sum(seq)::bigint from rm.room_head").await;
        let rooms = chat.iter().filter_map(|record| record.subject.parse::<Subject>().ok()?.counted_room()).count();
        assert_eq!(counted, rooms as i64, "{what}");
        let last = format!("select coalesce(max(position), 0) from rm.feed where room_id = '{room}'");
        let last: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(last)).fetch_one(&mut tables.operator().await).await.expect("one");
        assert!(last <= at as i64, "{what}: {last}");
        running.ends().await;
        // Nothing is new after a start, and what waits is told all the same.
        let again = Running::start(Script::new(chat.clone(), small.clone(), never()), &tables);
        again.script.applied(STREAMS).await;
        assert!(matches!(again.health.get("projector"), Some(State::Degraded { .. })), "{what}: after a start");
        again.ends().await;
    }
}

/// Red with the `release` taken out of `transact`, and with `release` ending after its first `RELEASED_AT_ONCE`.
#[tokio::test]
async fn what_is_dropped_leaves_the_tables_as_if_it_had_said_nothing() {
    let tables = Tables::new().await;
    let (mut chat, small) = (history::chat(43, FACTS), history::small(43, 200));
    let at = a_message(&chat);
    chat[at].body = "{".into();
    let more = history::chat(43, FACTS + 300).split_off(chat.len());
    // Known before it comes: it never waits.
    chat.push(dropped(chat.len() as u64 + 1, at as u64 + 1));
    for (mut record, seq) in more.into_iter().zip(chat.len() as u64 + 1..) {
        record.seq = seq;
        chat.push(record);
    }
    let wanted = crate::in_one_go(&chat, &small, &tables).await;
    assert_eq!(tables.one::<i64>("select count(*) from rm.parked").await, 0);
    let noops = "select count(*) from rm.feed where type = 'noop'";
    assert_eq!(tables.one::<i64>(noops).await, 1);
    // Unknown until the projector is there.
    tables.empty().await;
    let before = FACTS + 1;
    let script = Script::new(chat[..before].to_vec(), small.clone(), random_cuts(1));
    Running::start(script, &tables).finishes().await;
    assert_ne!(tables.one::<i64>("select count(*) from rm.parked").await, 0);
    Running::start(Script::new(chat, small, random_cuts(2)).blind_to_drops(), &tables).finishes().await;
    assert_same(&tables.contents().await, &wanted, "dropped when it came");
    assert_eq!(tables.one::<i64>("select count(*) from rm.parked").await, 0);
}

/// Red with `memory.waiting != waiting` turned into `false` in `transact`: the projector parks on.
#[tokio::test]
async fn what_is_mended_is_let_go_in_order() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(44, FACTS), history::small(44, 200));
    let wanted = crate::in_one_go(&chat, &small, &tables).await;
    let at = a_message(&chat);
    let mut spoiled = chat.clone();
    spoiled[at].body = "{".into();
    tables.empty().await;
    let half = FACTS / 2;
    let go_on = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let script = Script::new(spoiled, small, random_cuts(3)).held(half as u64, std::sync::Arc::clone(&go_on));
    let running = Running::start(script, &tables);
    running.script.applied(STREAMS).await;
    // As a release would that can read it.
    sqlx::query("update rm.parked set body = $2 where seq = $1")
        .bind(at as i64 + 1)
        .bind(chat[at].body.to_vec())
        .execute(&mut tables.operator().await)
        .await
        .expect("the operator may");
    let released = operator::retry(running.script.as_ref(), &tables.url(), None).await.expect("it can be applied");
    assert!(released > 1, "{released}");
    go_on.add_permits(1);
    running.script.applied(1).await;
    running.ends().await;
    let mut found = tables.contents().await;
    // The chain is the log's, which is not mended.
    let mut wanted = wanted;
    found.retain(|(table, _)| *table != "rm.checkpoint");
    wanted.retain(|(table, _)| *table != "rm.checkpoint");
    assert_same(&found, &wanted, "let go");
    assert!(operator::retry(&Script::new(chat, Vec::new(), never()), &tables.url(), Some("room 1")).await.is_err());
}

/// Red with `is_long` taken out of `kept::refuses`: added and removed in one batch, Postgres never sees it.
#[tokio::test]
async fn what_waits_hangs_on_the_event_and_not_on_its_batch() {
    let tables = Tables::new().await;
    let (mut chat, small) = (history::chat(46, 60), history::small(46, 20));
    let at = a_message(&history::chat(46, 200));
    let Subject::RoomMessages(room) = history::chat(46, 200)[at].subject.parse().expect("ours") else {
        panic!("a message's")
    };
    let (message, user, emoji) = (MessageId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8)), bad_events::long_emoji());
    let added = MessageEvent::from(ReactionAdded { room, message, user, emoji: emoji.clone() });
    let removed = MessageEvent::from(ReactionRemoved { room, message, user, emoji });
    for event in [added, removed] {
        let mut record = crate::bed::said(Subject::RoomMessages(room), event);
        record.seq = chat.len() as u64 + 1;
        chat.push(record);
    }
    let mut found = Vec::new();
    for cuts in [never(), std::sync::Arc::new(|_| true) as crate::log::Cuts] {
        tables.empty().await;
        Running::start(Script::new(chat.clone(), small.clone(), cuts), &tables).finishes().await;
        let waiting = operator::waiting(&tables.url()).await.expect("it answers");
        assert_eq!(waiting.iter().map(|waiting| waiting.events).collect::<Vec<_>>(), [2]);
        found.push(tables.contents().await);
    }
    assert_same(&found[0], &found[1], "in one batch, and in many");
}
