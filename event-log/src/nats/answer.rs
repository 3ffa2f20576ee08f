//! What the server says to a publish, and what each of its codes means to us.

use serde::Deserialize;

/// An answer of JetStream to a publish, single or batch.
#[derive(Debug, Deserialize)]
struct PubAck {
    seq: Option<u64>,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

/// An error of JetStream's API.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub(super) err_code: u32,
    #[serde(default)]
    pub(super) description: String,
}

/// What became of one send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// Stored; the sequence of its last message.
    Stored(u64),
    /// A single whose id was in the log already, at this sequence.
    Duplicate(u64),
    /// A batch in which an id was in the log already, or stood twice.
    HoldsDuplicate,
    /// A condition did not hold.
    Conflict,
    /// The server is busy with this subject or with too many batches: the same again, soon.
    Busy(u32),
    /// The stream takes no more.
    Full,
    /// Refused for another reason: our own mistake, or a right that is missing.
    Refused(String),
    /// Nobody was there to take it.
    NotStored(String),
    /// No answer.
    Unknown,
}

/// Reads an answer.
pub(super) fn read(payload: &[u8]) -> Sent {
    match serde_json::from_slice::<PubAck>(payload) {
        Ok(PubAck { error: Some(error), .. }) => refusal(&error),
        Ok(PubAck { seq: Some(seq), duplicate: true, .. }) => Sent::Duplicate(seq),
        Ok(PubAck { seq: Some(seq), .. }) => Sent::Stored(seq),
        // It says neither yes nor no.
        Ok(PubAck { seq: None, .. }) | Err(_) => {
            tracing::error!(answer = %String::from_utf8_lossy(payload), "an answer of the log that is none");
            Sent::Unknown
        }
    }
}

fn refusal(error: &ApiError) -> Sent {
    match error.err_code {
        10_071 => Sent::Conflict,
        // In-flight conditions, batches open, a leader that changes.
        10_158 | 10_163 | 10_164 | 10_176 | 10_210 => Sent::Busy(error.err_code),
        10_201 => Sent::HoldsDuplicate,
        // Maximum bytes, maximum messages, storage resources.
        10_047 | 10_023 | 10_077 | 10_122 => Sent::Full,
        code => Sent::Refused(format!("{code}: {}", error.description)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_means_what_was_measured() {
        let error = |code: u32| read(format!(r#"{{"error":{{"err_code":{code},"description":"x"}}}}"#).as_bytes());
        assert_eq!(read(br#"{"stream":"CHAT","seq":7}"#), Sent::Stored(7));
        assert_eq!(read(br#"{"stream":"CHAT","seq":7,"duplicate":true}"#), Sent::Duplicate(7));
        assert_eq!(error(10_071), Sent::Conflict);
        for busy in [10_158, 10_163, 10_164, 10_176, 10_210] {
            assert_eq!(error(busy), Sent::Busy(busy));
        }
        assert_eq!(error(10_201), Sent::HoldsDuplicate);
        assert_eq!(error(10_077), Sent::Full);
        assert_eq!(error(10_052), Sent::Refused("10052: x".into()));
        assert_eq!(read(b"+OK"), Sent::Unknown);
        assert_eq!(read(br#"{"stream":"CHAT"}"#), Sent::Unknown);
    }
}
