//! How often is a request repeated? Until its outcome is certain, or a deadline has passed without one.

use std::{fmt, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::client::{Outcome, Refusal, Wait};

/// The first wait after an unknown outcome; it doubles up to the longest. Full jitter.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_LONGEST: Duration = Duration::from_secs(5);

/// Why there is no result.
#[derive(Debug)]
pub(super) enum GaveUp {
    /// A definite no.
    Refused(Refusal),
    /// Unknown at the deadline.
    Unanswered(String),
    /// The run is being stopped.
    Stopped,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused with {refusal}"),
            Self::Unanswered(why) => write!(f, "given up: {why}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for GaveUp {}

/// Repeats what is unknown.
#[derive(Debug, Clone)]
pub(super) struct Insist {
    /// How long one request may stay without a certain answer. Waits that the server asks for with 429
    /// do not count.
    pub(super) within: Duration,
    pub(super) stop: CancellationToken,
}

impl Insist {
    /// Asks until it is certain. The request must be one that may be repeated: with the same key, or
    /// one that sets a state.
    pub(super) async fn on<T, F>(&self, ask: impl Fn() -> F) -> Result<T, GaveUp>
    where
        F: Future<Output = Outcome<T>>,
    {
        let mut deadline = Instant::now() + self.within;
        let mut longest = WAIT_FIRST;
        loop {
            let (wait, why) = match ask().await {
                Outcome::Applied(result) => return Ok(result),
                Outcome::Refused(refusal) => match refusal.wait() {
                    Wait::Never => return Err(GaveUp::Refused(refusal)),
                    Wait::AsTold(wait) => {
                        deadline += wait;
                        (wait, refusal.to_string())
                    }
                    Wait::Shortly => (refusal.after.unwrap_or(longest), refusal.to_string()),
                },
                Outcome::Unknown { why, after } => {
                    let jitter = rand::random_range(Duration::ZERO..=longest);
                    longest = (longest * 2).min(WAIT_LONGEST);
                    // Never sooner than the server asks for.
                    (after.map_or(jitter, |after| after + jitter), why)
                }
            };
            if Instant::now() + wait > deadline {
                return Err(GaveUp::Unanswered(format!("no certain answer within {:?}; the last: {why}", self.within)));
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(GaveUp::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;
    use std::cell::Cell;

    fn insist() -> Insist {
        Insist { within: Duration::from_secs(2), stop: CancellationToken::new() }
    }

    fn refused<T>(status: StatusCode, code: &str) -> Outcome<T> {
        let after = Some(Duration::from_millis(10));
        Outcome::Refused(Refusal { status, code: code.into(), detail: String::new(), errors: vec![], after })
    }

    #[tokio::test]
    async fn the_unknown_and_the_rate_limited_are_repeated_until_certain() {
        let asked = Cell::new(0);
        let result = insist()
            .on(|| {
                asked.set(asked.get() + 1);
                let outcome = match asked.get() {
                    1 => Outcome::Unknown { why: "no answer".into(), after: None },
                    2 => refused(StatusCode::TOO_MANY_REQUESTS, "rate-limited"),
                    3 => refused(StatusCode::CONFLICT, "idempotency-in-flight"),
                    _ => Outcome::Applied(asked.get()),
                };
                async { outcome }
            })
            .await;
        assert_eq!(result.expect("applied at last"), 4);
    }

    #[tokio::test]
    async fn a_no_is_a_no() {
        let result: Result<(), _> =
            insist().on(|| async { refused(StatusCode::UNPROCESSABLE_ENTITY, "validation") }).await;
        assert!(matches!(result, Err(GaveUp::Refused(_))));
    }

    #[tokio::test]
    async fn the_deadline_ends_it() {
        let brief = Insist { within: Duration::from_millis(50), ..insist() };
        let result: Result<(), _> =
            brief.on(|| async { Outcome::Unknown { why: "503".into(), after: Some(Duration::from_secs(1)) } }).await;
        assert!(matches!(result, Err(GaveUp::Unanswered(_))));
    }
}
