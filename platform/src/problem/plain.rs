//! What becomes of an error that something below us answered in plain text? A problem, with the request's id.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::{Code, PROBLEM_JSON, Problem};

/// Turns any error answer into a full problem: ours gets the request's id, a plain one (an
/// unmatched route, a method that is not there, a body that is too large) becomes a problem and
/// keeps its other headers, `Allow` among them.
#[must_use]
pub fn in_full(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let ours = response.extensions_mut().remove::<Problem>();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    let mut problem = match ours {
        Some(problem) => problem,
        // Passed on from another role behind the same origin: it has its own request id.
        None if is_problem => return response,
        None => of_plain(&response),
    };
    problem.request_id = Some(request_id.into());
    let (mut parts, _) = response.into_parts();
    let (full, body) = problem.into_response().into_parts();
    parts.status = full.status;
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &full.headers {
        parts.headers.insert(name, value.clone());
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::new(body))
}

fn of_plain(response: &Response) -> Problem {
    let code = Code::of_status(response.status());
    if code == Code::NotFound {
        return Problem::not_found();
    }
    Problem::new(code, code.sentence())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use http_body_util::BodyExt;

    async fn json_of(response: Response) -> serde_json::Value {
        let bytes = response.into_body().collect().await.expect("a body in memory").to_bytes();
        serde_json::from_slice(&bytes).expect("problem+json")
    }

    #[tokio::test]
    async fn a_plain_answer_becomes_a_problem_and_keeps_its_headers() {
        let plain = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")], "nope").into_response();
        let full = in_full(plain, "r-1");
        assert_eq!(full.status(), 405);
        assert_eq!(full.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(full.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let json = json_of(full).await;
        assert_eq!(json["code"], "method-not-allowed");
        assert_eq!(json["request_id"], "r-1");
    }

    #[tokio::test]
    async fn our_own_problem_gets_the_request_id_and_keeps_its_detail() {
        let full = in_full(Problem::new(Code::Muted, "until noon").into_response(), "r-2");
        let json = json_of(full).await;
        assert_eq!((json["detail"].as_str(), json["request_id"].as_str()), (Some("until noon"), Some("r-2")));
    }

    #[tokio::test]
    async fn what_is_no_error_passes() {
        let passed = in_full("fine".into_response(), "r-3");
        assert_eq!(passed.into_body().collect().await.expect("in memory").to_bytes(), "fine");
    }
}
