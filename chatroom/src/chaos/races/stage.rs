//! Where a race is played: both instances, the rounds that are left, the draws of the seed, and the tally.

use anyhow::Result;
use event_log::EventLog;
use events::StreamName;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::RacesArgs;
use crate::{
    chaos::{
        pair::{Pair, Side},
        reader::{self, Entry},
        storm::{Deeds, storm},
        tally::Tally,
    },
    client::{Answer, Ask, Outcome},
    progress::Progress,
};

/// After so many rounds people and rooms are new: no token grows old, no room large.
const ROUNDS_A_SCENE: u64 = 50;

pub(super) struct Stage<'a> {
    pub(super) pair: &'a Pair,
    pub(super) parallel: usize,
    pub(super) draw: StdRng,
    pub(super) tally: Tally,
    rounds: u64,
    stop: &'a CancellationToken,
    progress: Progress,
    conflicts_before: u64,
}

/// A round that is to be played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    /// 0, 1, 2 …
    pub(super) number: u64,
    /// Whether it begins with new people in new rooms.
    pub(super) opens_scene: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn set(
        pair: &'a Pair,
        name: &'static str,
        args: &RacesArgs,
        seed: u64,
        stop: &'a CancellationToken,
    ) -> Self {
        Self {
            pair,
            parallel: usize::from(args.parallel),
            draw: StdRng::seed_from_u64(seed),
            tally: Tally::default(),
            rounds: u64::from(args.rounds),
            stop,
            progress: Progress::of(name, u64::from(args.rounds), 0),
            conflicts_before: pair.conflicts.so_far(),
        }
    }

    /// The next round, until all were played or somebody wants to stop.
    pub(super) fn next_round(&mut self) -> Option<Round> {
        self.progress.at(self.tally.rounds);
        if self.tally.rounds == self.rounds || self.stop.is_cancelled() {
            return None;
        }
        let number = self.tally.rounds;
        self.tally.rounds += 1;
        Some(Round { number, opens_scene: number.is_multiple_of(ROUNDS_A_SCENE) })
    }

    /// Either of the two.
    pub(super) fn side(&mut self) -> Side {
        Side::of(self.draw.random_range(0..2))
    }

    /// All at once; counted.
    pub(super) async fn storm(&mut self, clients: Vec<Deeds>) -> Vec<Vec<Outcome<Answer>>> {
        let answers = storm(self.pair, clients, &mut self.draw).await;
        answers.iter().flatten().for_each(|answer| self.tally.answered(answer));
        answers
    }

    /// One command each, all at once; counted.
    pub(super) async fn burst(&mut self, asks: impl Iterator<Item = (Side, Ask)>) -> Vec<Outcome<Answer>> {
        let answers = self.storm(asks.map(|ask| vec![ask]).collect()).await;
        answers.into_iter().flatten().collect()
    }

    /// The last sequence of a stream.
    pub(super) async fn end(&self, stream: StreamName) -> Result<u64> {
        Ok(self.pair.log.extent(stream).await?.last)
    }

    /// Shows the judge every record behind `after`.
    pub(super) async fn judge(
        &mut self,
        stream: StreamName,
        after: u64,
        mut judge: impl FnMut(&Entry, &mut Tally),
    ) -> Result<()> {
        let tally = &mut self.tally;
        reader::read(&self.pair.log, stream, after, |entry| judge(entry, tally)).await
    }

    pub(super) fn clear(mut self) -> Tally {
        self.tally.conflicts = self.pair.conflicts.so_far() - self.conflicts_before;
        self.tally
    }
}
