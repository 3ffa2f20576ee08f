//! Which version a server says it is, and which is the oldest that will do.

use std::fmt;

/// `major.minor.patch`; what a version lacks counts as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    /// Older ones skip conditional appends or do not know `sync_interval: always`.
    pub const OLDEST_NATS: Version = Version { major: 2, minor: 12, patch: 0 };
    pub const OLDEST_POSTGRES: Version = Version { major: 15, minor: 0, patch: 0 };

    /// The first number in a text such as `nats-server: v2.15.1` or `postgres (PostgreSQL) 15.18 (Debian)`.
    pub fn find(text: &str) -> Option<Version> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let number = text[start..].split(|c: char| !(c.is_ascii_digit() || c == '.')).next()?;
        let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
        Some(Version { major: parts.next()?, minor: parts.next().unwrap_or(0), patch: parts.next().unwrap_or(0) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_is_found_in_what_servers_print() {
        let found = |text| Version::find(text).expect("there is one").to_string();
        assert_eq!(found("nats-server: v2.15.1\n"), "2.15.1");
        assert_eq!(found("2.12.0-RC.3"), "2.12.0");
        assert_eq!(found("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), "15.18.0");
        assert_eq!(found("postgres (PostgreSQL) 19beta1"), "19.0.0");
        assert_eq!(Version::find("none"), None);
    }

    #[test]
    fn debians_server_is_too_old() {
        assert!(Version::find("2.9.10") < Some(Version::OLDEST_NATS));
    }
}
