//! What do clients cost that never read? Their outboxes, and nobody else's frames; and who reads slowly gets all there is.

mod slow;

use anyhow::{Context, Result, bail};
use clap::Args;
use events::RoomId;
use futures::{StreamExt, TryStreamExt, stream};
use platform::Shutdown;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    faults::Output,
    ground::{Beside, Ground},
    hearing::{Heard, Reader, p99, until_served},
    instance::Instance,
    person::Person,
    process::Counters,
    verdict::Verdict,
};
use crate::client::Closed;

/// The default of `SOCKETS_PER_USER`.
const SOCKETS_PER_PERSON: usize = 10;
/// Sockets that are opened at once.
const OPENING: usize = 32;
/// Messages that are heard without the silent ones, and beside as many more that read, to compare.
const BEFORE: usize = 100;
const SAID_EVERY: Duration = Duration::from_millis(50);
/// Of three bytes each: long messages fill an outbox soon.
const CHARACTERS: usize = 3_900;
/// A silent one is let go as soon as its outbox is full, or a write has been blocked for 5 s. Later it is not let go.
const LET_GO_WITHIN: Duration = Duration::from_secs(120);
/// Bytes that may wait for a socket, as the protocol's limits are documented.
const OUTBOX_BYTES_MAX: u64 = 1 << 20;
/// What else a socket may cost: its task, its buffers, and pages of the heap that are not given back.
const BESIDE_BYTES: u64 = 128 << 10;
/// Of a silent socket the kernel keeps little, so that the rest waits in the service.
const SILENT_BYTES: u32 = 4 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(200);
const ENOUGH: &str = "some go";
const END: &str = "the end";

const MEMORY: &str = "a silent socket costs no more than its outbox";
const READ: &str = "whoever reads hears every number, once and in order";
const LET_GO: &str = "a silent socket is closed 4011 or cut";
const RESUMED: &str = "a silent socket that comes back has all of it, once";

/// Opens sockets that never read beside as many that do, and says so much that the silent ones are let go; then a client
/// that reads slowly catches up with much.
#[derive(Debug, Clone, Args)]
pub struct SilentArgs {
    /// Sockets that never read, and as many that do.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub sockets: u16,

    /// Entries that the client has missed which reads slowly; of more than 10,000 the server says "too much".
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub missed: u32,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) async fn run(args: &SilentArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let program = std::env::current_exe().context("finding this binary")?;
    silent(args, &program, &signals.token()).await?.tell(args.output)
}

/// Plays on servers of its own, with query services that are processes of this program.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a count in the verdict.
pub async fn silent(args: &SilentArgs, program: &Path, stop: &CancellationToken) -> Result<Verdict> {
    let ground = Ground::laid(program, &Beside::default()).await?;
    let owner = Person::registered(&ground.commands, "+491500000001").await?;
    let mut verdict = Verdict::default();
    let played = tokio::select! {
        played = play(args, &ground, &owner, &mut verdict) => played,
        () = stop.cancelled() => bail!("stopped before it was over"),
    };
    ground.clear().await?;
    played.map(|()| verdict)
}

async fn play(args: &SilentArgs, ground: &Ground, owner: &Person, verdict: &mut Verdict) -> Result<()> {
    let count = usize::from(args.sockets);
    let room = owner.opens_room(&ground.commands).await?;
    let each = count.div_ceil(SOCKETS_PER_PERSON);
    let (people, since) = Person::guests_in(&ground.commands, room, 3 * each).await?;
    let (deaf, rest) = people.split_at(each);
    let (more, people) = rest.split_at(each);
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for reader in open(ground, people, room, count, &since, None).await? {
        readers.spawn(reader.hears_to(begun, END));
    }
    let talk = Talk { commands: Arc::clone(&ground.commands), owner: owner.clone(), room, begun };
    talk.says(0, BEFORE).await?;
    beside_more(ground, &talk, more, count, &since).await?;
    let before = ground.processes[0].resident()?;
    let silent = open(ground, deaf, room, count, &since, Some(SILENT_BYTES)).await?;
    let (said, most) = until_let_go(ground, &talk, count as u64).await?;
    talk.post(END).await?;

    let grown = most.saturating_sub(before);
    let bound = count as u64 * (OUTBOX_BYTES_MAX + BESIDE_BYTES);
    verdict.holds(MEMORY, grown <= bound, || format!("{grown} bytes more, and {bound} may be"));
    let heard: Vec<Heard> = readers.join_all().await.into_iter().collect::<Result<_>>()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    verdict.played.push(format!(
        "{count} sockets that read, {count} that do not; {} messages of {} KB; memory of the query service grew by {:.1} \
         MiB, {:.1} KiB a silent socket; p99 from post to reader {:.1} ms alone, {:.1} ms beside as many more that read, \
         {:.1} ms beside the silent ones",
        2 * BEFORE + said,
        3 * CHARACTERS / 1_000,
        mib(grown),
        mib(grown) * 1_024.0 / count as f64,
        p99(&heard, 0),
        p99(&heard, 1),
        p99(&heard, 2),
    ));
    for heard in &heard {
        heard.judge(READ, verdict);
    }
    are_back(ground, silent, heard[0].last, verdict).await?;
    slow::plays(ground, owner, args.missed, verdict).await
}

/// Talks beside as many more sockets, which read like the others: what the silent ones are compared with.
async fn beside_more(ground: &Ground, talk: &Talk, people: &[Person], count: usize, since: &str) -> Result<()> {
    let mut readers = JoinSet::new();
    for reader in open(ground, people, talk.room, count, since, None).await? {
        readers.spawn(reader.hears_to(talk.begun, ENOUGH));
    }
    talk.says(1, BEFORE).await?;
    talk.post(ENOUGH).await?;
    readers.join_all().await.into_iter().collect::<Result<Vec<_>>>().map(drop)
}

/// So many sockets on the first instance, which have all caught up.
async fn open(
    ground: &Ground,
    people: &[Person],
    room: RoomId,
    count: usize,
    since: &str,
    receive_bytes: Option<u32>,
) -> Result<Vec<Reader>> {
    let sockets = people.iter().flat_map(|person| std::iter::repeat_n(person, SOCKETS_PER_PERSON)).take(count);
    let opening = sockets.map(|person| {
        until_served(async move || Reader::opens(&ground.queries[0], person, room, since, receive_bytes).await)
    });
    stream::iter(opening).buffered(OPENING).try_collect().await
}

/// Who talks.
#[derive(Clone)]
struct Talk {
    commands: Arc<Instance>,
    owner: Person,
    room: RoomId,
    begun: Instant,
}

impl Talk {
    /// Says so much, with when it was said and in which part of the play.
    async fn says(&self, part: usize, count: usize) -> Result<()> {
        let mut every = interval(SAID_EVERY);
        for _ in 0..count {
            every.tick().await;
            let words = format!("{part} {} {}", self.begun.elapsed().as_micros(), "語".repeat(CHARACTERS));
            self.post(&words).await?;
        }
        Ok(())
    }

    async fn post(&self, words: &str) -> Result<()> {
        let key = uuid::Uuid::now_v7().to_string();
        let ask = self.owner.posts(self.room, words).header("idempotency-key", &key);
        self.commands.insist(ask).await.applied().map(drop).context("a message")
    }
}

/// Talks until all who are silent have been let go; gives how much was said, and the memory at its greatest.
async fn until_let_go(ground: &Ground, talk: &Talk, count: u64) -> Result<(usize, u64)> {
    let (counters, deadline) = (ground.processes[0].counters()?, Instant::now() + LET_GO_WITHIN);
    let stop = CancellationToken::new();
    let (talking, until) = (talk.clone(), stop.clone());
    let talking: JoinHandle<Result<usize>> = tokio::spawn(async move {
        let mut said = 0;
        while !until.is_cancelled() {
            talking.says(2, 1).await?;
            said += 1;
            tokio::time::sleep(SAID_EVERY).await;
        }
        Ok(said)
    });
    let mut most = 0;
    let mut look = interval(LOOK_EVERY);
    while let_go(&counters).await? < count && Instant::now() < deadline && !talking.is_finished() {
        most = most.max(ground.processes[0].resident()?);
        look.tick().await;
    }
    stop.cancel();
    Ok((talking.await.context("who talks")??, most))
}

async fn let_go(counters: &Counters) -> Result<u64> {
    Ok(counters.read(r#"live_closes_total{code="4011"}"#).await? as u64)
}

/// Everybody who was silent reads at last, and comes back.
async fn are_back(ground: &Ground, silent: Vec<Reader>, last: u64, verdict: &mut Verdict) -> Result<()> {
    let all = silent.into_iter().map(|reader| reader.reads_at_last(&ground.queries[0]));
    let mut back = stream::iter(all).buffer_unordered(OPENING);
    while let Some((closed, heard)) = back.try_next().await? {
        let is_let_go = matches!(&closed, Some(Closed::Code(4011, _) | Closed::Cut(_)));
        verdict.holds(LET_GO, is_let_go, || format!("{closed:?}"));
        verdict.holds(RESUMED, heard.is_all(last), || format!("{heard:?}"));
    }
    Ok(())
}
