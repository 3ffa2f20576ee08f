//! How is a rate written? `COUNT/TIME[,BURST]`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// So many in a time, with a burst that may come at once: `5/s,10`, `0.1/s,20`, `1/2s`, `5/h`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    time: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// The time after which one more is allowed.
    #[must_use]
    pub fn period(self) -> Duration {
        self.time.div_f64(self.count).max(Duration::from_nanos(1))
    }

    /// How many may come at once.
    #[must_use]
    pub fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// Seconds in which a used-up burst is whole again, at least 1.
    #[must_use]
    pub fn window_secs(self) -> u64 {
        let window = self.period() * self.burst.get();
        (window.as_secs() + u64::from(window.subsec_nanos() >= 500_000_000)).max(1)
    }
}

/// What a rate has to look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rate: expected COUNT/TIME[,BURST], as 5/s,10 or 1/2s or 5/h")]
pub struct NoRate(String);

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        read(text).ok_or_else(|| NoRate(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Rate> {
    let (rate, burst) = text.split_once(',').map_or((text, None), |(rate, burst)| (rate, Some(burst)));
    let (count, time) = rate.trim().split_once('/')?;
    let count: f64 = count.trim().parse().ok().filter(|count| (0.000_001..=1_000_000.0).contains(count))?;
    let time = time.trim();
    let (number, seconds) = match time.chars().last()? {
        's' => (time.strip_suffix('s')?, 1),
        'm' => (time.strip_suffix('m')?, 60),
        'h' => (time.strip_suffix('h')?, 3_600),
        _ => return None,
    };
    let number: u32 =
        if number.is_empty() { 1 } else { number.parse().ok().filter(|number| (1..=86_400).contains(number))? };
    let burst = match burst {
        Some(burst) => burst.trim().parse().ok().and_then(NonZeroU32::new)?,
        None => NonZeroU32::new(count as u32).unwrap_or(NonZeroU32::MIN),
    };
    Some(Rate { count, time: Duration::from_secs(seconds * u64::from(number)), burst })
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs();
        match (seconds % 3_600, seconds % 60) {
            (0, _) if seconds == 3_600 => write!(formatter, "{}/h", self.count)?,
            (_, 0) if seconds == 60 => write!(formatter, "{}/m", self.count)?,
            _ if seconds == 1 => write!(formatter, "{}/s", self.count)?,
            _ => write!(formatter, "{}/{seconds}s", self.count)?,
        }
        write!(formatter, ",{}", self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_written() {
        for (text, period_ms, burst, written) in [
            ("5/s,10", 200, 10, "5/s,10"),
            ("1/2s", 2_000, 1, "1/2s,1"),
            ("50/s", 20, 50, "50/s,50"),
            ("5/h", 720_000, 5, "5/h,5"),
            ("0.1/s,20", 10_000, 20, "0.1/s,20"),
            ("30/m", 2_000, 30, "30/m,30"),
        ] {
            let rate: Rate = text.parse().expect("a rate");
            assert_eq!((rate.period().as_millis(), rate.burst().get()), (period_ms, burst), "{text}");
            assert_eq!(rate.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "5", "5/", "/s", "0/s", "-1/s", "NaN/s", "5/s,0", "5/0s", "5/d", "5/s,x", "inf/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
