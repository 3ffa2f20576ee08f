//! How fast do events come? As they happened, so many times faster, or as they can be read.

use events::Time;
use std::{str::FromStr, time::Duration};
use tokio::time::{Instant, sleep_until};

/// So many times as fast as it happened; none: as fast as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace(Option<f64>);

impl FromStr for Pace {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self(None));
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse::<f64>().ok());
        let times = times.filter(|times| times.is_finite() && *times > 0.0);
        times.map(|times| Self(Some(times))).ok_or_else(|| format!("{text:?} is no pace: 1x, 10x or max"))
    }
}

/// When the next one is due.
pub(super) struct Clock {
    pace: Pace,
    /// When the first one came, and when it had happened.
    began: Option<(Instant, Time)>,
}

impl Clock {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, began: None }
    }

    /// Whether somebody may see each event come.
    pub(super) fn is_slow(&self) -> bool {
        self.pace.0.is_some()
    }

    /// Waits until it is time for what happened then.
    pub(super) async fn wait(&mut self, happened: Option<Time>) {
        let (Pace(Some(times)), Some(happened)) = (self.pace, happened) else { return };
        let (began, first) = *self.began.get_or_insert_with(|| (Instant::now(), happened));
        sleep_until(began + due_after(first, happened, times)).await;
    }
}

/// What happened before the first one, by another machine's clock, is due at once.
fn due_after(first: Time, happened: Time, times: f64) -> Duration {
    (happened - first).to_std().unwrap_or(Duration::ZERO).div_f64(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_pace_is_a_factor_or_none() {
        assert_eq!("max".parse(), Ok(Pace(None)));
        assert_eq!("10x".parse(), Ok(Pace(Some(10.0))));
        for wrong in ["", "x", "10", "0x", "-1x", "infx", "NaNx"] {
            assert!(wrong.parse::<Pace>().is_err(), "{wrong}");
        }
    }

    // Red without `div_f64`.
    #[test]
    fn ten_times_as_fast_takes_a_tenth() {
        let after = |seconds| due_after(Time::UNIX_EPOCH, Time::UNIX_EPOCH + TimeDelta::seconds(seconds), 10.0);
        assert_eq!(after(100), Duration::from_secs(10));
        assert_eq!(after(-5), Duration::ZERO);
    }
}
