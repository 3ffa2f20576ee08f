//! What surrounds every handler of a public listener? Its id, span and metrics, CORS, compression, limits, and problems for all errors.

mod body;
mod compression;
mod cors;
mod request_id;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use clap::Args;
use futures::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use crate::address::ClientAddress;
use crate::problem::{self, Code, Problem};

pub use cors::Origin;
pub use request_id::RequestId;

/// What the shell is told by settings.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTP")]
pub struct ShellArgs {
    /// Origins of web pages that may use the API, as `https://chat.example`; comma-separated.
    #[arg(long = "cors-origin", env = "CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,

    /// Proxies of ours in front: the client's address is so many from the right of X-Forwarded-For.
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "N", default_value_t = 0)]
    pub trusted_proxies: u8,

    /// Milliseconds for a request's body to arrive.
    #[arg(long, env = "BODY_READ_MS", value_name = "MS", default_value_t = 10_000)]
    pub body_read_ms: u64,

    /// Milliseconds for a request to be answered once its body is there.
    #[arg(long, env = "REQUEST_MS", value_name = "MS", default_value_t = 5_000)]
    pub request_ms: u64,

    /// Bytes of a request's body.
    #[arg(long, env = "BODY_BYTES_MAX", value_name = "BYTES", default_value_t = 64 * 1_024)]
    pub body_bytes_max: usize,
}

impl Default for ShellArgs {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            trusted_proxies: 0,
            body_read_ms: 10_000,
            request_ms: 5_000,
            body_bytes_max: 64 * 1_024,
        }
    }
}

/// Headers of a request, names and values together.
pub const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// The request target.
pub const URI_BYTES_MAX: usize = 2 * 1_024;
/// The limit of a body on the routes of accounts and sessions: `.layer(DefaultBodyLimit::max(AUTH_BODY_BYTES_MAX))`.
pub const AUTH_BODY_BYTES_MAX: usize = 4 * 1_024;

#[derive(Debug)]
struct Limits {
    proxies: usize,
    body_read: Duration,
    request: Duration,
    body_bytes_max: usize,
}

/// Puts the shell around a router, routes and fallback alike. Outermost first: id, span, metrics and
/// `nosniff`; CORS; gzip over 1 KiB; problems for every error, a panic included; the limits of URI,
/// headers, body and time.
///
/// A handler that does not answer in time is dropped and answered 503: whether a command was applied
/// is then unknown, and its repetition with the same key tells. Upgraded sockets and streamed answers
/// are not cut, because the time ends with the answer's head.
pub fn shell(router: Router, args: &ShellArgs) -> Router {
    let limits = Arc::new(Limits {
        proxies: usize::from(args.trusted_proxies),
        body_read: Duration::from_millis(args.body_read_ms),
        request: Duration::from_millis(args.request_ms),
        body_bytes_max: args.body_bytes_max,
    });
    router
        // Our own limit is checked before; a route may set a lower one.
        .layer(DefaultBodyLimit::max(args.body_bytes_max))
        .layer(middleware::from_fn_with_state(limits, guard))
        .layer(compression::layer())
        .layer(middleware::from_fn(compression::settle_encoding))
        .layer(cors::layer(&args.cors_origins))
        .layer(middleware::from_fn(observe))
}

/// The outer half: who asks, how long it took, what came out.
async fn observe(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route_text = || route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = method_name(request.method());
    let span = tracing::info_span!("request", request_id = id.as_str(), method, route = route_text());
    request.extensions_mut().insert(id.clone());

    let mut response = next.run(request).instrument(span.clone()).await;

    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(request_id::HEADER, id.header());
    let took = began.elapsed();
    metrics::histogram!(
        "http_request_duration_seconds",
        "method" => method,
        "route" => route_text().to_owned(),
        "status" => status.as_str().to_owned(),
    )
    .record(took.as_secs_f64());
    let duration_ms = took.as_secs_f64() * 1_000.0;
    span.in_scope(|| match status.is_server_error() {
        true => tracing::warn!(status = status.as_u16(), duration_ms, "answered"),
        false => tracing::debug!(status = status.as_u16(), duration_ms, "answered"),
    });
    response
}

/// The inner half: nothing too large or too slow goes in, nothing but answers and problems comes out.
async fn guard(State(limits): State<Arc<Limits>>, mut request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::new);
    let address = ClientAddress::of(request.headers(), request.extensions(), limits.proxies);
    request.extensions_mut().insert(address);
    let answered = AssertUnwindSafe(within(&limits, request, next)).catch_unwind().await;
    let response = answered.unwrap_or_else(|panic| {
        let message =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        tracing::error!(message, "a handler panicked");
        metrics::counter!("http_panics_total").increment(1);
        Problem::internal().into_response()
    });
    problem::in_full(response, id.as_str())
}

async fn within(limits: &Limits, request: Request, next: Next) -> Response {
    if let Err(problem) = fits(&request) {
        return problem.into_response();
    }
    let request = match body::arrived(request, limits.body_bytes_max, limits.body_read).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match tokio::time::timeout(limits.request, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::overloaded("This took too long. If it was a command, whether it was applied is unknown.")
            .into_response(),
    }
}

fn fits(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    let uri_bytes = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if uri_bytes > URI_BYTES_MAX {
        return Err(Problem::new(Code::UriTooLong, Code::UriTooLong.sentence()));
    }
    if header_bytes(request.headers()) > HEADER_BYTES_MAX {
        return Err(Problem::new(Code::HeadersTooLarge, Code::HeadersTooLarge.sentence()));
    }
    Ok(())
}

fn header_bytes(headers: &HeaderMap) -> usize {
    // As on the wire: a colon, a space and a line break each.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// The method as a label: what we do not know is one label, or clients would make as many as they like.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
