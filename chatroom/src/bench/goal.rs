//! What was measured of one goal: both sides of each repetition, their ratio, and whether it is good enough.

use serde_json::{Value, json};
use std::fmt;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// A goal: `ours ÷ reference`, and what it must and should be.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    pub(super) name: &'static str,
    /// Both sides in words.
    pub(super) what: &'static str,
    pub(super) unit: &'static str,
    pub(super) better: Better,
    pub(super) must: f64,
    pub(super) aim: f64,
    /// Ours and the reference, of each repetition.
    pub(super) runs: Vec<[f64; 2]>,
    /// Share of the time, in percent, that something waited for a core just before the measurement began.
    pub(super) pressure: f64,
    /// A latency on a machine that was busy already says nothing, and is left out.
    pub(super) is_skipped: bool,
    /// Acknowledged and not there.
    pub(super) lost: u64,
}

impl Goal {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Nothing is lost, and the *must* is met where it was measured.
    pub(super) fn holds(&self) -> bool {
        self.lost == 0 && (self.is_skipped || self.reaches(self.must))
    }

    /// One object, as `-o json` prints it.
    pub(super) fn json(&self) -> Value {
        json!({
            "goal": self.name,
            "ratio": (!self.is_skipped).then(|| self.ratio()),
            "must": self.must,
            "aim": self.aim,
            "ours": median(self.runs.iter().map(|run| run[0])),
            "reference": median(self.runs.iter().map(|run| run[1])),
            "unit": self.unit,
            "runs": self.runs,
            "pressure": self.pressure,
            "lost": self.lost,
        })
    }

    /// The median of the repetitions' ratios: one that something else disturbed does not move it.
    fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    fn ratios(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().map(|[ours, reference]| ours / reference)
    }

    fn reaches(&self, bound: f64) -> bool {
        match self.better {
            Better::More => self.ratio() >= bound,
            Better::Less => self.ratio() <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, what, unit, runs, pressure, lost, .. } = self;
        let side = |index: usize| median(runs.iter().map(|run| run[index]));
        let sign = match self.better {
            Better::More => "≥",
            Better::Less => "≤",
        };
        let verdict = |bound: f64| if self.reaches(bound) { "yes" } else { "no" };
        let least = self.ratios().fold(f64::INFINITY, f64::min);
        let most = self.ratios().fold(0.0, f64::max);
        writeln!(f, "{name:4} {what}")?;
        writeln!(f, "     ours {:.0} {unit}, reference {:.0} {unit}, {} repetitions", side(0), side(1), runs.len())?;
        if self.is_skipped {
            writeln!(f, "     skipped: the machine was busy ({pressure:.0} % pressure), and this is a latency")?;
        } else {
            writeln!(
                f,
                "     ratio {:.3} ({least:.3}–{most:.3})   must {sign} {}: {}   aim {sign} {}: {}",
                self.ratio(),
                self.must,
                verdict(self.must),
                self.aim,
                verdict(self.aim),
            )?;
        }
        write!(f, "     pressure before {pressure:.0} %, lost {lost}")
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (len, middle) if len % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(better: Better, runs: Vec<[f64; 2]>) -> Goal {
        let (name, what, unit) = ("P0", "a ÷ b", "µs");
        Goal { name, what, unit, better, must: 2.0, aim: 1.0, runs, pressure: 0.0, is_skipped: false, lost: 0 }
    }

    #[test]
    fn a_goal_holds_on_the_right_side_of_its_bound() {
        let runs = vec![[3.0, 1.0], [1.5, 1.0], [1.8, 1.0]];
        assert!(goal(Better::Less, runs.clone()).holds());
        assert!(!goal(Better::More, runs).holds());
    }

    #[test]
    fn what_is_skipped_misses_nothing_and_what_is_lost_misses_all() {
        let bad = goal(Better::Less, vec![[9.0, 1.0]]);
        assert!(!bad.holds());
        assert!(Goal { is_skipped: true, ..bad.clone() }.holds());
        assert!(!Goal { lost: 1, ..goal(Better::Less, vec![[1.0, 1.0]]) }.holds());
        assert_eq!(Goal { is_skipped: true, ..bad }.json()["ratio"], Value::Null);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median(std::iter::empty()), 0.0);
    }
}
