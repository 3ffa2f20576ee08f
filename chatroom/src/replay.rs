//! How do analysts get the stream? A slice of CHAT, the same bytes each time, as lines or files that name their own hashes.

mod attribute;
mod columns;
mod csv;
mod error;
mod exported;
mod files;
mod manifest;
mod ndjson;
mod pace;
mod parquet;
mod plan;
mod pseudonym;
mod range;
mod rooms;
mod selection;
mod sink;
mod verify;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};
use event_log::{Content, EventLog, FollowError, JetStream, Record, Slice, Start, streams};
use events::{LoungeId, RoomId, StreamName, UserId};
use futures::StreamExt;
use platform::{Shutdown, config::NatsArgs};
use std::{
    io,
    path::{Path, PathBuf},
};

pub use error::{Interrupted, Occupied, Unfaithful, Unreadable};

use crate::progress::Progress;
use exported::Exported;
use manifest::Manifest;
use pace::{Clock, Pace};
use plan::{Format, Plan};
use pseudonym::Pseudonymiser;
use range::RangeArgs;
use rooms::Rooms;
use selection::{Filters, Selection};
use sink::{Folder, Sink};

/// Writes the events of CHAT in the order of the log, up to its end as it is now: data on stdout, or in files with --out;
/// progress on stderr. An analyst's login is enough.
///
/// Exits 65 when --verify finds what its manifest does not say, or an event is of a newer release (--raw takes it as it is);
/// 73 when the folder is not empty; 75 when a signal ended it before its end (--resume goes on); 78 when the log is not the
/// one that the manifest is of, or changes meanwhile; 2 for a wrong flag; else 1.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("other").args(["resume", "verify"])))]
pub struct ReplayArgs {
    #[command(flatten)]
    range: RangeArgs,

    /// Only events of this room; may be given several times, as each of these filters.
    #[arg(long = "room", value_name = "ID")]
    rooms: Vec<RoomId>,

    /// Only events of this lounge and of its rooms.
    #[arg(long = "lounge", value_name = "ID")]
    lounges: Vec<LoungeId>,

    /// Only what this person did, or what stands on his own subjects: his public facts and memberships.
    #[arg(long = "user", value_name = "ID")]
    users: Vec<UserId>,

    /// Only events of this type: message.posted; see docs/EVENTS.md.
    #[arg(long = "type", value_name = "NAME", value_delimiter = ',')]
    types: Vec<String>,

    /// Leave the bodies with the server: attributes only.
    #[arg(long)]
    headers_only: bool,

    /// In the version that each event is stored in, not in the latest.
    #[arg(long, conflicts_with = "headers_only")]
    raw: bool,

    /// Leave out what is derived, the number in the room, and read nothing but the slice.
    #[arg(long)]
    no_derived: bool,

    /// How events are written.
    #[arg(short, long, value_enum, default_value_t = Format::Ndjson)]
    output: Format,

    /// Write files to this folder, which has to be empty, with a manifest.json.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Events in a part: after each, files are whole and the manifest says so. What is cut off loses a part at most.
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "out", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    part_events: u64,

    /// As fast as it happened, so many times faster, or as fast as it can be read.
    #[arg(long, value_name = "1x|10x|max", default_value = "max")]
    pace: Pace,

    /// Go on behind the end with what comes, until it is interrupted.
    #[arg(long)]
    follow: bool,

    /// Go on with what was cut off, as it was begun: its options stand in the manifest.
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["out", "output", "rooms", "lounges", "users", "types", "headers_only", "raw", "no_derived", "part_events"])]
    resume: Option<PathBuf>,

    /// Read the files of a manifest again and compare; no log is needed.
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["out", "follow"])]
    verify: Option<PathBuf>,

    /// Put stable pseudonyms in the place of people's ids and names, under the key in PSEUDONYM_KEY or a file, and leave out
    /// what they wrote, which may name anybody, and what leads back to their requests.
    #[arg(long, conflicts_with_all = ["raw", "resume", "users"])]
    pseudonymise: bool,

    /// File with the key, 16 bytes or more. The key itself is no argument: others could see it.
    #[arg(long, value_name = "FILE")]
    pseudonym_key_file: Option<PathBuf>,

    /// Leave texts in beside pseudonyms.
    #[arg(long, requires = "pseudonymise")]
    keep_texts: bool,

    #[command(flatten)]
    nats: NatsArgs,
}

/// Does what was asked.
///
/// # Errors
/// [`Unfaithful`], [`Unreadable`], [`Occupied`], [`Interrupted`]; a log that diverged or cannot be read; a disk that is full.
pub async fn run(args: &ReplayArgs) -> Result<()> {
    if let Some(manifest) = &args.verify {
        eprintln!("{}", verify::verify(manifest)?);
        return Ok(());
    }
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let log = JetStream::new(crate::migrate::connect(&args.nats).await?);
    match replay(&log, args, &shutdown).await {
        // Who reads our output has had enough.
        Err(why) if args.out.is_none() && args.resume.is_none() && is_broken_pipe(&why) => Ok(()),
        done => done,
    }
}

fn is_broken_pipe(why: &anyhow::Error) -> bool {
    why.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe))
}

async fn replay(log: &JetStream, args: &ReplayArgs, shutdown: &Shutdown) -> Result<()> {
    let epoch = streams::epoch(log, StreamName::Chat).await?;
    let disguise = args.disguise()?;
    let (plan, next, mut sink) = match &args.resume {
        Some(path) => {
            let manifest = Manifest::read(path)?;
            let folder = path.parent().unwrap_or(Path::new("."));
            is_same_log(log, &manifest, epoch).await?;
            if manifest.complete {
                eprintln!("{} is complete", path.display());
                return Ok(());
            }
            let (plan, next) = (manifest.plan.clone(), manifest.next);
            (plan, next, Sink::Folder(Box::new(Folder::resume(folder, manifest))))
        }
        None => {
            let plan = args.plan(log, epoch, disguise.as_ref()).await?;
            let sink = match &args.out {
                Some(folder) => Sink::Folder(Box::new(Folder::begin(folder, Manifest::new(epoch, plan.clone()))?)),
                None => Sink::stdout(plan.format),
            };
            (plan.clone(), plan.from, sink)
        }
    };
    let last = (!args.follow).then_some(plan.to);
    let mut output = Output { sink: &mut sink, disguise, clock: Clock::new(args.pace) };
    let read = read(log, &plan, next, last, &mut output, shutdown).await?;
    match read {
        Read::Whole(upto) => told(sink.finish(upto)?),
        Read::Cut(upto) if args.follow => told(sink.finish(upto.max(plan.to))?),
        Read::Cut(_) => {
            let manifest = args.out.as_ref().map(|folder| folder.join(manifest::NAME));
            return Err(Interrupted(args.resume.clone().or(manifest)).into());
        }
    }
    Ok(())
}

fn told(manifest: Option<Manifest>) {
    if let Some(manifest) = manifest {
        eprintln!("{} events in {} files, up to {}", manifest.events, manifest.files.len(), manifest.plan.to);
        if manifest.malformed > 0 {
            eprintln!("{} of them cannot be understood, and are written as they are stored", manifest.malformed);
        }
    }
}

/// What becomes of an event on its way out.
struct Output<'s> {
    sink: &'s mut Sink,
    disguise: Option<Pseudonymiser>,
    clock: Clock,
}

impl Output<'_> {
    fn take(&mut self, mut event: Exported, record: &Record, plan: &Plan) -> Result<()> {
        if let Some(pseudonyms) = &self.disguise {
            pseudonyms.disguise(&mut event);
        }
        self.sink.take(&event, record.id().map(|id| id.to_string()))?;
        // Somebody may be watching them come.
        if record.seq >= plan.to || self.clock.is_slow() { self.sink.flush() } else { Ok(()) }
    }
}

/// How far it was read.
enum Read {
    Whole(u64),
    /// A signal came.
    Cut(u64),
}

/// Reads from `next` to `last`, or for ever, and hands on what is meant.
async fn read(
    log: &JetStream,
    plan: &Plan,
    next: u64,
    last: Option<u64>,
    output: &mut Output<'_>,
    shutdown: &Shutdown,
) -> Result<Read> {
    let mut upto = next.saturating_sub(1);
    if last.is_some_and(|last| next > last) {
        return Ok(Read::Whole(plan.to));
    }
    let mut selection = Selection::new(log, plan.filters.clone(), plan.to, last.is_none()).await?;
    let mut rooms = if plan.room_seq { Rooms::new(log, &selection, next, last) } else { Rooms::Unasked };
    let content = if plan.headers_only && !selection.learns_rooms() { Content::Headers } else { Content::Whole };
    let begin = if next <= 1 { Start::Beginning } else { Start::Sequence(next.min(selection::end(log).await?).max(1)) };
    let slice = Slice { start: begin, last, filters: selection.subjects(), content };
    let mut records = log.slice(StreamName::Chat, slice);
    let progress = Progress::of("replayed to", plan.to, upto);
    loop {
        let record = tokio::select! {
            record = records.next() => record,
            () = shutdown.cancelled() => return Ok(Read::Cut(upto)),
        };
        let Some(record) = record.transpose()? else { return Ok(Read::Whole(plan.to)) };
        // A follower of what is still to come begins with the last that is there.
        if record.seq < next {
            continue;
        }
        let room_seq = rooms.number(&record).await?;
        if selection.takes(&record) {
            let event = Exported::of(&record, room_seq, plan.reading())?;
            tokio::select! {
                () = output.clock.wait(event.time()) => {}
                () = shutdown.cancelled() => return Ok(Read::Cut(upto)),
            }
            output.take(event, &record, plan)?;
        }
        upto = record.seq;
        progress.at(upto);
    }
}

/// That the log still holds what the manifest says was read from it.
async fn is_same_log(log: &JetStream, manifest: &Manifest, epoch: events::Epoch) -> Result<()> {
    let diverged = |seq, why: String| FollowError::Diverged { stream: StreamName::Chat, seq, why };
    if epoch != manifest.epoch {
        let why = format!("it is of epoch {}, and the manifest of {}", epoch.0, manifest.epoch.0);
        return Err(diverged(manifest.next, why).into());
    }
    let Some(last) = &manifest.last else { return Ok(()) };
    let found = log.read(StreamName::Chat, last.seq).await?.and_then(|record| record.id()).map(|id| id.to_string());
    if found != last.id {
        return Err(diverged(last.seq, "it holds another event than the one that was written".to_owned()).into());
    }
    Ok(())
}

impl ReplayArgs {
    /// With which pseudonyms, if with any: also those of what is resumed.
    fn disguise(&self) -> Result<Option<Pseudonymiser>> {
        let resumed = self.resume.as_deref().map(Manifest::read).transpose()?;
        let begun = resumed.and_then(|manifest| manifest.plan.pseudonyms);
        if !self.pseudonymise && begun.is_none() {
            return Ok(None);
        }
        let keeps_texts = begun.as_ref().map_or(self.keep_texts, |begun| begun.texts);
        let made = Pseudonymiser::new(self.pseudonym_key_file.as_deref(), keeps_texts)?;
        begun.map_or(Ok(()), |begun| made.is_of(&begun))?;
        Ok(Some(made))
    }

    /// Resolves all that was asked for.
    async fn plan(&self, log: &JetStream, epoch: events::Epoch, by: Option<&Pseudonymiser>) -> Result<Plan> {
        ensure!(
            self.output != Format::Parquet || self.out.is_some(),
            "Parquet is written to files: name a folder with --out"
        );
        if self.follow && self.output == Format::Parquet {
            bail!("a Parquet file can be read only when it is whole: follow with -o ndjson or csv");
        }
        let (from, to) = self.range.resolve(log, epoch).await.context("finding the range")?;
        Ok(Plan {
            format: self.output,
            from,
            to,
            filters: Filters {
                rooms: self.rooms.iter().copied().collect(),
                lounges: self.lounges.iter().copied().collect(),
                users: self.users.iter().copied().collect(),
                types: self.types.iter().cloned().collect(),
            },
            headers_only: self.headers_only,
            raw: self.raw,
            room_seq: !self.no_derived,
            part_events: self.part_events,
            pseudonyms: by.map(Pseudonymiser::plan),
        })
    }
}
