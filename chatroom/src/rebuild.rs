//! How does an operator get a read model made anew? Beside the live one, compared with it, and put in its place.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use event_log::JetStream;
use events::{Position, Time};
use platform::config::{NatsArgs, PostgresArgs};
use projector::rebuild::{Comparison, PARTS_MAX, Phase, Swapped, Until, Workshop};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

use crate::{audit::ModelsReport, progress::Progress};

/// Where the next read model is made.
const NEXT: &str = "rm_next";
/// How often the rows of the tables are counted for who watches.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Makes the read models anew from the log, while the old ones are read, and changes places. Run as operator.
///
/// Interrupted, it goes on where it was. Exits 1, and changes nothing, when the new one is not the same as the live one
/// and nobody said that it may differ; 69 when the log holds an event that cannot be applied, and was not dropped
/// (`chatroom parked list`).
#[derive(Debug, Clone, Args)]
pub struct RebuildArgs {
    /// Make and compare it, and do not put it in place.
    #[arg(long)]
    verify_only: bool,

    /// Put the newest older read model that is kept in place again.
    #[arg(long, conflicts_with_all = ["verify_only", "as_of", "live", "accept_diff"])]
    rollback: bool,

    /// How long the older one is kept and followed: 24h, 90m, 30s.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    keep: Duration,

    /// These tables may differ from the live ones: after a change of what is folded into them.
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    accept_diff: Vec<String>,

    /// The read model as it was: before this time (RFC 3339), or up to this position or sequence of CHAT.
    #[arg(long, value_name = "TIME|POSITION", requires = "into", conflicts_with = "verify_only")]
    as_of: Option<String>,

    /// The schema in which the past is made.
    #[arg(long, value_name = "SCHEMA", requires = "as_of")]
    into: Option<String>,

    /// Drop what `--as-of` has made in this schema.
    #[arg(long, value_name = "SCHEMA", conflicts_with_all = ["as_of", "rollback", "live"])]
    discard: Option<String>,

    /// Make the tables of the streams that forget anew, in place: accounts, sessions, presence, read markers.
    #[arg(long, conflicts_with_all = ["verify_only", "as_of"])]
    live: bool,

    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
}

/// Does what was asked.
///
/// # Errors
/// A log or database that fails; an event that cannot be applied; a read model that is not the same.
pub async fn run(args: &RebuildArgs) -> Result<()> {
    let log = Arc::new(JetStream::new(crate::migrate::connect(&args.nats).await?));
    let workshop = Workshop::new(log, &args.postgres.url()?)?;
    if args.rollback {
        println!("{}", told(&workshop.roll_back(args.keep).await?, args.keep));
        return Ok(());
    }
    if args.live {
        workshop.refill().await?;
        println!("the tables of the streams that forget are made anew");
        return Ok(());
    }
    if let Some(schema) = &args.discard {
        workshop.discard(schema).await?;
        println!("{schema} is gone");
        return Ok(());
    }
    match args.as_of.as_deref().zip(args.into.as_deref()) {
        Some((as_of, schema)) => past(&workshop, schema, until(as_of)?).await,
        None => present(&workshop, args).await,
    }
}

async fn past(workshop: &Workshop, schema: &str, until: Until) -> Result<()> {
    let shown = watching(workshop);
    let built = workshop.build(schema, until, parts()).await?;
    drop(shown);
    println!("{schema} is the read model as of {} events; `chatroom rebuild --discard {schema}` drops it", built.seq);
    Ok(())
}

async fn present(workshop: &Workshop, args: &RebuildArgs) -> Result<()> {
    let shown = watching(workshop);
    let built = workshop.build(NEXT, Until::End, parts()).await?;
    let mut follower = workshop.follow(&built)?;
    let compared = workshop.compare(&built, &mut follower).await?;
    drop(shown);
    match &compared {
        Some(compared) => print!("{}", ModelsReport::from(compared)),
        None => println!("the live read model is of an epoch before a restore: there is nothing to compare with"),
    }
    if args.verify_only {
        drop(follower);
        workshop.discard(NEXT).await?;
        let equal = compared.is_some_and(|compared| compared.differences.is_empty());
        ensure!(equal, "the read model that was made is not the live one");
        return Ok(());
    }
    if let Some(compared) = &compared {
        may_differ(compared, &args.accept_diff)?;
    }
    println!("{}", told(&workshop.swap(built, follower, args.keep).await?, args.keep));
    Ok(())
}

/// That only tables differ of which it was said.
fn may_differ(compared: &Comparison, accepted: &[String]) -> Result<()> {
    let differing = compared.differences.iter().map(|difference| &difference.table);
    let unsaid: Vec<_> = differing.filter(|table| !accepted.contains(table)).map(String::as_str).collect();
    if unsaid.is_empty() {
        return Ok(());
    }
    let why = match compared.same_code {
        true => "the same code made both, so one of them is wrong",
        false => "other code made the live one",
    };
    let tables = unsaid.join(",");
    bail!("{tables} differ: {why}. Nothing has changed places; --accept-diff {tables} lets the new ones be read")
}

fn told(swapped: &Swapped, keep: Duration) -> String {
    let Swapped { from: (old, kept), to, seq } = swapped;
    let keep = humantime(keep);
    format!(
        "readers see generation {to}, at {seq}; generation {old} is kept as {kept} and followed for {keep}: \
         `chatroom rebuild --rollback` takes it back"
    )
}

/// A part a core.
pub(crate) fn parts() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(PARTS_MAX)
}

/// Shows how far a workshop is, until it is dropped.
pub(crate) fn watching(workshop: &Workshop) -> Watching {
    let mut told = workshop.progress();
    let counting = workshop.counting();
    Watching(tokio::spawn(async move {
        let mut shown: Option<(Phase, Progress)> = None;
        let mut count = tokio::time::interval(COUNT_EVERY);
        loop {
            tokio::select! {
                changed = told.changed() => if changed.is_err() { return },
                _ = count.tick() => {
                    if let (Some((Phase::Fill, progress)), Ok(rows)) = (&shown, counting.rows().await) {
                        progress.note(&in_words(&rows));
                    }
                }
            }
            let now = *told.borrow_and_update();
            if now.all == 0 {
                continue;
            }
            if shown.as_ref().is_none_or(|(phase, _)| *phase != now.phase) {
                // The bar of the phase before goes first.
                drop(shown.take());
                shown = Some((now.phase, Progress::of(name(now.phase), now.all, now.done)));
            }
            if let Some((_, progress)) = &shown {
                progress.at(now.done);
            }
        }
    }))
}

/// Ends with its owner.
pub(crate) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Fill => "events",
        Phase::Index => "indexes",
        Phase::Compare => "compared",
    }
}

fn in_words(rows: &[(String, u64)]) -> String {
    rows.iter().filter(|(_, rows)| *rows > 0).fold(String::new(), |mut words, (table, rows)| {
        let separator = if words.is_empty() { "" } else { ", " };
        let _ = write!(words, "{separator}{table} {rows}");
        words
    })
}

fn until(text: &str) -> Result<Until> {
    if let Ok(seq) = text.parse() {
        return Ok(Until::Sequence(seq));
    }
    if let Ok(position) = text.parse::<Position>() {
        return Ok(Until::Sequence(position.seq));
    }
    let time = chrono::DateTime::parse_from_rfc3339(text)
        .context("neither a time in RFC 3339, nor a position, nor a sequence")?;
    Ok(Until::Time(Time::from(time)))
}

/// `24h`, `90m`, `30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: 24h, 90m or 30s");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(u64::from(number) * unit))
}

fn humantime(keep: Duration) -> String {
    match keep.as_secs() {
        hours if hours % 3_600 == 0 => format!("{}h", hours / 3_600),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Epoch;

    #[test]
    fn a_past_is_named_by_sequence_position_or_time() {
        assert_eq!(until("800").expect("a sequence"), Until::Sequence(800));
        let position = Position { epoch: Epoch(7), seq: 9 };
        assert_eq!(until(&position.to_string()).expect("a position"), Until::Sequence(9));
        assert!(matches!(until("2026-11-24T15:00:00Z").expect("a time"), Until::Time(_)));
        assert!(until("yesterday").is_err());
    }

    #[test]
    fn how_long_one_is_kept_survives_its_words() {
        for text in ["24h", "90m", "30s", "0h"] {
            assert_eq!(humantime(duration(text).expect("a time")), text);
        }
        for wrong in ["", "h", "24", "-1h", "1d", "1é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
