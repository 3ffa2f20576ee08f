//! Do the tables hold exactly what the log says, however it is cut, stopped, raced for or broken?

mod bad_events;
mod bed;
mod cut;
mod divergence;
mod failpoints;
mod fixtures;
mod history;
mod judged;
mod log;
mod mixed;
mod parking;
mod property;
mod real;
mod rebuilding;
mod tables;

use event_log::{EventLog, Record};
use log::{Cuts, Script};
use platform::{
    Shutdown,
    config::Secret,
    health::{Health, State},
};
use std::{sync::Arc, time::Duration};
use tables::{Tables, assert_same};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const FACTS: usize = 1_500;
/// As many as projections follow.
const STREAMS: u32 = 4;
const SOON: Duration = Duration::from_secs(30);

fn never() -> Cuts {
    Arc::new(|_| false)
}

/// One cut after each sequence whose hash with the seed says so: batches of 1 to some dozens.
fn random_cuts(seed: u64) -> Cuts {
    Arc::new(move |seq| (seq ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 == 0)
}

struct Running {
    script: Arc<Script>,
    shutdown: Shutdown,
    health: Health,
}

impl Running {
    fn start(script: Script, tables: &Tables) -> Self {
        Self::start_at(script, &tables.url())
    }

    /// Into the database of this URL.
    fn start_at(script: Script, database: &Secret) -> Self {
        let shutdown = Shutdown::new();
        let (script, health) = (Arc::new(script), Health::new());
        let log: Arc<dyn EventLog> = script.clone();
        projector::project(log, database, &shutdown, &health).expect("the settings are good");
        Self { script, shutdown, health }
    }

    async fn ends(self) {
        self.shutdown.cancel();
        self.shutdown.wait(SOON).await.expect("it ends when it is asked to");
    }

    /// Until all streams are in the tables, then the end.
    async fn finishes(self) {
        self.script.applied(STREAMS).await;
        self.ends().await;
    }

    async fn becomes(&self, check: &str, code: &str) -> String {
        let failing = async {
            loop {
                match self.health.get(check) {
                    Some(State::Failing { code: found, why }) if found == code => return why,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(SOON, failing).await.expect("it fails")
    }
}

async fn in_one_go(chat: &[Record], small: &[Record], tables: &Tables) -> Vec<(&'static str, Vec<String>)> {
    tables.empty().await;
    Running::start(Script::new(chat.to_vec(), small.to_vec(), never()), tables).finishes().await;
    let contents = tables.contents().await;
    for (table, rows) in &contents {
        assert!(!rows.is_empty(), "{table} says nothing in this history");
    }
    contents
}

// Red with `Self::AsBefore` in place of `Self::Over` in members/`Presence::after`.
#[tokio::test]
async fn any_cut_gives_the_same_tables() {
    let tables = Tables::new().await;
    for seed in 0..3 {
        let (chat, small) = (history::chat(seed, FACTS / 3), history::small(seed, 200));
        let wanted = in_one_go(&chat, &small, &tables).await;
        let cuts: [(&str, Cuts); 3] =
            [("single", Arc::new(|_| true)), ("one", random_cuts(1)), ("two", random_cuts(2))];
        for (name, cuts) in cuts {
            tables.empty().await;
            Running::start(Script::new(chat.clone(), small.clone(), cuts), &tables).finishes().await;
            assert_same(&tables.contents().await, &wanted, &format!("seed {seed}, cuts {name}"));
        }
    }
}

#[tokio::test]
async fn a_stop_anywhere_neither_skips_nor_repeats() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(11, FACTS), history::small(11, 200));
    let wanted = in_one_go(&chat, &small, &tables).await;
    tables.empty().await;
    for stop in 1..20 {
        let (there, seq) = (CancellationToken::new(), stop * 70 + stop % 7);
        let script = Script::new(chat.clone(), small.clone(), random_cuts(stop)).marking(seq, there.clone());
        let running = Running::start(script, &tables);
        there.cancelled().await;
        // Not a wait for something: each time another instant of the transaction that follows.
        tokio::time::sleep(Duration::from_micros(stop * 400)).await;
        running.ends().await;
    }
    Running::start(Script::new(chat, small, random_cuts(3)), &tables).finishes().await;
    assert_same(&tables.contents().await, &wanted, "after 19 stops");
}

#[tokio::test]
async fn of_two_at_once_each_event_is_applied_by_one() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(21, FACTS), history::small(21, 200));
    let wanted = in_one_go(&chat, &small, &tables).await;
    tables.empty().await;
    let script = |seed| Script::new(chat.clone(), small.clone(), random_cuts(seed));
    let (one, other) = (Running::start(script(1), &tables), Running::start(script(2), &tables));
    tokio::join!(one.finishes(), other.finishes());
    assert_same(&tables.contents().await, &wanted, "two at once");
}

#[tokio::test]
async fn who_was_overtaken_counts_on_from_where_the_other_came() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(22, FACTS), history::small(22, 200));
    let wanted = in_one_go(&chat, &small, &tables).await;
    tables.empty().await;
    let gates = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    let held = |seq, gate| Script::new(chat.clone(), small.clone(), never()).held(seq, Arc::clone(gate));
    // One comes to 499 and waits, the other to 999 and waits, then the one goes on to the end, past what the other did.
    let one = Running::start(held(500, &gates[0]), &tables);
    one.script.applied(STREAMS).await;
    let other = Running::start(held(1_000, &gates[1]), &tables);
    other.script.applied(STREAMS).await;
    assert_eq!(tables.one::<i64>("select seq from rm.checkpoint").await, 999);
    gates[0].add_permits(1);
    one.script.applied(1).await;
    assert_same(&tables.contents().await, &wanted, "overtaken");
    gates[1].add_permits(1);
    other.script.applied(1).await;
    assert_same(&tables.contents().await, &wanted, "nothing left to do");
    tokio::join!(one.ends(), other.ends());
}

#[tokio::test]
async fn a_database_that_is_killed_and_comes_back_holds_the_same() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(31, FACTS), history::small(31, 200));
    let wanted = in_one_go(&chat, &small, &tables).await;
    tables.empty().await;
    let running = Running::start(Script::new(chat, small, Arc::new(|_| true)), &tables);
    let mut heard = sqlx::postgres::PgListener::connect(&tables.postgres.url(servers::Role::Query)).await.expect("up");
    heard.listen("rm_checkpoint").await.expect("up");
    heard.recv().await.expect("a commit tells who listens");
    tables.postgres.kill().await;
    running.becomes("projector", "postgres-unavailable").await;
    tables.postgres.restart().await.expect("it comes back");
    running.finishes().await;
    assert_same(&tables.contents().await, &wanted, "after a kill");
}

#[tokio::test]
async fn another_log_ends_it_with_what_has_diverged() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(51, 100), history::small(51, 200));
    in_one_go(&chat, &small, &tables).await;
    // Another epoch at the start.
    sqlx::query("update rm.checkpoint set epoch = 8").execute(&mut tables.operator().await).await.expect("allowed");
    diverges(Script::new(chat.clone(), small.clone(), never()), &tables).await;
    // A hole.
    tables.empty().await;
    let mut holed = chat.clone();
    holed.remove(60);
    diverges(Script::new(holed, small.clone(), never()), &tables).await;
    assert_eq!(tables.one::<i64>("select count(*) from rm.feed where position > 60").await, 0);
}

async fn diverges(script: Script, tables: &Tables) {
    let running = Running::start(script, tables);
    let ended = running.shutdown.wait(SOON).await.expect_err("it must not go on");
    let diverged = ended.chain().any(|cause| cause.is::<event_log::FollowError>());
    assert!(diverged, "{ended:#}");
    assert!(matches!(running.health.get("projector"), Some(State::Failing { code: "log-diverged", .. })));
}

#[tokio::test]
async fn a_replaced_projector_writes_nothing_more() {
    let tables = Tables::new().await;
    let (chat, small) = (history::chat(61, 100), history::small(61, 20));
    let go_on = Arc::new(Semaphore::new(0));
    let script = Script::new(chat, small, never()).held(50, Arc::clone(&go_on));
    let running = Running::start(script, &tables);
    running.script.applied(STREAMS).await;
    let mut operator = tables.operator().await;
    sqlx::query("update rm.checkpoint set generation = 2").execute(&mut operator).await.expect("allowed");
    go_on.add_permits(1);
    running.becomes("projector", "replaced").await;
    running.ends().await;
    assert_eq!(tables.one::<i64>("select seq from rm.checkpoint").await, 49);
    assert_eq!(tables.one::<i64>("select count(*) from rm.feed where position > 49").await, 0);
}
