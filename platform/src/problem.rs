//! How is an error told to a client? As RFC 9457 `application/problem+json`, always in the same shape.

mod code;
pub mod pages;
mod plain;
mod rejection;

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;
pub use plain::in_full;

/// The media type of every error answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What is answered instead of a result. Its status follows from its code.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// What clients branch on.
    pub code: Code,
    /// What happened this time, for a person. Never SQL, a stack or a token.
    pub detail: Cow<'static, str>,
    /// All field errors at once, for `validation`.
    pub errors: Vec<FieldError>,
    /// When a repeat makes sense. Rounded up to whole seconds in `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Filled in by [`crate::shell`] from the request.
    pub request_id: Option<Box<str>>,
    headers: Option<Box<HeaderMap>>,
}

/// One field that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request's body: `/name`. Empty for the body itself.
    pub pointer: String,
    /// What is wrong with it, for programs: `missing`, `unknown-field`, `too-long` …
    pub code: Cow<'static, str>,
    /// What is wrong with it, for a person.
    pub detail: String,
}

impl FieldError {
    /// `pointer` is a JSON pointer such as `/name`.
    pub fn new(pointer: impl Into<String>, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem of this code; `detail` is for a person and says what happened this time.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None, request_id: None, headers: None }
    }

    /// 422 with all field errors at once.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => Cow::Owned(one.detail.clone()),
            many => Cow::Owned(format!("{} fields are not valid", many.len())),
        };
        Self { errors, ..Self::new(Code::Validation, detail) }
    }

    /// 404, also for what the caller may not know of.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such resource.")
    }

    /// 503 after which a client comes back in a second.
    pub fn overloaded(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Overloaded, detail).after(Duration::from_secs(1))
    }

    /// 500. The cause belongs in the log, not here.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something broke on our side.")
    }

    /// Says when a repeat makes sense.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }
}

/// The problem as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// A page about the code: `/problems/<code>`.
    #[schema(example = "/problems/not-found")]
    pub r#type: String,
    /// The same for every occurrence of the code.
    pub title: &'a str,
    /// The HTTP status, again.
    pub status: u16,
    /// What happened this time, for a person.
    pub detail: &'a str,
    /// What clients branch on.
    pub code: Code,
    /// To be quoted when something is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// Whether the same request, with the same key, may get another answer later.
    pub retryable: bool,
    /// Milliseconds after which a repeat makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// All fields that are not valid.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
}

impl Problem {
    fn document(&self) -> ProblemDocument<'_> {
        ProblemDocument {
            r#type: format!("/problems/{}", self.code),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id: self.request_id.as_deref(),
            retryable: self.code.retryable(),
            retry_after_ms: self.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            errors: &self.errors,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.document()).expect("a problem is strings and numbers");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: who comes back too early is refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.code {
            Code::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chatroom\""));
            }
            Code::TokenExpired => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"chatroom\", error=\"invalid_token\""),
                );
            }
            _ => {}
        }
        if let Some(own) = &self.headers {
            headers.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        // The shell writes the body once more, with the request's id in it.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn json_of(response: Response) -> serde_json::Value {
        let bytes = response.into_body().collect().await.expect("a body in memory").to_bytes();
        serde_json::from_slice(&bytes).expect("problem+json")
    }

    #[tokio::test]
    async fn a_problem_says_what_clients_need() {
        let problem = Problem::validation(vec![FieldError::new("/name", "too-long", "at most 40 characters")])
            .after(Duration::from_millis(1_200));
        let response = problem.into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let json = json_of(response).await;
        assert_eq!(json["type"], "/problems/validation");
        assert_eq!(json["code"], "validation");
        assert_eq!(json["retry_after_ms"], 1_200);
        assert_eq!(json["retryable"], false);
        assert_eq!(json["errors"][0]["pointer"], "/name");
        assert_eq!(json["detail"], "at most 40 characters");
    }

    #[test]
    fn the_schema_is_called_problem_and_has_its_fields() {
        use utoipa::PartialSchema;
        assert_eq!(ProblemDocument::name(), "Problem");
        let schema = serde_json::to_value(ProblemDocument::schema()).expect("a schema is JSON");
        for field in
            ["type", "title", "status", "detail", "code", "request_id", "retryable", "retry_after_ms", "errors"]
        {
            assert!(schema["properties"].get(field).is_some(), "{field} in {schema}");
        }
        assert!(!schema["required"].to_string().contains("request_id"));
    }

    #[test]
    fn who_is_not_signed_in_is_told_how() {
        let response = Problem::new(Code::TokenExpired, "over").into_response();
        assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().expect("ascii").starts_with("Bearer"));
    }
}
