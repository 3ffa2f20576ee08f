//! Does everybody come back? A query service dies under thousands of sockets, and they return to it while people talk.

mod patience;

use anyhow::{Context, Result, bail};
use clap::Args;
use events::RoomId;
use futures::{StreamExt, TryStreamExt, stream};
use platform::Shutdown;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    faults::Output,
    ground::{Beside, Ground},
    hearing::{Heard, Reader, p99},
    instance::Instance,
    person::Person,
    process::{Counters, Process},
    verdict::Verdict,
};
use crate::{
    client::{Api, Closed, Socket},
    settings::Settings,
};
use patience::Patience;

/// The default of `SOCKETS_PER_USER`.
const SOCKETS_PER_PERSON: usize = 10;
const SOCKETS_PER_ROOM: usize = 250;
/// Sockets of the other instance, which nothing happens to.
const OTHERS: usize = 50;
/// Sockets that are opened at once.
const OPENING: usize = 32;
const SAID_EVERY: Duration = Duration::from_millis(50);
/// What is said before the death, to compare.
const BEFORE: Duration = Duration::from_secs(5);
/// Who is not back by then does not come back.
const BACK_WITHIN: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PLAYED_WITHIN: Duration = Duration::from_mins(12);
const END: &str = "the end";

const BACK: &str = "whoever lost the socket is back";
const ALL: &str = "whoever was away hears every number, once and in order";
const OTHER: &str = "whoever is on the other instance hears every number, once and in order";
const TOLD: &str = "a service that is told to end says so to each of its sockets";
/// What it says: come back, and go on where you were.
const GOING_AWAY: u16 = 4001;

/// Kills a query service with thousands of sockets and starts it again; all of them come back as clients do, while people
/// go on talking. Then it is told to end.
#[derive(Debug, Clone, Args)]
pub struct ReturnArgs {
    /// Sockets that hear, ten a person.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=8_000))]
    pub sockets: u32,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) async fn run(args: &ReturnArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let program = std::env::current_exe().context("finding this binary")?;
    returns(args, &program, &signals.token()).await?.tell(args.output)
}

/// Plays on servers of its own, with query services that are processes of this program.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a count in the verdict.
pub async fn returns(args: &ReturnArgs, program: &Path, stop: &CancellationToken) -> Result<Verdict> {
    // New sockets are limited as for everybody: it is part of how they come back.
    let queries = Settings::default().with("NO_RATE_LIMITS", "false");
    let mut ground = Ground::laid(program, &Beside { queries, ..Beside::default() }).await?;
    let mut verdict = Verdict::default();
    let played = tokio::select! {
        played = play(args.sockets as usize, &mut ground, &mut verdict) => played,
        () = stop.cancelled() => bail!("stopped before it was over"),
    };
    ground.clear().await?;
    played.map(|()| verdict)
}

async fn play(count: usize, ground: &mut Ground, verdict: &mut Verdict) -> Result<()> {
    let begun = Instant::now();
    let owner = Person::registered(&ground.commands, "+491500000001").await?;
    let rooms = count.div_ceil(SOCKETS_PER_ROOM);
    let (mut away, mut others, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..rooms {
        let room = owner.opens_room(&ground.commands).await?;
        let theirs = SOCKETS_PER_ROOM.min(count - number * SOCKETS_PER_ROOM);
        let (mut people, since) =
            Person::guests_in(&ground.commands, room, theirs.div_ceil(SOCKETS_PER_PERSON) + 1).await?;
        let other = people.pop().context("somebody")?;
        let here = OTHERS.div_ceil(rooms).min(SOCKETS_PER_PERSON);
        others.extend(open(&ground.queries[1], &[other], room, here, &since).await?);
        away.extend(open(&ground.queries[0], &people, room, theirs, &since).await?);
        ids.push(room);
    }
    let part = Arc::new(AtomicUsize::new(0));
    let talk = Talk { commands: Arc::clone(&ground.commands), owner, rooms: ids, begun, part: Arc::clone(&part) };
    let mut other = JoinSet::new();
    others.into_iter().for_each(|reader| _ = other.spawn(reader.hears_to(begun, END)));
    let back = Arc::new(AtomicU64::new(0));
    let mut returning = JoinSet::new();
    for reader in away {
        returning.spawn(stays(reader, ground.queries[0].clone(), begun, Arc::clone(&back)));
    }
    let stop = CancellationToken::new();
    let talking = tokio::spawn(talk.clone().goes_on(stop.clone()));
    tokio::time::sleep(BEFORE).await;

    part.store(1, Ordering::Relaxed);
    let died = Instant::now();
    ground.processes[0].kill().await?;
    ground.processes[0].restart().await?;
    let answers = died.elapsed();
    let mut look = interval(LOOK_EVERY);
    while back.load(Ordering::Relaxed) < count as u64 && died.elapsed() < BACK_WITHIN && !talking.is_finished() {
        look.tick().await;
    }
    let (all, are_back) = (died.elapsed(), back.load(Ordering::Relaxed));
    let asked = asked(&ground.processes[0].counters()?).await?;
    stop.cancel();
    talking.await.context("who talks")??;
    talk.ends().await?;

    verdict.counts(BACK, count as u64, (count as u64).saturating_sub(are_back));
    let (mut refused, mut readers) = (0, Vec::new());
    while let Some(returned) = returning.join_next().await {
        let (reader, times) = returned??;
        refused += times;
        reader.heard().judge(ALL, verdict);
        readers.push(reader);
    }
    let heard: Vec<Heard> = other.join_all().await.into_iter().collect::<Result<_>>()?;
    heard.iter().for_each(|heard| heard.judge(OTHER, verdict));
    verdict.played.push(format!(
        "{count} sockets in {rooms} rooms; killed, the query service answers after {:.1} s, and all are back after {:.1} s \
         and {refused} refusals; {asked}; p99 from post to the other instance's sockets {:.1} ms before, {:.1} ms meanwhile",
        answers.as_secs_f64(),
        all.as_secs_f64(),
        p99(&heard, 0),
        p99(&heard, 1),
    ));
    goes(&mut ground.processes[0], readers, verdict).await
}

/// Tells a query service to end, as for a new version.
async fn goes(process: &mut Process, readers: Vec<Reader>, verdict: &mut Verdict) -> Result<()> {
    let hearing: JoinSet<_> = readers.into_iter().map(Reader::hears_its_end).collect();
    process.ends().await?;
    for (is_told, why) in hearing.join_all().await {
        let holds = is_told && matches!(why, Some(Closed::Code(GOING_AWAY, _)));
        verdict.holds(TOLD, holds, || format!("{why:?}, and it was{} told before", if is_told { "" } else { " not" }));
    }
    Ok(())
}

/// So many sockets in a room, as soon as each is let in.
async fn open(api: &Api, people: &[Person], room: RoomId, count: usize, since: &str) -> Result<Vec<Reader>> {
    let sockets = people.iter().flat_map(|person| std::iter::repeat_n(person, SOCKETS_PER_PERSON)).take(count);
    let opening = sockets.map(|person| async move {
        let mut patience = Patience::default();
        loop {
            match Reader::opens(api, person, room, since, None).await {
                Ok(reader) => return Ok(reader),
                Err(why) => patience.waits(&why).await?,
            }
        }
    });
    stream::iter(opening).buffer_unordered(OPENING).try_collect().await
}

/// Hears to the end, and comes back whenever it is cut; gives how often it was turned away.
async fn stays(mut reader: Reader, api: Api, begun: Instant, back: Arc<AtomicU64>) -> Result<(Reader, u64)> {
    let staying = async {
        let (mut patience, mut refused, is_back) = (Patience::default(), 0, AtomicBool::new(false));
        let comes_back = || {
            if !is_back.swap(true, Ordering::Relaxed) {
                back.fetch_add(1, Ordering::Relaxed);
            }
        };
        while let Err(mut why) = reader.hears(begun, END, comes_back).await {
            loop {
                patience.waits(&why).await?;
                let came: Result<(), Closed> = async { reader.goes_on(Socket::open(&api).await?.0).await }.await;
                match came {
                    Ok(()) => break,
                    Err(again) => why = again,
                }
                refused += u64::from(matches!(why, Closed::Refused(..)));
            }
        }
        anyhow::Ok(refused)
    };
    let refused = timeout(PLAYED_WITHIN, staying).await.context("the end was not heard")??;
    Ok((reader, refused))
}

/// What was read from Postgres for sockets.
async fn asked(counters: &Counters) -> Result<String> {
    let of = async |query: &str| counters.read(&format!("db_query_duration_seconds_count{{query=\"{query}")).await;
    Ok(format!("{} pages of the feed and {} other queries for sockets", of("feed\"").await?, of("live: ").await?))
}

/// Who talks, in one room after the other.
#[derive(Clone)]
struct Talk {
    commands: Arc<Instance>,
    owner: Person,
    rooms: Vec<RoomId>,
    begun: Instant,
    part: Arc<AtomicUsize>,
}

impl Talk {
    async fn goes_on(self, stop: CancellationToken) -> Result<()> {
        let mut every = interval(SAID_EVERY);
        for room in self.rooms.iter().cycle() {
            every.tick().await;
            if stop.is_cancelled() {
                break;
            }
            let part = self.part.load(Ordering::Relaxed);
            self.post(*room, &format!("{part} {}", self.begun.elapsed().as_micros())).await?;
        }
        Ok(())
    }

    async fn ends(&self) -> Result<()> {
        for room in &self.rooms {
            self.post(*room, END).await?;
        }
        Ok(())
    }

    async fn post(&self, room: RoomId, words: &str) -> Result<()> {
        let key = uuid::Uuid::now_v7().to_string();
        let ask = self.owner.posts(room, words).header("idempotency-key", &key);
        self.commands.insist(ask).await.applied().map(drop).context("a message")
    }
}
