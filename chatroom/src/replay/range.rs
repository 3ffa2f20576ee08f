//! From where to where? Sequences, positions or times, resolved to the sequences that the cut is made at.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use event_log::{Content, JetStream, Slice, Start};
use events::{Epoch, Position, StreamName, Time};
use futures::StreamExt;
use std::str::FromStr;

use super::selection;

#[derive(Debug, Clone, Args)]
pub(super) struct RangeArgs {
    /// The first event: a sequence of CHAT, or a position as the API gives it.
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["since", "other"])]
    from: Option<Place>,

    /// Events that were stored at this time (RFC 3339) or later, by the server's clock.
    #[arg(long, value_name = "TIME", conflicts_with = "other")]
    since: Option<Time>,

    /// The last event. Without an end: the log's, as it is when this begins.
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["until", "other", "follow"])]
    to: Option<Place>,

    /// Events that were stored before this time.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["other", "follow"])]
    until: Option<Time>,
}

/// A place in the log, by its number or as clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Sequence(u64),
    Position(Position),
}

impl FromStr for Place {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let sequence = text.parse().ok().map(Self::Sequence);
        let position = || text.parse().ok().map(Self::Position);
        sequence.or_else(position).ok_or_else(|| format!("{text:?} is neither a sequence nor a position"))
    }
}

impl Place {
    fn seq(self, epoch: Epoch) -> Result<u64> {
        match self {
            Self::Sequence(seq) => Ok(seq),
            Self::Position(position) if position.epoch == epoch => Ok(position.seq),
            Self::Position(_) => bail!("the position is of another epoch: the log was restored since"),
        }
    }
}

impl RangeArgs {
    /// First and last sequence. The last is not behind the log's end as it is now; with nothing in between, it is before the
    /// first.
    pub(super) async fn resolve(&self, log: &JetStream, epoch: Epoch) -> Result<(u64, u64)> {
        let end = selection::end(log).await?;
        let from = match (self.from, self.since) {
            (Some(place), _) => place.seq(epoch)?.max(1),
            (None, Some(since)) => first_since(log, since, end).await?,
            (None, None) => 1,
        };
        let to = match (self.to, self.until) {
            (Some(place), _) => place.seq(epoch)?,
            (None, Some(until)) => first_since(log, until, end).await? - 1,
            (None, None) => end,
        };
        ensure!(to <= end, "the log ends at {end}, before {to}");
        Ok((from, to))
    }
}

/// The first that was stored then or later; one behind the end when there is none.
async fn first_since(log: &JetStream, time: Time, end: u64) -> Result<u64> {
    // Filtered by all subjects: of a whole slice each record up to its end would have to come, and here none may.
    let filters = vec![StreamName::Chat.subjects()];
    let slice = Slice { start: Start::Time(time), last: Some(end), filters, content: Content::Headers };
    match log.slice(StreamName::Chat, slice).next().await {
        None => Ok(end + 1),
        Some(first) => Ok(first.context("finding the first event since then")?.seq),
    }
}
