//! Is what is asked for often done once? Each key many times through two instances, across a death of the log, and once
//! more when the log has forgotten it.

mod history;
mod system;

use anyhow::{Result, bail};
use clap::Args;
use events::StreamName;
use platform::Shutdown;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    pair::Side,
    reader,
    sabotage::Sabotage,
    storm::{Deeds, storm},
    tally::Tally,
};
use crate::{
    client::{Ask, Outcome},
    progress::Progress,
};
use system::System;

/// The window of a real system. A command takes a fresh key for new only because of it.
const WINDOW_SECS: u64 = 120;
/// After the window this much more, so that the log has really forgotten.
const WINDOW_MARGIN: Duration = Duration::from_secs(5);
/// Keys that are under way at once, each as often as it is repeated.
const KEYS_AT_ONCE: usize = 8;
/// A key is asked for until one answer is certain: within this, whatever the log goes through.
const CERTAIN_WITHIN: Duration = Duration::from_secs(60);

/// Posts with the same idempotency keys again and again. Needs Postgres too, and starts it.
#[derive(Debug, Clone, Args)]
pub struct DuplicatesArgs {
    /// Messages, each with a key of its own.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub keys: u32,

    /// How often each key is sent at the same moment.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=32))]
    pub parallel: u16,

    /// Seconds after which the log forgets an id. Shorter than 120, only keys are used that are always looked up.
    #[arg(long, value_name = "N", default_value_t = WINDOW_SECS, value_parser = clap::value_parser!(u64).range(1..=WINDOW_SECS))]
    pub window_secs: u64,

    /// Which key goes through which instance when; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Break a rule of the log below both instances, to see that it is noticed.
    #[arg(long, value_name = "NAME", value_enum)]
    pub sabotage: Option<Sabotage>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct DuplicatesReport {
    pub seed: u64,
    pub tally: Tally,
    /// Keys that were answered for certain.
    pub keys: u64,
    /// Messages in the log, and in the read model's history: as many as keys.
    pub in_log: u64,
    pub in_history: u64,
    /// Repeats behind the window that were answered as repeats.
    pub replayed: u64,
}

pub(super) async fn run(args: &DuplicatesArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let report = duplicates(args, &signals.token()).await?;
    let DuplicatesReport { seed, tally, keys, in_log, in_history, replayed } = report;
    println!("duplicates {tally}");
    println!(
        "{keys} keys: {in_log} messages in the log, {in_history} in history, {replayed} repeated behind the window"
    );
    tally.remarks().for_each(|remark| eprintln!("  {remark}"));
    match tally.violations {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {seed}"),
    }
}

/// Plays on servers of its own; stops early when asked to, and then judges what was done.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a violation in the report.
pub async fn duplicates(args: &DuplicatesArgs, stop: &CancellationToken) -> Result<DuplicatesReport> {
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let system = System::start(Duration::from_secs(args.window_secs), args.sabotage).await?;
    let report = play(&system, args, seed, stop).await;
    let stopped = system.stop().await;
    let report = report?;
    stopped?;
    Ok(report)
}

/// A message that was asked for, and what the answers said.
struct Key {
    key: String,
    text: String,
    messages: BTreeSet<String>,
}

async fn play(system: &System, args: &DuplicatesArgs, seed: u64, stop: &CancellationToken) -> Result<DuplicatesReport> {
    let mut draw = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    let conflicts_before = system.pair.conflicts.so_far();
    let keys = many_times(system, args, &mut draw, &mut tally, stop).await?;
    wait_out(Duration::from_secs(args.window_secs) + WINDOW_MARGIN, stop).await;
    let replayed = if stop.is_cancelled() { 0 } else { once_more(system, &keys, &mut draw, &mut tally).await? };
    let in_log = in_the_log(system, &keys, &mut tally).await?;
    let in_history = in_history(system, &keys, &mut tally).await?;
    tally.rounds = keys.len() as u64;
    tally.conflicts = system.pair.conflicts.so_far() - conflicts_before;
    Ok(DuplicatesReport { seed, tally, keys: keys.len() as u64, in_log, in_history, replayed })
}

/// Each key many times at once, some keys beside each other; when half of them are done the log dies and comes back.
async fn many_times(
    system: &System,
    args: &DuplicatesArgs,
    draw: &mut StdRng,
    tally: &mut Tally,
    stop: &CancellationToken,
) -> Result<Vec<Key>> {
    let all = args.keys as usize;
    let progress = Progress::of("keys", u64::from(args.keys), 0);
    let mut keys = Vec::with_capacity(all);
    let mut death = Some(all / 2);
    while keys.len() < all && !stop.is_cancelled() {
        let wave = keys.len()..all.min(keys.len() + KEYS_AT_ONCE);
        let now_dies = death.take_if(|at| wave.contains(at)).is_some();
        let mut wave: Vec<Key> = wave.map(|n| key(n, args, draw)).collect();
        let (sent, died) = tokio::join!(until_certain(system, &mut wave, args, draw, tally), async {
            if now_dies { system.log_dies_and_returns().await } else { Ok(()) }
        });
        sent?;
        died?;
        for key in &wave {
            let messages = &key.messages;
            tally.holds(messages.len() == 1, || format!("one key, and {} messages: {messages:?}", messages.len()));
        }
        keys.append(&mut wave);
        progress.at(keys.len() as u64);
    }
    Ok(keys)
}

fn key(n: usize, args: &DuplicatesArgs, draw: &mut StdRng) -> Key {
    let looked_up = args.window_secs < WINDOW_SECS || n.is_multiple_of(2);
    let key = if looked_up { format!("chaos-{:032x}", draw.random::<u128>()) } else { Uuid::now_v7().to_string() };
    Key { key, text: format!("message {n}"), messages: BTreeSet::new() }
}

async fn until_certain(
    system: &System,
    wave: &mut [Key],
    args: &DuplicatesArgs,
    draw: &mut StdRng,
    tally: &mut Tally,
) -> Result<()> {
    let deadline = Instant::now() + CERTAIN_WITHIN;
    while wave.iter().any(|key| key.messages.is_empty()) {
        if Instant::now() > deadline {
            bail!("no certain answer within {CERTAIN_WITHIN:?}");
        }
        let open = || wave.iter().enumerate().filter(|(_, key)| key.messages.is_empty());
        let repeats = usize::from(args.parallel);
        let owners: Vec<usize> = open().flat_map(|(n, _)| std::iter::repeat_n(n, repeats)).collect();
        let clients: Vec<Deeds> =
            open().flat_map(|(_, key)| (0..repeats).map(|n| vec![(Side::of(n), post(system, key))])).collect();
        let answers = storm(&system.pair, clients, draw).await;
        for (n, answer) in owners.into_iter().zip(answers.into_iter().flatten()) {
            tally.answered(&answer);
            match answer {
                Outcome::Applied(answer) => drop(wave[n].messages.insert(message(&answer.value()))),
                // "The same command is being carried out" is the one right refusal.
                Outcome::Refused(refusal) if refusal.code == "idempotency-in-flight" => {}
                Outcome::Refused(refusal) => tally.violated(format!("a repeat was refused: {refusal}")),
                Outcome::Unknown { .. } => {}
            }
        }
    }
    Ok(())
}

fn post(system: &System, key: &Key) -> Ask {
    system.author.posts(system.room, &key.text).header("idempotency-key", &key.key)
}

fn message(body: &serde_json::Value) -> String {
    body["message"]["id"].as_str().unwrap_or_default().to_owned()
}

async fn wait_out(window: Duration, stop: &CancellationToken) {
    let progress = Progress::of("log forgets", window.as_secs(), 0);
    for second in 0..window.as_secs() {
        progress.at(second);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Once each, through either instance, when the log does not know the ids any more.
async fn once_more(system: &System, keys: &[Key], draw: &mut StdRng, tally: &mut Tally) -> Result<u64> {
    let mut replayed = 0;
    for wave in keys.chunks(KEYS_AT_ONCE) {
        let clients = wave.iter().map(|key| vec![(Side::of(draw.random_range(0..2)), post(system, key))]).collect();
        let answers = storm(&system.pair, clients, draw).await;
        for (key, answer) in wave.iter().zip(answers.into_iter().flatten()) {
            tally.answered(&answer);
            // The log and the read model are there: an answer that leaves it open is none.
            let is_the_same = match answer {
                Outcome::Applied(answer) => {
                    let is_repeat = answer.header("idempotency-replayed") == Some("true");
                    is_repeat && key.messages.contains(&message(&answer.value()))
                }
                Outcome::Refused(_) | Outcome::Unknown { .. } => false,
            };
            tally.holds(is_the_same, || format!("{:?} was not known again behind the window", key.text));
            replayed += u64::from(is_the_same);
        }
    }
    Ok(replayed)
}

async fn in_the_log(system: &System, keys: &[Key], tally: &mut Tally) -> Result<u64> {
    let mut said: HashMap<String, Vec<String>> = HashMap::new();
    reader::read(&system.pair.log, StreamName::Chat, 0, |entry| {
        if entry.kind == "message.posted" {
            said.entry(entry.text("text").to_owned()).or_default().push(entry.id.clone());
        }
    })
    .await?;
    for key in keys {
        let found = said.get(&key.text).map_or(&[][..], Vec::as_slice);
        let once = matches!(found, [id] if key.messages.contains(id));
        tally.holds(once, || {
            format!("{:?} is in the log as {found:?}, and was answered as {:?}", key.text, key.messages)
        });
    }
    Ok(said.values().map(|ids| ids.len() as u64).sum())
}

async fn in_history(system: &System, keys: &[Key], tally: &mut Tally) -> Result<u64> {
    let shown = history::all(system).await?;
    let expected: BTreeSet<&String> = keys.iter().flat_map(|key| &key.messages).collect();
    let different = expected != shown.iter().collect();
    tally.holds(!different && shown.len() == keys.len(), || {
        format!("history shows {} messages for {} keys", shown.len(), keys.len())
    });
    Ok(shown.len() as u64)
}
