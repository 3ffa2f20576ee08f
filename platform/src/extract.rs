//! How is a request read? Through these extractors, whose refusals are problems.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{Code, FieldError, Problem};

/// JSON may be nested this deep, the outermost object included.
pub const JSON_DEPTH_MAX: usize = 16;

/// A JSON object as the request's body, or as the answer.
///
/// Refused: another content type or any content encoding with 415, what is no JSON or nested deeper
/// than [`JSON_DEPTH_MAX`] with 400, fields that are unknown (where the type denies them), missing or
/// of another type with 422 and a pointer to the field. The size is limited by the route's
/// `DefaultBodyLimit` and by [`crate::shell`]: 413.
///
/// As `Option<Json<T>>` a request without a body and without a content type is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        is_plain_json(request.headers())?;
        let bytes = Bytes::from_request(request, state).await?;
        parse(&bytes).map(Json)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            let bytes = Bytes::from_request(request, state).await?;
            return match bytes.is_empty() {
                true => Ok(None),
                false => Err(no_json()),
            };
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The parameters of the path. What cannot be read (an id that is no UUID) is 400 `invalid-request`.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(value) = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// The parameters of the query. What cannot be read, and a parameter that the type does not know
/// (where it denies unknown fields), is 400 `invalid-request`.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(value) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if depth(bytes) > JSON_DEPTH_MAX {
        let detail = format!("The body is nested more than {JSON_DEPTH_MAX} deep.");
        return Err(Problem::new(Code::MalformedJson, detail));
    }
    // serde would also read a struct from an array of its fields in their order.
    let is_array = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_array && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        return Err(Problem::validation(vec![FieldError::new("", "wrong-type", "The body is an object.")]));
    }
    let axum::Json(value) = axum::Json::from_bytes(bytes)?;
    Ok(value)
}

/// The deepest nesting in the text, whether or not it is JSON: brackets outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn is_plain_json(headers: &HeaderMap) -> Result<(), Problem> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        let detail = "Request bodies are not decompressed: send them without `Content-Encoding`.";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(is_json) { Ok(()) } else { Err(no_json()) }
}

/// `application/json` or `application/…+json`, with or without parameters.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || (subtype.len() > "+json".len() && subtype.ends_with("+json")))
}

fn no_json() -> Problem {
    Problem::new(Code::UnsupportedMediaType, "The body needs `Content-Type: application/json`.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::DefaultBodyLimit;
    use axum::routing::{get, post};
    use serde::Deserialize;
    use tower::ServiceExt;
    use uuid::Uuid;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        name: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Window {
        limit: Option<u8>,
    }

    fn app() -> Router {
        Router::new()
            .route("/wishes", post(|Json(wish): Json<Wish>| async move { wish.name }))
            .route(
                "/perhaps",
                post(|wish: Option<Json<Wish>>| async move { if wish.is_some() { "some" } else { "none" } }),
            )
            .route("/things/{id}", get(|Path(id): Path<Uuid>| async move { id.to_string() }))
            .route("/list", get(|Query(window): Query<Window>| async move { window.limit.unwrap_or(50).to_string() }))
            .layer(DefaultBodyLimit::max(256))
    }

    async fn post_answer(path: &str, headers: &[(header::HeaderName, &str)], body: impl Into<Body>) -> u16 {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(body.into()).expect("a valid request");
        app().oneshot(request).await.expect("infallible").status().as_u16()
    }

    async fn get_answer(path: &str) -> u16 {
        let request = Request::get(path).body(Body::empty()).expect("a valid request");
        app().oneshot(request).await.expect("infallible").status().as_u16()
    }

    const JSON: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/json; charset=utf-8");

    #[tokio::test]
    async fn each_way_a_body_cannot_be_read_has_its_status() {
        assert_eq!(post_answer("/wishes", &[JSON], r#"{"name":"tea"}"#).await, 200);
        assert_eq!(
            post_answer("/wishes", &[(header::CONTENT_TYPE, "application/merge-patch+json")], r#"{"name":"tea"}"#)
                .await,
            200
        );
        assert_eq!(post_answer("/wishes", &[], r#"{"name":"tea"}"#).await, 415);
        assert_eq!(post_answer("/wishes", &[(header::CONTENT_TYPE, "text/json")], r#"{"name":"tea"}"#).await, 415);
        assert_eq!(post_answer("/wishes", &[JSON, (header::CONTENT_ENCODING, "gzip")], r#"{"name":"tea"}"#).await, 415);
        assert_eq!(post_answer("/wishes", &[JSON], r#"{"name":"tea","admin":true}"#).await, 422);
        assert_eq!(post_answer("/wishes", &[JSON], r#"["tea"]"#).await, 422);
        assert_eq!(post_answer("/wishes", &[JSON], r#"["tea""#).await, 400);
        assert_eq!(post_answer("/wishes", &[JSON], r#"{"name":"\ud800"}"#).await, 400);
        assert_eq!(post_answer("/wishes", &[JSON], vec![b'{', b'"', 0xff, b'"', b'}']).await, 400);
        assert_eq!(post_answer("/wishes", &[JSON], "").await, 400);
        assert_eq!(post_answer("/wishes", &[JSON], "[".repeat(200)).await, 400);
        assert_eq!(post_answer("/wishes", &[JSON], " ".repeat(300)).await, 413);
    }

    #[tokio::test]
    async fn a_body_may_be_absent_where_it_is_optional() {
        assert_eq!(post_answer("/perhaps", &[], "").await, 200);
        assert_eq!(post_answer("/perhaps", &[], "{}").await, 415);
        assert_eq!(post_answer("/perhaps", &[JSON], r#"{"name":"tea"}"#).await, 200);
    }

    #[tokio::test]
    async fn a_path_or_query_that_cannot_be_read_is_an_invalid_request() {
        assert_eq!(get_answer("/things/0190163d-8694-739b-aea5-966c26f8ad91").await, 200);
        for path in [
            "/things/7",
            "/things/*",
            "/things/%FF",
            "/things/a%00b",
            "/list?limit=x",
            "/list?limit=1&limit=2",
            "/list?offset=1",
        ] {
            assert_eq!(get_answer(path).await, 400, "{path}");
        }
        assert_eq!(get_answer("/list?limit=7").await, 200);
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(br#"{"a":[1,{"b":"[[[\"[["}]}"#), 3);
        assert_eq!(depth(b"7"), 0);
    }
}
