//! Until when does a ban or a mute hold? A moment that can be written in RFC 3339.

use crate::domain::Fault;
use chrono::{DateTime, Datelike};
use events::Time;

/// The last year that RFC 3339 can write.
const YEAR_MAX: i32 = 9999;

/// The end of a ban or a mute, to the millisecond as events carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until(Time);

impl Until {
    /// Reads RFC 3339 with any offset. Whether it still lies ahead, the decision says.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let time = DateTime::parse_from_rfc3339(text)
            .map_err(|_| Fault::new("invalid-time", "a time in RFC 3339, as 2030-01-01T12:00:00Z"))?;
        // By the milliseconds: they leave no leap second, which Postgres does not have.
        let utc = Time::from_timestamp_millis(time.timestamp_millis()).filter(|utc| utc.year() <= YEAR_MAX);
        utc.map(Self).ok_or_else(|| Fault::new("too-late", "at most the end of the year 9999, in UTC"))
    }

    /// Whether it lies ahead.
    pub fn after(self, now: Time) -> Result<(), Fault> {
        if self.0 > now { Ok(()) } else { Err(Fault::new("passed", "a time that lies ahead")) }
    }
}

impl From<Until> for Time {
    fn from(until: Until) -> Self {
        until.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        Until::parse(text).map(|until| Time::from(until).to_rfc3339()).map_err(|fault| fault.code)
    }

    #[test]
    fn an_end_is_a_moment_of_any_offset_to_the_millisecond() {
        assert_eq!(read("2030-01-01T12:00:00+02:00").as_deref(), Ok("2030-01-01T10:00:00+00:00"));
        assert_eq!(read("2030-01-01T12:00:00.1239Z").as_deref(), Ok("2030-01-01T12:00:00.123+00:00"));
        assert_eq!(read("2016-12-31T23:59:60Z").as_deref(), Ok("2017-01-01T00:00:00+00:00"));
        assert_eq!(read("9999-12-31T23:59:59Z").as_deref(), Ok("9999-12-31T23:59:59+00:00"));
    }

    #[test]
    fn what_is_no_moment_or_cannot_be_written_is_refused() {
        for text in ["", "tomorrow", "2030-01-01", "2030-01-01T12:00:00", "1893499200", "2030-13-01T12:00:00Z"] {
            assert_eq!(read(text), Err("invalid-time"), "{text}");
        }
        assert_eq!(read("9999-12-31T23:59:59-01:00"), Err("too-late"));
    }

    #[test]
    fn an_end_lies_ahead() {
        let until = Until(Time::UNIX_EPOCH);
        assert!(until.after(Time::UNIX_EPOCH - chrono::TimeDelta::milliseconds(1)).is_ok());
        assert_eq!(until.after(Time::UNIX_EPOCH).expect_err("it is over").code, "passed");
    }
}
