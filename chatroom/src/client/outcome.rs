//! What became of a command? Applied, refused, or nobody knows.

use anyhow::{Result, bail};
use hyper::{StatusCode, header::RETRY_AFTER};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, time::Duration};

use super::Answer;

/// How a request ended. Only `Applied` and `Refused` are certain: what is `Unknown` is repeated with
/// the same key.
#[derive(Debug, Clone)]
pub enum Outcome<T> {
    Applied(T),
    Refused(Refusal),
    Unknown { why: String, after: Option<Duration> },
}

/// A definite no: the problem that was answered with a status of 4xx.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: String,
    pub detail: String,
    pub errors: Vec<Value>,
    /// When the server asks to be asked again.
    pub after: Option<Duration>,
}

/// What a refusal allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The server said how long: 429.
    AsTold(Duration),
    /// Soon: somebody else was faster.
    Shortly,
    /// It will not be answered otherwise.
    Never,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<Value>,
    retry_after_ms: Option<u64>,
}

impl<T> Outcome<T> {
    /// The result, where nothing else is expected.
    ///
    /// # Errors
    /// The refusal, or why nobody knows.
    pub fn applied(self) -> Result<T> {
        match self {
            Self::Applied(result) => Ok(result),
            Self::Refused(refusal) => bail!("{refusal}"),
            Self::Unknown { why, .. } => bail!("unknown: {why}"),
        }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Applied(result) => Outcome::Applied(f(result)),
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Unknown { why, after } => Outcome::Unknown { why, after },
        }
    }
}

impl Outcome<Answer> {
    /// Sorts what came back.
    pub fn of(answer: Result<Answer>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Self::Unknown { why: format!("{why:#}"), after: None },
        };
        if answer.status.is_success() {
            return Self::Applied(answer);
        }
        let problem = answer.read().unwrap_or(Problem {
            code: String::new(),
            detail: String::from_utf8_lossy(&answer.body).chars().take(200).collect(),
            errors: Vec::new(),
            retry_after_ms: None,
        });
        let told = answer.header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        let after = problem.retry_after_ms.map(Duration::from_millis).or(told.map(Duration::from_secs));
        if answer.status.is_client_error() {
            let Problem { code, detail, errors, .. } = problem;
            return Self::Refused(Refusal { status: answer.status, code, detail, errors, after });
        }
        Self::Unknown { why: format!("{} {}: {}", answer.status.as_u16(), problem.code, problem.detail), after }
    }

    /// Reads what was applied. An answer that is not what it should be leaves the outcome unknown.
    pub fn read<T: DeserializeOwned>(self) -> Outcome<T> {
        match self {
            Self::Applied(answer) => match answer.read() {
                Ok(result) => Outcome::Applied(result),
                Err(why) => Outcome::Unknown { why: format!("{why:#}"), after: None },
            },
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Unknown { why, after } => Outcome::Unknown { why, after },
        }
    }
}

impl Refusal {
    /// Whether the same request may get another answer.
    pub fn wait(&self) -> Wait {
        match (self.status, self.code.as_str()) {
            (StatusCode::TOO_MANY_REQUESTS, _) => Wait::AsTold(self.after.unwrap_or(Duration::from_secs(1))),
            (StatusCode::REQUEST_TIMEOUT, _) | (_, "idempotency-in-flight" | "conflict") => Wait::Shortly,
            _ => Wait::Never,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)?;
        self.errors.iter().try_for_each(|error| write!(f, " {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &'static str) -> Outcome<Answer> {
        let status = StatusCode::from_u16(status).expect("a status");
        Outcome::of(Ok(Answer { status, headers: Default::default(), body: body.into() }))
    }

    #[test]
    fn a_timeout_and_a_5xx_are_unknown_and_a_4xx_is_a_no() {
        assert!(matches!(Outcome::of(Err(anyhow::anyhow!("no answer"))), Outcome::Unknown { .. }));
        let busy = answered(503, r#"{"code":"overloaded","retry_after_ms":1500}"#);
        let Outcome::Unknown { after: Some(after), .. } = busy else { panic!("{busy:?}") };
        assert_eq!(after, Duration::from_millis(1500));
        let Outcome::Refused(no) = answered(422, r#"{"code":"validation","detail":"blank"}"#) else { panic!() };
        assert_eq!((no.code.as_str(), no.wait()), ("validation", Wait::Never));
        let Outcome::Refused(later) = answered(429, r#"{"code":"rate-limited","retry_after_ms":20}"#) else { panic!() };
        assert_eq!(later.wait(), Wait::AsTold(Duration::from_millis(20)));
        assert!(matches!(answered(502, "<html>"), Outcome::Unknown { .. }));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_unknown() {
        assert!(matches!(answered(201, "{").read::<Problem>(), Outcome::Unknown { .. }));
    }
}
