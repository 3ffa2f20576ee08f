//! Which answers can a client branch on? Every public error code, with its status and its one sentence.

use std::fmt;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every error code of the public API. Clients branch on it and on nothing else of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    MalformedJson,
    InvalidRequest,
    Unauthenticated,
    WrongCredentials,
    TokenExpired,
    TokenReused,
    Forbidden,
    Banned,
    Muted,
    WrongPassword,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    Conflict,
    PhoneTaken,
    LastOwner,
    Archived,
    EditWindowOver,
    IdempotencyInFlight,
    Gone,
    PayloadTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    Validation,
    IdempotencyMismatch,
    RateLimited,
    HeadersTooLarge,
    Internal,
    Overloaded,
    LogUnavailable,
    ReadModelBehind,
    StorageFull,
}

/// What is said about one code: its text, HTTP status, title, whether a repeat may help, and its page.
struct Entry {
    text: &'static str,
    status: StatusCode,
    title: &'static str,
    retryable: bool,
    sentence: &'static str,
}

const fn entry(
    text: &'static str,
    status: StatusCode,
    title: &'static str,
    retryable: bool,
    sentence: &'static str,
) -> Entry {
    Entry { text, status, title, retryable, sentence }
}

impl Code {
    /// All codes, in the order of their statuses.
    pub const ALL: [Self; 33] = [
        Self::MalformedJson,
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::WrongCredentials,
        Self::TokenExpired,
        Self::TokenReused,
        Self::Forbidden,
        Self::Banned,
        Self::Muted,
        Self::WrongPassword,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PhoneTaken,
        Self::LastOwner,
        Self::Archived,
        Self::EditWindowOver,
        Self::IdempotencyInFlight,
        Self::Gone,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::Validation,
        Self::IdempotencyMismatch,
        Self::RateLimited,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Overloaded,
        Self::LogUnavailable,
        Self::ReadModelBehind,
        Self::StorageFull,
    ];

    /// The code as it stands in a problem and at the end of its `type`: `not-found`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().text
    }

    /// The one HTTP status of this code.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().status
    }

    /// The title, the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// Whether the same request, repeated later with the same key, may get another answer.
    #[must_use]
    pub fn retryable(self) -> bool {
        self.entry().retryable
    }

    /// What the code means and what a client does about it: the text of its page.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.entry().sentence
    }

    /// Finds a code by its text.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// The code that stands for a status which something below us answered in plain text.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            408 => Self::RequestTimeout,
            409 => Self::Conflict,
            410 => Self::Gone,
            413 => Self::PayloadTooLarge,
            414 => Self::UriTooLong,
            415 => Self::UnsupportedMediaType,
            422 => Self::Validation,
            429 => Self::RateLimited,
            431 => Self::HeadersTooLarge,
            400..=499 => Self::InvalidRequest,
            503 | 504 => Self::Overloaded,
            507 => Self::StorageFull,
            _ => Self::Internal,
        }
    }

    #[rustfmt::skip]
    fn entry(self) -> Entry {
        use StatusCode as S;
        match self {
            Self::MalformedJson => entry("malformed-json", S::BAD_REQUEST, "Malformed JSON", false,
                "The body is not well-formed JSON in UTF-8, holds a lone surrogate, or is nested more than 16 deep. Correct the body."),
            Self::InvalidRequest => entry("invalid-request", S::BAD_REQUEST, "Invalid request", false,
                "A part of the path, the query or a header cannot be read: an id that is no UUID, a parameter that does not exist, two parameters that exclude each other. Correct the request."),
            Self::Unauthenticated => entry("unauthenticated", S::UNAUTHORIZED, "Not signed in", false,
                "There is no access token, or it is not valid, or its session has ended. Sign in."),
            Self::WrongCredentials => entry("wrong-credentials", S::UNAUTHORIZED, "Wrong phone or password", false,
                "Phone and password do not belong together. The answer does not say which of them is wrong."),
            Self::TokenExpired => entry("token-expired", S::UNAUTHORIZED, "Access token expired", false,
                "The access token was valid and is over. Refresh it and repeat the request."),
            Self::TokenReused => entry("token-reused", S::UNAUTHORIZED, "Refresh token used before", false,
                "A refresh token that was already exchanged has come again, so its session is closed. Sign in."),
            Self::Forbidden => entry("forbidden", S::FORBIDDEN, "Not allowed", false,
                "The caller's role does not allow this."),
            Self::Banned => entry("banned", S::FORBIDDEN, "Banned from the room", false,
                "The caller is banned from the room until the ban ends or is lifted."),
            Self::Muted => entry("muted", S::FORBIDDEN, "Muted in the room", false,
                "The caller is muted in the room: reading goes on, writing does not."),
            Self::WrongPassword => entry("wrong-password", S::FORBIDDEN, "Wrong current password", false,
                "The current password, asked for at a change, is not the right one."),
            Self::NotFound => entry("not-found", S::NOT_FOUND, "Not found", false,
                "There is no such thing, or none that the caller may know of."),
            Self::MethodNotAllowed => entry("method-not-allowed", S::METHOD_NOT_ALLOWED, "Method not allowed", false,
                "The resource exists and does not know this method. `Allow` lists those it knows."),
            Self::NotAcceptable => entry("not-acceptable", S::NOT_ACCEPTABLE, "Not acceptable", false,
                "No representation of the resource fits the request's `Accept` headers."),
            Self::RequestTimeout => entry("request-timeout", S::REQUEST_TIMEOUT, "Request too slow", true,
                "The request's body did not arrive in time. Nothing was done. Send it again."),
            Self::Conflict => entry("conflict", S::CONFLICT, "Conflict", false,
                "The state of the resource does not allow this now, or somebody else changed it first. Read it again and decide."),
            Self::PhoneTaken => entry("phone-taken", S::CONFLICT, "Phone number in use", false,
                "An account with this phone number exists, with another password. Sign in instead."),
            Self::LastOwner => entry("last-owner", S::CONFLICT, "Last owner", false,
                "A room keeps at least one owner. Hand the ownership over first."),
            Self::Archived => entry("archived", S::CONFLICT, "Archived", false,
                "The room or its lounge is archived: it can be read, not written."),
            Self::EditWindowOver => entry("edit-window-over", S::CONFLICT, "Too late to edit", false,
                "A message can be edited by its author for 24 hours."),
            Self::IdempotencyInFlight => entry("idempotency-in-flight", S::CONFLICT, "Same command still running", true,
                "A command with the same idempotency key is being carried out. Repeat it after `Retry-After`: the answer will be the original one."),
            Self::Gone => entry("gone", S::GONE, "Gone", false,
                "It existed and is no more, for good."),
            Self::PayloadTooLarge => entry("payload-too-large", S::PAYLOAD_TOO_LARGE, "Body too large", false,
                "The body is over the limit: 64 KiB, for accounts and sessions 4 KiB."),
            Self::UriTooLong => entry("uri-too-long", S::URI_TOO_LONG, "URI too long", false,
                "The request target is over 2 KiB."),
            Self::UnsupportedMediaType => entry("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", false,
                "Bodies are `application/json`, without a content encoding."),
            Self::Validation => entry("validation", S::UNPROCESSABLE_ENTITY, "Some fields are not valid", false,
                "The JSON is well-formed, and some of its fields are unknown, missing, of another type or outside their limits. `errors` names each."),
            Self::IdempotencyMismatch => entry("idempotency-mismatch", S::UNPROCESSABLE_ENTITY, "Key used for something else", false,
                "The idempotency key was used before with another body. Use a new key for a new command."),
            Self::RateLimited => entry("rate-limited", S::TOO_MANY_REQUESTS, "Too many requests", true,
                "A rate limit is used up. `RateLimit-Policy` says which, `Retry-After` when to come back. Nothing was done."),
            Self::HeadersTooLarge => entry("headers-too-large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large", false,
                "The request's headers are over 16 KiB, or more than 100."),
            Self::Internal => entry("internal", S::INTERNAL_SERVER_ERROR, "Internal error", true,
                "Something broke on our side, and whether the command was applied is unknown. Repeat it with the same key; report the `request_id`."),
            Self::Overloaded => entry("overloaded", S::SERVICE_UNAVAILABLE, "Too busy", true,
                "More is asked for than can be done now. Come back after `Retry-After`, with the same key."),
            Self::LogUnavailable => entry("log-unavailable", S::SERVICE_UNAVAILABLE, "The log cannot be reached", true,
                "The event log did not answer in time, so whether the command was applied is unknown. Repeat it with the same key."),
            Self::ReadModelBehind => entry("read-model-behind", S::SERVICE_UNAVAILABLE, "The read model is behind", true,
                "The read model has not reached the asked position yet. Come back after `Retry-After`."),
            Self::StorageFull => entry("storage-full", S::INSUFFICIENT_STORAGE, "Storage full", false,
                "The event log has no room left. Reading goes on; writing does once an operator has made room."),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_in_json_as_in_its_page() {
        for code in Code::ALL {
            let json = serde_json::to_value(code).expect("a unit variant is a string");
            assert_eq!(json, code.as_str());
            assert_eq!(Code::find(code.as_str()), Some(code));
        }
    }

    #[test]
    fn a_code_has_an_error_status_and_the_status_a_code_of_the_same_class() {
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{code}");
            assert_eq!(
                Code::of_status(status).status(),
                if status.as_u16() == 503 { StatusCode::SERVICE_UNAVAILABLE } else { status }
            );
        }
        assert_eq!(Code::of_status(StatusCode::IM_A_TEAPOT), Code::InvalidRequest);
        assert_eq!(Code::of_status(StatusCode::BAD_GATEWAY), Code::Internal);
    }
}
