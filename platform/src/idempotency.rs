//! Which key did the client give this command? 16–64 of `[A-Za-z0-9_-]`, or none.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::problem::{Code, Problem};

/// The header's name, in lower case.
pub const HEADER: &str = "idempotency-key";
/// The shortest key.
pub const CHARS_MIN: usize = 16;
/// The longest key.
pub const CHARS_MAX: usize = 64;

/// A key as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Box<str>);

impl Key {
    /// Reads a key; `None` when it is too short, too long or holds another character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (CHARS_MIN..=CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        fits.then(|| Self(text.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The request's key, as an extractor. A key that is none is 422 `validation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<Key>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        of(&parts.headers).map(Self)
    }
}

fn of(headers: &HeaderMap) -> Result<Option<Key>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let key = first.to_str().ok().and_then(Key::parse).filter(|_| given.next().is_none());
    let wrong = || {
        let detail = format!("`Idempotency-Key` is one value of {CHARS_MIN}–{CHARS_MAX} of `[A-Za-z0-9_-]`.");
        Problem::new(Code::Validation, detail)
    };
    key.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&str]) -> Result<Option<Key>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).expect("a header value"));
        }
        of(&headers)
    }

    #[test]
    fn a_key_is_16_to_64_harmless_characters() {
        assert_eq!(read(&[]).expect("none is fine"), None);
        let key = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(read(&[key]).expect("a uuid").expect("some").as_str(), key);
        assert!(read(&["short"]).is_err());
        assert!(read(&[&"a".repeat(65)]).is_err());
        assert!(read(&["with spaces in it"]).is_err());
        assert!(read(&[key, key]).is_err());
    }
}
