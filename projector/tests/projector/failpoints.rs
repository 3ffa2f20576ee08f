//! Does a cut before or after any statement of a transaction, its answer withheld, leave a skip or a repeat?

use crate::{
    Running, STREAMS,
    cut::{Line, Point, Side},
    history,
    log::{self, Cuts, Script},
    never,
    tables::{Tables, assert_same},
};
use event_log::{EventLog, Record};
use events::{
    Actor, Envelope, EventId, NewEvent, Subject, Time,
    system::{DropEvent, EventDropped},
};
use projector::{
    operator,
    rebuild::{Until, Workshop},
};
use servers::Role;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// Facts of a batch: enough that each table has something to write in nearly each.
const BATCH: usize = 60;
/// Batches with an event that waits, each followed by the word that drops it: more than a transaction has statements.
const ROUNDS: usize = 70;
const KEEP: Duration = Duration::from_secs(3_600);

/// The statements that were cut, by their first words, on either side.
type Cut = Arc<Mutex<BTreeSet<(String, Side)>>>;

/// The word of an operator that the event at a sequence is dropped.
pub(crate) fn dropped(seq: u64, dropped: u64) -> Record {
    let envelope = Envelope::new(EventId(Uuid::from_u128(u128::from(seq))), Time::UNIX_EPOCH, Actor::Operator, "test");
    let event = DropEvent::from(EventDropped { seq: dropped, reason: "it was broken".into() }).into();
    log::record(seq, &NewEvent { subject: Subject::Drop, envelope, event })
}

/// Batches in which something waits, each followed by a batch that lets it go.
fn parking_and_releasing(seed: u64) -> Vec<Record> {
    let facts = history::chat(seed, BATCH * ROUNDS);
    let mut chat: Vec<Record> = Vec::new();
    for batch in facts.chunks(BATCH) {
        let posted = |record: &Record| record.header("ce-type") == Some("chatroom.message.posted.v1");
        let bad = batch.iter().enumerate().skip(BATCH / 3).find(|(_, record)| posted(record)).map(|(index, _)| index);
        let before = chat.len();
        for (index, record) in batch.iter().enumerate() {
            let mut record = record.clone();
            record.seq = chat.len() as u64 + 1;
            if Some(index) == bad {
                record.body = "{".into();
            }
            chat.push(record);
        }
        if let Some(bad) = bad {
            chat.push(dropped(chat.len() as u64 + 1, (before + bad) as u64 + 1));
        }
    }
    chat
}

/// Cuts each statement of a transaction once on either side, one in each batch, which is then let through.
fn each_statement_once(cut: Cut) -> impl FnMut(&Point) -> bool + Send + 'static {
    let (mut batch, mut spared) = (0, true);
    move |here: &Point| {
        if here.schema != "rm" || here.statement.starts_with("prepare") {
            return false;
        }
        if begins(here) {
            // Who comes again after a cut is let through; who is let through makes place for the next one.
            (batch, spared) = (batch + usize::from(spared), !spared);
        }
        if spared {
            return false;
        }
        // Batches that park and those that let go take turns.
        let does = if batch % 2 == 1 { "parks" } else { "lets go" };
        let fresh = lock(&cut).insert((format!("{} ({does})", kind(&here.statement)), here.side));
        // Where all was cut before, nothing comes again.
        spared |= !fresh && here.statement == "commit" && here.side == Side::Withheld;
        fresh
    }
}

fn begins(here: &Point) -> bool {
    here.side == Side::Before && here.statement.starts_with("start transaction")
}

/// What is told of a statement by its first words: one of a kind is enough.
fn kind(statement: &str) -> String {
    // Of what is done to each table in turn, one table is enough as well.
    let words = if ["create", "alter", "analyze"].iter().any(|of| statement.starts_with(of)) { 2 } else { 4 };
    statement.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Red with the checkpoint moved in a transaction of its own, before or after the rows; with `Memory` kept after a failure.
#[tokio::test]
async fn a_cut_at_any_statement_of_a_batch_that_parks_or_lets_go_neither_skips_nor_repeats() {
    let tables = Tables::new().await;
    let (chat, small) = (parking_and_releasing(81), history::small(81, 200));
    Running::start(Script::new(chat.clone(), small.clone(), never()), &tables).finishes().await;
    let wanted = tables.contents().await;
    tables.empty().await;
    let line = Line::to(&tables.postgres.url(Role::Projector)).await;
    let cut = Cut::default();
    line.cuts(each_statement_once(Arc::clone(&cut)));
    let drops: BTreeSet<u64> =
        chat.iter().filter(|record| record.subject == Subject::Drop.to_string()).map(|record| record.seq).collect();
    let cuts: Cuts = Arc::new(move |seq| drops.contains(&seq));
    let running = Running::start_at(Script::new(chat, small, cuts).blind_to_drops(), &line.url());
    running.script.applied_within(STREAMS, Duration::from_secs(120)).await;
    running.ends().await;
    assert_same(&tables.contents().await, &wanted, "after all cuts");
    let cut = lock(&cut);
    println!("{} points were cut", cut.len());
    let wanted = [
        ("start transaction", "parks"),
        ("insert into parked", "parks"),
        ("update checkpoint", "parks"),
        ("commit", "parks"),
        ("delete from parked", "lets go"),
        ("savepoint", "lets go"),
        ("update checkpoint", "lets go"),
        ("commit", "lets go"),
    ];
    for ((statement, does), side) in wanted.into_iter().flat_map(|of| [(of, Side::Before), (of, Side::Withheld)]) {
        let there = |(cut, _): &(String, Side)| cut.starts_with(statement) && cut.ends_with(&format!("({does})"));
        assert!(cut.iter().any(|cut| there(cut) && cut.1 == side), "{statement} {does} {side:?}: {cut:?}");
    }
}

/// Cuts once: at the first point of a kind that was not cut before. What was cut is then the last of `cut`.
fn the_next(cut: &Arc<Mutex<Vec<Point>>>, meant: impl Fn(&Point) -> bool + Send + 'static) -> crate::cut::Plan {
    let (cut, before) = (Arc::clone(cut), lock(cut).len());
    Box::new(move |here: &Point| {
        let mut cut = lock(&cut);
        let known = |cut: &Point| kind(&cut.statement) == kind(&here.statement) && cut.side == here.side;
        let now =
            cut.len() == before && meant(here) && !here.statement.starts_with("prepare") && !cut.iter().any(known);
        if now {
            cut.push(here.clone());
        }
        now
    })
}

fn log_of(chat: &[Record]) -> Arc<dyn EventLog> {
    Arc::new(Script::new(chat.to_vec(), Vec::new(), never()))
}

async fn owners_line(tables: &Tables) -> Line {
    Line::to(&tables.postgres.url(Role::Operator)).await
}

async fn assert_equal_to_live(workshop: &Workshop, chat: &[Record], what: &str) {
    let built = workshop.build("rm_next", Until::End, 2).await.expect("it is built");
    let mut follower = workshop.follow(&built).expect("it follows");
    let compared = workshop.compare(&built, &mut follower).await.expect("it answers").expect("one epoch");
    assert_eq!(compared.differences, [], "{what}");
    assert_eq!(compared.seq, chat.len() as u64);
}

/// Red with `at` of a part moved before its commit, or with the part's checkpoint moved in a transaction of its own.
#[tokio::test]
async fn a_cut_at_any_statement_of_a_rebuilds_parts_neither_skips_nor_repeats() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(82, 300), history::small(82, 200));
    Running::start(Script::new(chat.clone(), small, never()), &tables).finishes().await;
    let line = owners_line(&tables).await;
    let workshop = || Workshop::new(log_of(&chat), &line.url()).expect("a URL");
    let cut = Arc::new(Mutex::new(Vec::new()));
    loop {
        let before = lock(&cut).len();
        line.cuts(the_next(&cut, |here| here.schema == "rm_next"));
        let built = workshop().build("rm_next", Until::End, 2).await;
        // The part that was not cut may be in the midst of a statement.
        line.is_quiet().await;
        let Some(at) = lock(&cut).get(before).cloned() else {
            built.map(drop).expect("nothing was cut");
            break;
        };
        built.map(drop).expect_err(&format!("{at:?}"));
    }
    line.cuts(|_| false);
    let cut = std::mem::take(&mut *lock(&cut));
    println!("{} points of a part were cut", cut.len());
    for statement in ["commit", "rows of a copy", "end of a copy", "update checkpoint"] {
        assert!(cut.iter().any(|cut| cut.statement.starts_with(statement)), "{statement}: {cut:?}");
    }
    assert_equal_to_live(&workshop(), &chat, "after all cuts").await;
}

/// Red with the schema made before the row of the generation, outside of its transaction.
#[tokio::test]
async fn a_rebuild_that_was_cut_anywhere_goes_on_when_it_is_asked_again() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(83, 100), history::small(83, 200));
    Running::start(Script::new(chat.clone(), small, never()), &tables).finishes().await;
    let line = owners_line(&tables).await;
    let workshop = Workshop::new(log_of(&chat), &line.url()).expect("a URL");
    let cut = Arc::new(Mutex::new(Vec::new()));
    loop {
        let before = lock(&cut).len();
        line.cuts(the_next(&cut, |here| here.schema.is_empty()));
        let built = workshop.build("rm_next", Until::End, 2).await;
        let Some(at) = lock(&cut).get(before).cloned() else {
            built.map(drop).expect("nothing was cut");
            break;
        };
        built.map(drop).expect_err(&format!("{at:?}"));
        let again = workshop.build("rm_next", Until::End, 2).await;
        again.map(drop).unwrap_or_else(|why| panic!("after a cut at {at:?}: {why:#}"));
        workshop.discard("rm_next").await.expect("it is nobody's");
    }
    println!("{} points of a rebuild were cut", lock(&cut).len());
    line.cuts(|_| false);
    assert_equal_to_live(&workshop, &chat, "after all cuts").await;
}

/// Red with the rows of the generations written after the commit of the names.
#[tokio::test]
async fn a_swap_that_was_cut_anywhere_has_happened_or_not() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(84, 100), history::small(84, 200));
    Running::start(Script::new(chat.clone(), small, never()), &tables).finishes().await;
    let line = owners_line(&tables).await;
    let workshop = Workshop::new(log_of(&chat), &line.url()).expect("a URL");
    let built = workshop.build("rm_next", Until::End, 1).await.expect("it is built");
    let mut swapped = 0;
    let cut = Arc::new(Mutex::new(Vec::new()));
    loop {
        let before = lock(&cut).len();
        line.cuts(the_next(&cut, |here| here.schema.is_empty()));
        let live = tables.one::<i32>("select generation from rm.checkpoint").await;
        // The first time what was built comes in, from then on what is kept comes back.
        let ended = match swapped {
            0 => workshop.swap(built.clone(), workshop.follow(&built).expect("it follows"), KEEP).await,
            _ => workshop.roll_back(KEEP).await,
        };
        let now = tables.one::<i32>("select generation from rm.checkpoint").await;
        let said = tables.one::<i32>("select number from rm_live.generations where state = 'live'").await;
        assert_eq!(now, said, "the tables' generation, and what is said of it");
        let kept = "select count(*) from rm_live.generations g join pg_namespace n on n.nspname = g.schema_name";
        assert_eq!(tables.one::<i64>(kept).await, 2, "each generation has its schema");
        swapped += usize::from(now != live);
        let Some(at) = lock(&cut).get(before).cloned() else {
            ended.map(drop).expect("nothing was cut");
            break;
        };
        ended.map(drop).expect_err(&format!("{at:?}"));
    }
    assert!(swapped > 1, "{swapped}");
}

/// Red with the savepoint of `apply` in `parked` committed by itself.
#[tokio::test]
async fn a_retry_that_was_cut_anywhere_has_let_go_all_or_nothing() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(85, 1_500), history::small(85, 200));
    let mut wanted = crate::in_one_go(&chat, &small, &tables).await;
    let posted = |record: &Record| record.header("ce-type") == Some("chatroom.message.posted.v1");
    let at = (100..chat.len()).find(|index| posted(&chat[*index])).expect("somebody says something");
    let mut spoiled = chat.clone();
    spoiled[at].body = "{".into();
    tables.empty().await;
    Running::start(Script::new(spoiled, small, never()), &tables).finishes().await;
    sqlx::query("update rm.parked set body = $2 where seq = $1")
        .bind(at as i64 + 1)
        .bind(chat[at].body.to_vec())
        .execute(&mut tables.operator().await)
        .await
        .expect("the operator may");
    let waiting = tables.one::<i64>("select count(*) from rm.parked").await;
    let line = Line::to(&tables.postgres.url(Role::Projector)).await;
    let (log, url) = (Script::new(chat, Vec::new(), never()), line.url());
    let cut = Arc::new(Mutex::new(Vec::new()));
    loop {
        let before = lock(&cut).len();
        line.cuts(the_next(&cut, |_| true));
        let retried = operator::retry(&log, &url, None).await;
        let still = tables.one::<i64>("select count(*) from rm.parked").await;
        let Some(at) = lock(&cut).get(before).cloned() else { break };
        retried.expect_err(&format!("{at:?}"));
        let committed = at.statement == "commit" && at.side == Side::Withheld;
        assert_eq!(still, if committed { 0 } else { waiting }, "{at:?}");
        if committed {
            break;
        }
    }
    let mut found = tables.contents().await;
    // The chain is the log's, which is not mended.
    found.retain(|(table, _)| *table != "rm.checkpoint");
    wanted.retain(|(table, _)| *table != "rm.checkpoint");
    assert_same(&found, &wanted, "let go");
}
