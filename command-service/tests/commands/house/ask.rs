//! What a client asks of an instance, and what it is answered.

use super::{Instance, LOOK_EVERY, ORIGIN, SOON};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

const BODY_BYTES_MAX: usize = 1 << 20;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The status, and the code of a problem.
    pub(crate) fn told(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

/// One request; without a body where it is null.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: String,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Sent,
}

/// What is sent.
#[derive(Clone)]
enum Sent {
    Json(Value),
    Raw { media_type: &'static str, text: String },
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: &'a str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), token: None, key: None, body: Sent::Json(body) }
    }

    /// With a body that need not be JSON.
    pub(crate) fn raw(
        method: &'a str,
        path: impl Into<String>,
        media_type: &'static str,
        text: impl Into<String>,
    ) -> Self {
        Self { body: Sent::Raw { media_type, text: text.into() }, ..Self::new(method, path, Value::Null) }
    }

    pub(crate) fn by(self, tokens: &'a Value) -> Self {
        Self { token: tokens["access_token"].as_str(), ..self }
    }

    /// As the holder of this token, whatever it is.
    pub(crate) fn with_token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    pub(crate) fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) async fn of(&self, instance: &Instance) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path).header("origin", ORIGIN);
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        let body = match &self.body {
            Sent::Json(Value::Null) => Body::empty(),
            Sent::Json(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            Sent::Raw { media_type, text } => {
                request = request.header("content-type", *media_type);
                Body::from(text.clone())
            }
        };
        let request = request.body(body).expect("a valid request");
        let answer = instance.router.clone().oneshot(request).await.expect("infallible");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.expect("a body in memory");
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        Answer { status, headers, body }
    }

    pub(crate) async fn done(&self, instance: &Instance) -> Value {
        self.is_done(self.of(instance).await)
    }

    fn is_done(&self, answer: Answer) -> Value {
        assert!((200..300).contains(&answer.status), "{} {}: {}", self.method, self.path, answer.body);
        answer.body
    }

    /// Done in the end: as a client it asks again while the answer is that nobody knows. An instance that is busy with
    /// other tests does not hear its log for a moment.
    pub(crate) async fn done_once_heard(&self, instance: &Instance) -> Value {
        let heard = async {
            loop {
                let answer = self.of(instance).await;
                if answer.status != 503 {
                    return answer;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let answer = tokio::time::timeout(SOON, heard).await.expect("an answer in time");
        self.is_done(answer)
    }

    /// Refused, with this code.
    pub(crate) async fn refused(&self, instance: &Instance, code: &str) -> Answer {
        let answer = self.of(instance).await;
        assert_eq!(answer.body["code"], code, "{} {}: {}", self.method, self.path, answer.body);
        answer
    }
}
