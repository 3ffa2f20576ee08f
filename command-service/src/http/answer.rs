//! How is a command that succeeded answered? With what it made, and the position from which on it can be read.

use crate::handle::Repeat;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use events::Position;
use serde::Serialize;
use utoipa::ToSchema;

const POSITION: HeaderName = HeaderName::from_static("chat-position");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A command's answer.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) status: StatusCode,
    pub(super) body: T,
    /// The position that the body carries too.
    pub(super) position: Option<Position>,
    pub(super) repeat: Repeat,
}

impl<T> Done<T> {
    /// 200, for what changed something.
    pub(super) fn ok(position: Position, repeat: Repeat, body: T) -> Self {
        Self { status: StatusCode::OK, body, position: Some(position), repeat }
    }

    /// 201, for what made something.
    pub(super) fn created(position: Position, repeat: Repeat, body: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(position, repeat, body) }
    }
}

impl<T: Serialize> IntoResponse for Done<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(position) = self.position {
            let value = HeaderValue::try_from(position.to_string()).expect("base64url");
            headers.insert(POSITION, value);
        }
        if self.repeat == Repeat::Yes {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The answer to a command that leaves nothing to show.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Passed {
    /// From here on it is so.
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    pub(super) position: Position,
}
