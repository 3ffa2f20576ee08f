//! Is a model that is made anew the same, and does it change places with the live one under a running projector?

use crate::{
    FACTS, Running, STREAMS,
    failpoints::dropped,
    history,
    log::Script,
    never, random_cuts,
    tables::{Tables, assert_same},
};
use event_log::{EventLog, Record};
use platform::config::Secret;
use projector::rebuild::{Incomplete, Until, Workshop};
use servers::Role;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const KEEP: Duration = Duration::from_secs(3_600);

fn workshop(chat: &[Record], tables: &Tables) -> Workshop {
    let log: Arc<dyn EventLog> = Arc::new(Script::new(chat.to_vec(), Vec::new(), never()));
    let owner = Secret::from(tables.postgres.url(Role::Operator).as_str());
    Workshop::new(log, &owner).expect("a URL")
}

/// Red with the parts dealt by sequence instead of by room.
#[tokio::test]
async fn any_parts_give_the_digest_of_the_live_model() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(71, FACTS), history::small(71, 200));
    Running::start(Script::new(chat.clone(), small, random_cuts(1)), &tables).finishes().await;
    for parts in [1, 2, 3, 8] {
        let workshop = workshop(&chat, &tables);
        let built = workshop.build("rm_next", Until::End, parts).await.expect("it is built");
        let mut follower = workshop.follow(&built).expect("it follows");
        let compared = workshop.compare(&built, &mut follower).await.expect("it answers").expect("one epoch");
        assert_eq!(compared.differences, [], "{parts} parts");
        assert_eq!(compared.ours.to_string(), compared.live.to_string());
        assert_eq!(compared.seq, chat.len() as u64);
        assert!(compared.same_code);
        drop(follower);
        workshop.discard("rm_next").await.expect("it is nobody's");
    }
}

/// Red with a `where` in `named` that lets nothing through.
#[tokio::test]
async fn a_row_that_is_not_the_logs_is_named() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(72, FACTS), history::small(72, 200));
    Running::start(Script::new(chat.clone(), small, never()), &tables).finishes().await;
    let spoil = "update rm.messages set text = 'not said' where room_seq = (select min(room_seq) from rm.messages)";
    sqlx::query(spoil).execute(&mut tables.operator().await).await.expect("the operator may");
    let workshop = workshop(&chat, &tables);
    let built = workshop.build("rm_next", Until::End, 2).await.expect("it is built");
    let mut follower = workshop.follow(&built).expect("it follows");
    let compared = workshop.compare(&built, &mut follower).await.expect("it answers").expect("one epoch");
    let [difference] = compared.differences.as_slice() else { panic!("{:?}", compared.differences) };
    assert_eq!(difference.table, "messages");
    assert!(!difference.keys.is_empty());
}

/// Red with `kept` left out of `Keeper::look`: nobody follows the older one.
#[tokio::test]
async fn a_swap_and_its_rollback_lose_nothing_under_a_running_projector() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(73, FACTS), history::small(73, 200));
    let wanted = crate::in_one_go(&chat, &small, &tables).await;
    tables.empty().await;
    let gate = Arc::new(Semaphore::new(0));
    let script = Script::new(chat.clone(), small, random_cuts(5)).held(700, Arc::clone(&gate));
    let running = Running::start(script, &tables);
    running.script.applied(STREAMS).await;
    // The live one stands at 699; the new one knows of no more.
    let workshop = workshop(&chat[..699], &tables);
    let built = workshop.build("rm_next", Until::End, 2).await.expect("it is built");
    let follower = workshop.follow(&built).expect("it follows");
    let mut reader = tables.operator().await;
    assert_eq!(generation(&mut reader).await, 1);
    let swapped = workshop.swap(built, follower, KEEP).await.expect("it is as far");
    assert_eq!(generation(&mut reader).await, 2);
    assert_eq!((swapped.from.0, swapped.to, swapped.seq), (1, 2, 699));
    // Both are followed to the end now, each from its own checkpoint: a permit for each start and each end.
    gate.add_permits(8);
    at_the_end(&tables, "rm", chat.len()).await;
    at_the_end(&tables, "rm_1", chat.len()).await;
    let back = workshop.roll_back(KEEP).await.expect("one is kept");
    assert_eq!((back.from.0, back.to), (2, 1));
    running.ends().await;
    let mut found = tables.contents().await;
    assert_same(&found, &wanted, "the first one, again");
    let forth = workshop.roll_back(KEEP).await.expect("the other one is kept now");
    assert_eq!((forth.from.0, forth.to), (1, 2));
    found = tables.contents().await;
    let mut wanted = wanted;
    // Another generation, and all else the same.
    found.retain(|(table, _)| *table != "rm.checkpoint");
    wanted.retain(|(table, _)| *table != "rm.checkpoint");
    assert_same(&found, &wanted, "the second one, again");
}

/// Red with the operator's ways left out of `Incomplete`, or with what is broken passed over by a part.
#[tokio::test]
async fn what_cannot_be_applied_ends_it_with_what_an_operator_can_do() {
    let tables = Tables::new().await;
    let (mut chat, small) = (history::chat(76, FACTS), history::small(76, 200));
    chat[400].body = "{".into();
    Running::start(Script::new(chat.clone(), small, never()), &tables).finishes().await;
    assert_ne!(tables.one::<i64>("select count(*) from rm.parked").await, 0);
    let why = workshop(&chat, &tables).build("rm_next", Until::End, 2).await.expect_err("one event is broken");
    let why = why.chain().find_map(|cause| cause.downcast_ref::<Incomplete>()).expect("says so").to_string();
    assert!(why.contains("at 401") && why.contains("parked drop"), "{why}");
    // Once it is dropped, what was begun goes on.
    chat.push(dropped(chat.len() as u64 + 1, 401));
    let workshop = workshop(&chat, &tables);
    workshop.build("rm_next", Until::End, 2).await.expect("it is built");
    assert_eq!(tables.one::<i64>("select count(*) from rm_next.feed where type = 'noop'").await, 1);
    workshop.discard("rm_next").await.expect("it is nobody's");
}

/// As a reader sees it who prepares his statement once.
async fn generation(reader: &mut sqlx::PgConnection) -> i32 {
    sqlx::query_scalar("select generation from rm.checkpoint").fetch_one(reader).await.expect("one row")
}

async fn at_the_end(tables: &Tables, schema: &str, seq: usize) {
    let there = async {
        let query = format!("select seq from {schema}.checkpoint");
        let mut connection = tables.operator().await;
        loop {
            let at: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(query.clone())).fetch_one(&mut connection).await.expect("one");
            if at == seq as i64 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::SOON, there).await.expect("it is followed to the end");
}

/// Red with the last chunk of `deal` handed out at `target + 1`.
#[tokio::test]
async fn a_past_ends_where_it_was_asked_to() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(74, FACTS), history::small(74, 200));
    let wanted = crate::in_one_go(&chat[..800], &small, &tables).await;
    let workshop = workshop(&chat, &tables);
    let built = workshop.build("then_", Until::Sequence(800), 2).await.expect("it is built");
    assert_eq!(built.seq, 800);
    let rows = |schema: &'static str| {
        let query = format!("select t::text from {schema}.messages t order by t::text");
        let tables = &tables;
        async move {
            let query = sqlx::AssertSqlSafe(query);
            sqlx::query_scalar::<_, String>(query).fetch_all(&mut tables.operator().await).await.expect("readable")
        }
    };
    let messages = wanted.iter().find(|(table, _)| *table == "rm.messages").expect("a table").1.clone();
    assert_eq!(rows("then_").await, messages);
    assert!(workshop.build("rm", Until::End, 1).await.is_err(), "readers see it");
    assert!(workshop.build("public", Until::End, 1).await.is_err(), "somebody else's");
    assert!(workshop.build("x; drop schema rm", Until::End, 1).await.is_err(), "no name");
}

/// Red with a table left out of `Projection::tables`.
#[tokio::test]
async fn the_rows_of_what_forgets_are_held_against_their_streams_and_made_anew() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(75, FACTS), history::small(75, 200));
    let wanted = crate::in_one_go(&chat, &small, &tables).await;
    let log: Arc<dyn EventLog> = Arc::new(Script::new(chat, small, never()));
    let owner = Secret::from(tables.postgres.url(Role::Operator).as_str());
    let workshop = Workshop::new(log, &owner).expect("a URL");
    let differing = async || {
        let checked = workshop.check_in_place().await.expect("it answers");
        let tables = checked.into_iter().flat_map(|checked| checked.differences);
        tables.map(|difference| difference.table).collect::<Vec<_>>()
    };
    assert_eq!(differing().await, Vec::<String>::new());
    for spoil in [
        "update rm_live.accounts set standing = 'erased'",
        "delete from rm_live.sessions",
        "update rm_live.presence set state = 'online'",
        "delete from rm_live.markers",
    ] {
        sqlx::query(spoil).execute(&mut tables.operator().await).await.expect("the operator may");
    }
    assert_eq!(differing().await, ["accounts", "sessions", "presence", "markers"]);
    workshop.refill().await.expect("the streams are there");
    assert_same(&tables.contents().await, &wanted, "made anew");
}
