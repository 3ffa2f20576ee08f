//! Does everything that is said arrive? Plays a conversation file through the public API and compares text for text.

mod assign;
mod follow;
mod insist;
mod journal;
mod post;
mod read_back;
mod script;
mod stage;
mod verify;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use platform::Shutdown;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Api, Outcome, Socket};
use crate::progress::Progress;
use follow::{Follower, Line, Tally};
use insist::Insist;
use journal::{Heard, Journal, Memory};
use script::{Pace, Script};
use stage::Stage;
use verify::{Said, Verdict};

/// After the last post, what is missing live is lost when nothing has come for this long: longer than
/// the longest wait of a follower that has to come back.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// Rooms on one socket, unless the server allows fewer: as many as fit into one frame of 16 KiB.
const ROOMS_A_SOCKET: usize = 200;
/// Rooms that are told with their differences.
const ROOMS_TOLD: usize = 20;

/// Plays a conversation file through the public API, as real clients would, and compares text for text.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Conversations, one JSON object a line: {room, language, author, at, text}. May be gzipped (.gz).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// As fast as it goes (`max`), or a multiple of the time between the lines: `1x`, `10x`.
    #[arg(long, value_name = "PACE", default_value = "max")]
    pub speed: Pace,

    /// Only the first so many rooms.
    #[arg(long, value_name = "N")]
    pub rooms: Option<usize>,

    /// Keeps what is done, so that the same command goes on after an interruption. Holds credentials.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Where the API is.
    #[arg(long, env = "CHATROOM_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,

    /// How the authors come: as guests, whose sessions end after 24 h without use, or with accounts.
    #[arg(long, value_name = "KIND", default_value = "guests")]
    pub authors: Authors,

    /// Requests under way at once.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub at_once: u16,

    /// Seconds that one request may stay without a certain answer before the run is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub give_up_after: u64,
}

/// How the authors come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Authors {
    Guests,
    Registered,
}

/// What all parts of a run share.
struct Play {
    api: Api,
    script: Arc<Script>,
    journal: Arc<Journal>,
    insist: Insist,
    pace: Pace,
    authors: Authors,
    at_once: usize,
}

impl Play {
    fn lines(&self) -> u32 {
        u32::try_from(self.script.lines.len()).expect("checked when the file was read")
    }
}

/// Plays the file. The one line on standard output is the result.
///
/// # Errors
/// When anything was lost, duplicated, out of order or refused, or when the run could not be finished.
pub async fn run(args: LoadArgs) -> Result<()> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let stop = shutdown.token();
    let played = play(&args, &stop).await;
    if stop.is_cancelled() {
        match args.state {
            Some(state) => bail!("interrupted; run again with --state {} to go on", state.display()),
            None => bail!("interrupted; without --state nothing is kept"),
        }
    }
    played
}

async fn play(args: &LoadArgs, stop: &CancellationToken) -> Result<()> {
    let (path, rooms_max) = (args.file.clone(), args.rooms.unwrap_or(usize::MAX));
    let script = tokio::task::spawn_blocking(move || Script::read(&path, rooms_max)).await.context("reading")??;
    let script = Arc::new(script);
    let lines = u32::try_from(script.lines.len()).context("too many lines")?;
    let room_of = |line: u32| script.lines.get(line as usize).map(|said| said.room);
    let (journal, mut memory) = Journal::open(args.state.as_deref(), script.digest, lines, &room_of)?;
    let play = Arc::new(Play {
        api: Api::at(&args.url)?,
        script: Arc::clone(&script),
        journal: Arc::new(journal),
        insist: Insist { within: Duration::from_secs(args.give_up_after), stop: stop.clone() },
        pace: args.speed,
        authors: args.authors,
        at_once: usize::from(args.at_once),
    });
    eprintln!("{lines} messages of {} authors in {} rooms", script.authors.len(), script.scenes.len());
    let stage = Arc::new(stage::set(&play, &memory).await?);

    let mut heard = std::mem::take(&mut memory.heard);
    let before = heard.values().map(|heard| heard.said.len() as u64).sum();
    let (tally, watching) = watch::channel(Tally { heard: before, ..Tally::default() });
    // Followers go on while the run is being stopped: what is posted last shall be heard as well.
    let hang_up = CancellationToken::new();
    let mut followers = listen(&play, &stage, tally, &hang_up, &mut heard).await?;
    let posted = tokio::select! {
        posted = post::all(&play, &stage, &mut memory) => posted,
        ended = first_end(&mut followers) => ended,
    };
    posted?;
    if stop.is_cancelled() {
        hang_up.cancel();
        while followers.join_next().await.is_some() {}
        bail!("stopped");
    }
    let said = said(&play, &memory);
    let count = said.iter().map(|said| said.len() as u64).sum();
    tokio::select! {
        () = stop.cancelled() => bail!("stopped"),
        ended = first_end(&mut followers) => ended?,
        () = hear_the_rest(watching.clone(), count) => {}
    }
    hang_up.cancel();
    let live = collect(followers, heard, said.len()).await?;
    let history = read_back::all(&play, &stage, &memory, count).await?;
    report(&said, &live, &history, &memory, *watching.borrow(), &stage)
}

/// Opens as many sockets as it takes to hear every room.
async fn listen(
    play: &Play,
    stage: &Stage,
    tally: watch::Sender<Tally>,
    stop: &CancellationToken,
    heard: &mut std::collections::HashMap<u32, Heard>,
) -> Result<JoinSet<Result<Vec<(u32, Heard)>>>> {
    let line = Line {
        api: play.api.clone(),
        journal: Arc::clone(&play.journal),
        tally,
        stop: stop.clone(),
        since: stage.position.clone(),
    };
    let casts = play.script.scenes.iter().map(|scene| scene.authors.as_slice());
    let mut followers = JoinSet::new();
    for ear in assign::ears(casts, rooms_a_socket(play).await?) {
        let session = ear.author.map_or(&stage.owner, |author| &stage.authors[author as usize]);
        let follower = Follower::new(&line, Arc::clone(session), &ear, &stage.rooms, heard);
        followers.spawn(follower.run());
    }
    Ok(followers)
}

/// As the server's `hello` says.
async fn rooms_a_socket(play: &Play) -> Result<usize> {
    let greet = async || match Socket::open(&play.api).await {
        Ok((socket, hello)) => {
            socket.close(1000).await;
            Outcome::Applied(hello)
        }
        Err(why) => Outcome::Unknown { why: why.to_string(), after: None },
    };
    let hello = play.insist.on(greet).await.context("opening a socket")?;
    let limit = hello.limits["rooms"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    Ok(limit.unwrap_or(ROOMS_A_SOCKET).clamp(1, ROOMS_A_SOCKET))
}

/// A follower that ends before it is told to is an error.
async fn first_end(followers: &mut JoinSet<Result<Vec<(u32, Heard)>>>) -> Result<()> {
    match followers.join_next().await {
        Some(ended) => {
            ended.context("a follower")??;
            bail!("a follower ended too early")
        }
        None => bail!("nobody listens"),
    }
}

/// The posted lines of each room, in the order of the file.
fn said(play: &Play, memory: &Memory) -> Vec<Vec<Said>> {
    let mut rooms: Vec<Vec<Said>> =
        play.script.scenes.iter().map(|scene| Vec::with_capacity(scene.lines as usize)).collect();
    for (line, id) in play.script.lines.iter().zip(&memory.posted).filter(|(_, id)| !id.is_nil()) {
        rooms[line.room as usize].push(Said { id: *id, text: line.text });
    }
    rooms
}

/// Until as much was heard as was said, or nothing comes any more.
async fn hear_the_rest(mut tally: watch::Receiver<Tally>, said: u64) {
    let progress = Progress::of("heard", said, tally.borrow().heard);
    loop {
        let heard = tally.borrow_and_update().heard;
        progress.at(heard);
        if heard >= said {
            return;
        }
        match timeout(HEARD_WITHIN, tally.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// What the followers hand over, by room.
async fn collect(
    followers: JoinSet<Result<Vec<(u32, Heard)>>>,
    before: std::collections::HashMap<u32, Heard>,
    rooms: usize,
) -> Result<Vec<Vec<Said>>> {
    let mut live = vec![Vec::new(); rooms];
    let handed_over = followers.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    for (room, heard) in handed_over.into_iter().flatten().chain(before) {
        live[room as usize] = heard.said;
    }
    Ok(live)
}

fn report(
    said: &[Vec<Said>],
    live: &[Vec<Said>],
    history: &[Vec<Said>],
    memory: &Memory,
    tally: Tally,
    stage: &Stage,
) -> Result<()> {
    let (mut over_sockets, mut in_history, mut told) = (Verdict::default(), Verdict::default(), 0);
    for (room, said) in said.iter().enumerate() {
        let verdicts = (verify::compare(said, &live[room]), verify::compare(said, &history[room]));
        over_sockets += verdicts.0;
        in_history += verdicts.1;
        if !(verdicts.0.is_clean() && verdicts.1.is_clean()) && told < ROOMS_TOLD {
            told += 1;
            eprintln!("room {}: live {:?}, history {:?}", stage.rooms[room], verdicts.0, verdicts.1);
        }
    }
    let count: usize = said.iter().map(Vec::len).sum();
    let (lost, out_of_order) =
        (over_sockets.lost + in_history.lost, over_sockets.out_of_order + in_history.out_of_order);
    let duplicated = over_sockets.duplicated + in_history.duplicated + tally.repeats;
    eprintln!("sockets were cut {} times; {} resets", tally.cuts, tally.resets);
    println!(
        "{count} posted, {} in history, {} delivered live: {lost} lost, {duplicated} duplicated, {out_of_order} out of order",
        in_history.arrived, over_sockets.arrived,
    );
    ensure!(memory.refused.is_empty(), "{} lines were refused", memory.refused.len());
    ensure!(lost + duplicated + out_of_order == 0, "not all that was said arrived once and in order");
    Ok(())
}
