//! Has the request's body arrived? Whole, in time and within its limit, before the handler's own time begins.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::{Code, Problem};

/// Reads the body into memory: all of ours are small, so a slow client holds no handler.
pub(super) async fn arrived(request: Request, bytes_max: usize, time_max: Duration) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    if announced(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    let (parts, body) = request.into_parts();
    let bytes = tokio::time::timeout(time_max, read(body, bytes_max)).await.map_err(|_| too_slow())??;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let collected = Limited::new(body, bytes_max).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| match error.is::<LengthLimitError>() {
        true => too_large(),
        // The client went away or broke the framing; the answer, if it arrives, says whose fault it was.
        false => Problem::new(Code::InvalidRequest, "The body ended before it was complete."),
    })
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, Code::PayloadTooLarge.sentence())
}

fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, Code::RequestTimeout.sentence())
}
