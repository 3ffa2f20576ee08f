//! Does a random log give the same tables in whatever life its projector leads? Lives are drawn from seeds and shrink.
//!
//! `PROJECTOR_LIVES=200` plays so many instead of a handful, `PROJECTOR_LIFE=17` the one of this seed.

use crate::{
    Running, SOON, STREAMS,
    cut::{Line, Point},
    log::Script,
    mixed::Log,
    never, random_cuts,
    tables::{Tables, assert_same},
};
use event_log::{EventLog, Record};
use events::Subject;
use futures::FutureExt;
use platform::config::Secret;
use projector::{
    operator,
    rebuild::{Built, Until, Workshop},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use servers::Role;
use std::{env, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const LIVES: u64 = 5;
const FACTS: usize = 240;
const STEPS: usize = 5;
const KEEP: Duration = Duration::from_secs(3_600);

/// What happens to a projector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// It goes on to here, in random cuts; what is dropped is known to it, or is not until it comes.
    GoesOn { cuts: u64, blind: bool },
    /// On the way its line to Postgres is cut at the point of this number.
    IsCut { cuts: u64, point: usize },
    /// It is stopped so long after it has received what is half-way.
    Stops { cuts: u64, after_us: u64 },
    /// A model is made anew, its line cut at a point, and compared.
    IsRebuilt { parts: usize, point: Option<usize> },
    /// A model is made anew and changes places with the live one.
    IsSwapped { parts: usize },
    /// The one that is kept comes back.
    IsRolledBack,
    /// What cannot be applied can be from now on, and what waits is let go.
    IsMended,
}

#[derive(Debug, Clone)]
struct Life {
    seed: u64,
    facts: usize,
    /// Each with the part of the log, in thousandths, that is there when it happens.
    steps: Vec<(u64, Step)>,
}

impl Life {
    fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x11fe);
        let mut places: Vec<u64> = (0..STEPS).map(|_| random.random_range(1..1_000)).collect();
        places.sort_unstable();
        // A swap takes a second; who mends makes another log of it, in which nothing that is kept has a part.
        let (mends, swaps) = (seed.is_multiple_of(4), seed % 4 == 1);
        let mut steps: Vec<(u64, Step)> = places.into_iter().map(|place| (place, step(&mut random))).collect();
        if mends {
            steps[STEPS - 2].1 = Step::IsMended;
        }
        if swaps {
            steps[1].1 = Step::IsSwapped { parts: random.random_range(1..=8) };
            steps[STEPS - 1].1 = Step::IsRolledBack;
        }
        Self { seed, facts: FACTS, steps }
    }

    fn mends(&self) -> bool {
        self.steps.iter().any(|(_, step)| *step == Step::IsMended)
    }
}

fn step(random: &mut StdRng) -> Step {
    let cuts = random.random();
    match random.random_range(0..8) {
        0..=1 => Step::GoesOn { cuts, blind: random.random() },
        2..=4 => Step::IsCut { cuts, point: random.random_range(1..150) },
        5..=6 => Step::Stops { cuts, after_us: random.random_range(0..30_000) },
        _ => Step::IsRebuilt {
            parts: random.random_range(1..=8),
            point: random.random_bool(0.5).then(|| random.random_range(1..60)),
        },
    }
}

/// A life that is being led.
struct Led<'l> {
    tables: &'l Tables,
    log: &'l Log,
    line: Line,
    /// How much of the log there is.
    end: usize,
    mended: bool,
    /// The live one and those that are kept.
    models: u32,
}

impl Led<'_> {
    fn chat(&self) -> Vec<Record> {
        let chat = if self.mended { &self.log.chat } else { &self.log.spoiled };
        chat[..self.end].to_vec()
    }

    fn script(&self, cuts: u64) -> Script {
        Script::new(self.chat(), self.log.small.clone(), random_cuts(cuts))
    }

    async fn goes_on(&self, script: Script, database: &Secret) {
        let running = Running::start_at(script, database);
        running.script.applied_within(STREAMS - 1 + self.models, SOON).await;
        running.ends().await;
    }

    async fn arrives(&self) {
        self.goes_on(self.script(0), &self.tables.url()).await;
    }

    async fn takes(&mut self, step: &Step) {
        match step {
            Step::GoesOn { cuts, blind } => {
                let script = self.script(*cuts);
                let script = if *blind { script.blind_to_drops() } else { script };
                self.goes_on(script, &self.tables.url()).await;
            }
            Step::IsCut { cuts, point } => {
                self.line.cuts(at(*point, "rm"));
                self.goes_on(self.script(*cuts).blind_to_drops(), &self.line.url()).await;
            }
            Step::Stops { cuts, after_us } => {
                let there = CancellationToken::new();
                let done = tables_at(self.tables).await;
                if done >= self.end as u64 {
                    return;
                }
                let half = (done + self.end as u64).div_ceil(2);
                let running = Running::start(self.script(*cuts).marking(half, there.clone()), self.tables);
                there.cancelled().await;
                // Not a wait for something: each time another instant of the transaction that follows.
                tokio::time::sleep(Duration::from_micros(*after_us)).await;
                running.ends().await;
            }
            Step::IsRebuilt { parts, point } => {
                self.arrives().await;
                self.is_compared(*parts, *point).await;
            }
            Step::IsSwapped { parts } => {
                self.arrives().await;
                let workshop = self.workshop(&owner(self.tables));
                let Some(built) = self.built(&workshop, *parts).await else { return };
                let follower = workshop.follow(&built).expect("it follows");
                workshop.swap(built, follower, KEEP).await.expect("it is as far");
                self.models += 1;
            }
            Step::IsRolledBack => {
                self.arrives().await;
                if self.models > 1 {
                    self.workshop(&owner(self.tables)).roll_back(KEEP).await.expect("one is kept");
                }
            }
            Step::IsMended => {
                let mut operator = self.tables.operator().await;
                for seq in &self.log.broken {
                    let mended = &self.log.chat[usize::try_from(*seq).expect("small") - 1];
                    sqlx::query("update rm.parked set body = $2 where seq = $1")
                        .bind(*seq as i64)
                        .bind(mended.body.to_vec())
                        .execute(&mut operator)
                        .await
                        .expect("the operator may");
                }
                self.mended = true;
                // Before its first start it has no place yet, and nothing to let go.
                if self.tables.one::<i64>("select count(*) from rm.parked").await > 0 {
                    operator::retry(&self.script(0), &self.tables.url(), None).await.expect("it can be applied");
                }
            }
        }
    }

    fn workshop(&self, database: &Secret) -> Workshop {
        let log: Arc<dyn EventLog> = Arc::new(Script::new(self.chat(), Vec::new(), never()));
        Workshop::new(log, database).expect("a URL")
    }

    /// `None` where something cannot be applied and is not dropped by now: then it must not be built.
    async fn built(&self, workshop: &Workshop, parts: usize) -> Option<Built> {
        let built = workshop.build("rm_next", Until::End, parts).await;
        if !self.waits() {
            return Some(built.expect("it is built"));
        }
        built.map(drop).expect_err("it holds what cannot be applied");
        workshop.discard("rm_next").await.expect("it is nobody's");
        None
    }

    /// Whether something in the log so far cannot be applied and is not dropped.
    fn waits(&self) -> bool {
        let chat = self.chat();
        let drops = chat.iter().filter(|record| record.subject == Subject::Drop.to_string()).count();
        let broken = self.log.broken.iter().filter(|seq| **seq <= self.end as u64).count();
        // They are dropped in their order, so that it is enough to count.
        !self.mended && drops < broken
    }

    async fn is_compared(&self, parts: usize, point: Option<usize>) {
        if let Some(point) = point {
            self.line.cuts(at(point, "rm_next"));
            // Cut or not: it goes on from there.
            let _cut = self.workshop(&self.line.url_of(&owner(self.tables))).build("rm_next", Until::End, parts).await;
        }
        let workshop = self.workshop(&owner(self.tables));
        let Some(built) = self.built(&workshop, parts).await else { return };
        let mut follower = workshop.follow(&built).expect("it follows");
        // What was mended has another hash in the chain of the live one.
        if !self.mended || self.log.broken.is_empty() {
            let compared = workshop.compare(&built, &mut follower).await.expect("it answers").expect("one epoch");
            assert_eq!(compared.differences, [], "{parts} parts");
            assert_eq!(compared.seq, self.end as u64);
        }
        drop(follower);
        workshop.discard("rm_next").await.expect("it is nobody's");
    }
}

fn owner(tables: &Tables) -> Secret {
    Secret::from(tables.postgres.url(Role::Operator).as_str())
}

/// Cuts once, at the point of this number in this schema.
fn at(number: usize, schema: &'static str) -> impl FnMut(&Point) -> bool + Send + 'static {
    let mut point = 0;
    move |here: &Point| {
        point += usize::from(here.schema == schema);
        here.schema == schema && point == number
    }
}

async fn tables_at(tables: &Tables) -> u64 {
    let seq = tables.one::<i64>("select coalesce(max(seq), 0) from rm.checkpoint").await;
    u64::try_from(seq).expect("a sequence")
}

/// All but the checkpoint, whose generation and chain are a life's own.
async fn contents(tables: &Tables) -> Vec<(&'static str, Vec<String>)> {
    let mut contents = tables.contents().await;
    contents.retain(|(table, _)| *table != "rm.checkpoint");
    contents
}

async fn lead(tables: &Tables, life: &Life) {
    let log = Log::of(life.seed, life.facts, life.mends());
    tables.forget_all_but_the_live_model().await;
    tables.empty().await;
    Running::start(Script::new(log.chat.clone(), log.small.clone(), never()), tables).finishes().await;
    let wanted = contents(tables).await;
    tables.empty().await;
    let line = Line::to(&tables.postgres.url(Role::Projector)).await;
    let mut led = Led { tables, log: &log, line, end: 1, mended: false, models: 1 };
    for (place, step) in &life.steps {
        led.end = log.upto(*place);
        led.takes(step).await;
    }
    led.end = log.chat.len();
    led.arrives().await;
    assert_same(&contents(tables).await, &wanted, "in the end");
    assert_eq!(tables_at(tables).await, log.chat.len() as u64);
    assert_eq!(tables.one::<i64>("select count(*) from rm.parked").await, 0);
    led.is_compared(usize::try_from(life.seed % 8).expect("small") + 1, None).await;
}

/// Whether a life fails, on servers of its own: those of one that has failed may still be at work.
async fn fails(life: &Life) -> bool {
    let tables = Tables::new().await;
    AssertUnwindSafe(lead(&tables, life)).catch_unwind().await.is_err()
}

/// The same with as few steps and facts as still fail.
async fn shrunk(mut life: Life) -> Life {
    loop {
        let mut fewer: Vec<Life> = (0..life.steps.len())
            .map(|step| {
                let mut fewer = life.clone();
                fewer.steps.remove(step);
                fewer
            })
            .collect();
        fewer.extend((life.facts > 10).then(|| Life { facts: life.facts / 2, ..life.clone() }));
        let mut smaller = None;
        for candidate in fewer {
            if fails(&candidate).await {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(smaller) => life = smaller,
            None => return life,
        }
    }
}

/// Red with the checkpoint moved in a transaction of its own; with `memory.heads.forget` taken out of `transact`; with
/// parts dealt by sequence.
#[tokio::test]
async fn whatever_life_a_projector_leads_the_tables_are_the_logs() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds: Vec<u64> = match number("PROJECTOR_LIFE") {
        Some(seed) => vec![seed],
        None => (0..number("PROJECTOR_LIVES").unwrap_or(LIVES)).collect(),
    };
    let tables = Tables::new().await;
    for seed in &seeds {
        if AssertUnwindSafe(lead(&tables, &Life::of(*seed))).catch_unwind().await.is_err() {
            println!("PROJECTOR_LIFE={seed} fails: making it smaller");
            panic!("PROJECTOR_LIFE={seed} fails, and so does {:?}", shrunk(Life::of(*seed)).await);
        }
    }
    println!("{} lives", seeds.len());
}
