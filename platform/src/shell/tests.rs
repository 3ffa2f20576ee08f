//! Does the shell turn every way of failing into a problem, and leave the rest as it is?

use super::*;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use tower::ServiceExt;

fn app(args: &ShellArgs) -> Router {
    let router = Router::new()
        .route("/big", get(|| async { "tea ".repeat(1_000) }))
        .route("/small", get(|| async { "tea" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("the pot broke")
                }
            }),
        )
        .route("/hang", get(std::future::pending::<()>))
        .route("/broken", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "select * from secrets") }))
        .route("/whence", get(|address: ClientAddress| async move { address.0.to_string() }));
    shell(router, args)
}

fn quick() -> ShellArgs {
    ShellArgs {
        cors_origins: vec!["https://chat.example".parse().expect("an origin")],
        request_ms: 50,
        body_read_ms: 50,
        ..ShellArgs::default()
    }
}

fn get_request(path: &str) -> axum::http::request::Builder {
    Request::get(path)
}

async fn answered(request: axum::http::request::Builder, body: Body) -> Response {
    app(&quick()).oneshot(request.body(body).expect("a valid request")).await.expect("infallible")
}

async fn text_of(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body in memory").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn is_problem(response: Response, status: u16, code: &str) -> serde_json::Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[header::CONTENT_TYPE], problem::PROBLEM_JSON);
    let id = response.headers()["x-request-id"].clone();
    let json: serde_json::Value = serde_json::from_str(&text_of(response).await).expect("json");
    assert_eq!(json["code"], code);
    assert_eq!(json["request_id"].as_str().expect("an id"), id.to_str().expect("ascii"));
    json
}

#[tokio::test]
async fn every_way_of_failing_is_a_problem() {
    is_problem(answered(get_request("/nowhere"), Body::empty()).await, 404, "not-found").await;
    let wrong_method = answered(Request::delete("/small"), Body::empty()).await;
    assert!(wrong_method.headers()[header::ALLOW].to_str().expect("ascii").contains("GET"));
    is_problem(wrong_method, 405, "method-not-allowed").await;
    let long = format!("/small?{}", "a".repeat(URI_BYTES_MAX));
    is_problem(answered(get_request(&long), Body::empty()).await, 414, "uri-too-long").await;
    let fat = get_request("/small").header("x-fat", "a".repeat(HEADER_BYTES_MAX));
    is_problem(answered(fat, Body::empty()).await, 431, "headers-too-large").await;
    is_problem(answered(Request::post("/echo"), Body::from(vec![b' '; 65 * 1_024])).await, 413, "payload-too-large")
        .await;
    let panicked = is_problem(answered(get_request("/panic"), Body::empty()).await, 500, "internal").await;
    assert!(!panicked.to_string().contains("pot"));
    let broken = is_problem(answered(get_request("/broken"), Body::empty()).await, 500, "internal").await;
    assert!(!broken.to_string().contains("select"));
    let late = answered(get_request("/hang"), Body::empty()).await;
    assert_eq!(late.headers()[header::RETRY_AFTER], "1");
    is_problem(late, 503, "overloaded").await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    is_problem(answered(Request::post("/echo"), never).await, 408, "request-timeout").await;
    let broken = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
    is_problem(answered(Request::post("/echo"), broken).await, 400, "invalid-request").await;
    assert_eq!(text_of(answered(Request::post("/echo"), Body::from("tea")).await).await, "tea");
}

#[tokio::test]
async fn a_request_keeps_its_own_sane_id() {
    let own = answered(get_request("/small").header("x-request-id", "web-7_a"), Body::empty()).await;
    assert_eq!(own.headers()["x-request-id"], "web-7_a");
    assert_eq!(own.headers()["x-content-type-options"], "nosniff");
    let hostile = answered(get_request("/small").header("x-request-id", "a b\"c"), Body::empty()).await;
    assert_eq!(hostile.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn what_is_large_is_compressed_for_who_accepts_it() {
    let gzip = |path: &str| get_request(path).header(header::ACCEPT_ENCODING, "br, gzip");
    let big = answered(gzip("/big"), Body::empty()).await;
    assert_eq!(big.headers()[header::CONTENT_ENCODING], "gzip");
    assert!(!answered(gzip("/small"), Body::empty()).await.headers().contains_key(header::CONTENT_ENCODING));
    let fussy = get_request("/big").header(header::ACCEPT_ENCODING, "identity;q=0");
    assert_eq!(answered(fussy, Body::empty()).await.status(), 200);
}

#[tokio::test]
async fn a_page_of_a_listed_origin_reads_answers_and_refusals() {
    for path in ["/small", "/nowhere", "/panic"] {
        let listed = answered(get_request(path).header(header::ORIGIN, "https://chat.example"), Body::empty()).await;
        assert_eq!(listed.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://chat.example");
        let exposed = listed.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("ascii").to_owned();
        assert!(exposed.contains("chat-position") && exposed.contains("ratelimit"), "{exposed}");
    }
    let other = answered(get_request("/small").header(header::ORIGIN, "https://evil.example"), Body::empty()).await;
    assert!(!other.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    let preflight = Request::options("/echo")
        .header(header::ORIGIN, "https://chat.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,idempotency-key");
    let allowed = answered(preflight, Body::empty()).await;
    assert_eq!(allowed.status(), 200);
    assert!(allowed.headers()[header::ACCESS_CONTROL_ALLOW_METHODS].to_str().expect("ascii").contains("POST"));
}

#[tokio::test]
async fn the_address_is_counted_behind_the_configured_proxies() {
    let args = ShellArgs { trusted_proxies: 1, ..quick() };
    let request = get_request("/whence").header("x-forwarded-for", "6.6.6.6, 7.7.7.7").body(Body::empty());
    let response = app(&args).oneshot(request.expect("a valid request")).await.expect("infallible");
    assert_eq!(text_of(response).await, "7.7.7.7");
}
