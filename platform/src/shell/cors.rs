//! Which web pages may use the API? Those of the origins on an exact list.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember a preflight.
const PREFLIGHT_VALID: Duration = Duration::from_secs(600);

/// An origin as browsers send it: scheme, host and port, nothing after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Whether a request's `Origin` is this one.
    #[must_use]
    pub fn is(&self, origin: &HeaderValue) -> bool {
        self.0 == origin
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// Not an origin: `*` among others, because a list that lets everybody in is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin: expected scheme://host or scheme://host:port, without a path")]
pub struct NoOrigin(String);

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let wrong = || NoOrigin(text.to_owned());
        let text = text.trim();
        let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"/*?#@,".contains(&byte))
        };
        if !plain(scheme) || !plain(host) {
            return Err(wrong());
        }
        HeaderValue::try_from(text.to_ascii_lowercase()).map(Self).map_err(|_| wrong())
    }
}

/// Answers preflights and marks answers, refusals included, for the origins on the list.
/// No credentials: who is signed in says so with a token, never with a cookie.
pub(super) fn layer(origins: &[Origin]) -> CorsLayer {
    let custom = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            custom("chat-min-position"),
            custom("idempotency-key"),
            custom("last-event-id"),
            custom("prefer"),
            custom("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            custom("chat-position"),
            custom("idempotency-replayed"),
            custom("ratelimit"),
            custom("ratelimit-policy"),
            custom("x-request-id"),
        ])
        .max_age(PREFLIGHT_VALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!("HTTPS://Chat.example".parse::<Origin>().expect("an origin").to_string(), "https://chat.example");
        assert!("http://127.0.0.1:5173".parse::<Origin>().is_ok());
        for text in ["*", "chat.example", "https://", "https://a/b", "https://*.example", "null"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
