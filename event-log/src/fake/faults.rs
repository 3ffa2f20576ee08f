//! What goes wrong with which call? Drawn by a seed: the same calls meet the same faults.

use events::Subject;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// What was told to be unknown is stored after at most this many further appends to its stream.
const LATE_BY_APPENDS_MAX: u32 = 3;
/// A stream that freezes does not answer at most this many calls.
const FROZEN_CALLS_MAX: u32 = 3;
/// A power cut loses at most this many records.
const LOST_RECORDS_MAX: u64 = 8;
/// An answer that is late lets others go first at most this often.
const TURNS_MAX: u32 = 4;

/// How often each fault happens: as the chance of one call, from 0 to 1. Those of appends add up to 1 at most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    pub seed: u64,
    /// An append is told that its condition did not hold, though it does. Nothing is stored.
    pub conflicts: f64,
    /// An append is told that another one on its condition's subject is in flight, until its writer gives up.
    pub in_flight_refusals: f64,
    /// Too much waits.
    pub overloads: f64,
    /// Stored, and the answer is lost: the writer sends it again and learns that it is stored already.
    pub lost_acks_stored: f64,
    /// Not stored, and that answer is lost: the writer sends it again, and that one is stored.
    pub lost_acks_not_stored: f64,
    /// Stored, and nobody can tell until the writer's deadline.
    pub unknown_stored: f64,
    /// Never stored, and nobody can tell.
    pub unknown_not_stored: f64,
    /// Nobody can tell, and it is stored after its author has been told so, if its condition holds even then.
    pub unknown_stored_late: f64,
    /// The stream freezes for some calls: this append is unknown and may be stored late, others are not stored, and
    /// nothing is read.
    pub freezes: f64,
    /// Stored and acknowledged, and then lost with others by a power cut.
    pub tail_losses: f64,
    /// A read gives no answer.
    pub failed_reads: f64,
    /// A read that may be of any replica's is of one that lacks the newest messages.
    pub stale_reads: f64,
    /// An answer comes only after others had their turn.
    pub late_answers: f64,
}

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Judged,
    Conflict,
    InFlight,
    Overloaded,
    LostAckStored,
    UnknownStored,
    UnknownNotStored,
    UnknownLate { after: u32 },
    Freeze { calls: u32, after: u32 },
    TailLoss { records: u64 },
}

/// What becomes of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadFate {
    Answered,
    Stale,
    Failed,
}

/// Draws what comes. Each kind of call has dice of its own: what tasks in the background ask in between, as often as
/// their timers let them, changes nothing for the others.
pub(super) struct Dice {
    faults: Faults,
    of_kinds: BTreeMap<&'static str, StdRng>,
}

impl Dice {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults, of_kinds: BTreeMap::new() }
    }

    fn of(&mut self, kind: &'static str) -> &mut StdRng {
        let seed = self.faults.seed;
        self.of_kinds.entry(kind).or_insert_with(|| {
            let mut hash = DefaultHasher::new();
            (seed, kind).hash(&mut hash);
            StdRng::seed_from_u64(hash.finish())
        })
    }

    /// For an append whose first event is of this type.
    pub(super) fn append(&mut self, event_type: &'static str) -> Fate {
        let faults = self.faults;
        let dice = self.of(event_type);
        let drawn: f64 = dice.random();
        // Drawn in any case: whatever happens, the next call meets the same.
        let after = dice.random_range(0..=LATE_BY_APPENDS_MAX);
        let calls = dice.random_range(1..=FROZEN_CALLS_MAX);
        let records = dice.random_range(1..=LOST_RECORDS_MAX);
        let chances = [
            (faults.conflicts, Fate::Conflict),
            (faults.in_flight_refusals, Fate::InFlight),
            (faults.overloads, Fate::Overloaded),
            (faults.lost_acks_stored, Fate::LostAckStored),
            (faults.lost_acks_not_stored, Fate::Judged),
            (faults.unknown_stored, Fate::UnknownStored),
            (faults.unknown_not_stored, Fate::UnknownNotStored),
            (faults.unknown_stored_late, Fate::UnknownLate { after }),
            (faults.freezes, Fate::Freeze { calls, after }),
            (faults.tail_losses, Fate::TailLoss { records }),
        ];
        let mut up_to = 0.0;
        let met = chances.into_iter().find(|(chance, _)| {
            up_to += chance;
            drawn < up_to
        });
        met.map_or(Fate::Judged, |(_, fate)| fate)
    }

    pub(super) fn read(&mut self, kind: &'static str) -> ReadFate {
        let Faults { failed_reads, stale_reads, .. } = self.faults;
        let drawn: f64 = self.of(kind).random();
        if drawn < failed_reads {
            ReadFate::Failed
        } else if drawn < failed_reads + stale_reads {
            ReadFate::Stale
        } else {
            ReadFate::Answered
        }
    }

    /// How often others go first before an answer comes.
    pub(super) fn turns(&mut self, kind: &'static str) -> u32 {
        let late_answers = self.faults.late_answers;
        let dice = self.of(kind);
        let (drawn, turns): (f64, u32) = (dice.random(), dice.random_range(1..=TURNS_MAX));
        if drawn < late_answers { turns } else { 0 }
    }
}

/// The kind of call that a read of this subject's tip is.
pub(super) fn kind_of_read(subject: &Subject) -> &'static str {
    match subject {
        Subject::Epoch(_) => "read epoch",
        Subject::Relay => "read relay",
        Subject::Drop => "read drop",
        Subject::Phone(_) => "read phone",
        Subject::Account(_) => "read account",
        Subject::Credential(_) => "read credential",
        Subject::Session(_) => "read session",
        Subject::User(_) => "read user",
        Subject::Lounge(_) => "read lounge",
        Subject::Room(_) => "read room",
        Subject::Member(..) => "read member",
        Subject::RoomMessages(_) => "read messages",
        Subject::RoomReports(_) => "read reports",
        Subject::Presence(_) => "read presence",
        Subject::Marker(..) => "read marker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Fate> {
        let mut dice = Dice::new(Faults { seed, conflicts: 0.3, unknown_stored_late: 0.3, ..Faults::default() });
        let draw = |dice: &mut Dice| {
            // What others ask in between changes nothing.
            dice.read("read relay");
            dice.append("message.posted")
        };
        (0..50).map(|_| draw(&mut dice)).collect()
    }

    // Red with one row of dice for all kinds of calls.
    #[test]
    fn the_same_seed_gives_the_same_faults_whatever_others_ask() {
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
        let mut dice = Dice::new(Faults { seed: 7, conflicts: 0.3, unknown_stored_late: 0.3, ..Faults::default() });
        assert_eq!(fates(7), (0..50).map(|_| dice.append("message.posted")).collect::<Vec<_>>());
    }

    #[test]
    fn a_chance_of_one_is_certain_and_of_none_never_met() {
        let mut none = Dice::new(Faults { seed: 1, ..Faults::default() });
        let mut certain = Dice::new(Faults { seed: 1, conflicts: 1.0, stale_reads: 1.0, ..Faults::default() });
        for _ in 0..100 {
            assert_eq!((none.append("x"), none.read("y"), none.turns("z")), (Fate::Judged, ReadFate::Answered, 0));
            assert_eq!((certain.append("x"), certain.read("y")), (Fate::Conflict, ReadFate::Stale));
        }
    }
}
