//! Which answers are compressed? Those over 1 KiB, with gzip, for clients that accept it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};

/// An answer up to this size is not worth it.
const BYTES_MIN: u64 = 1_024;

type Worthwhile = And<And<SizeAbove, NotForContentType>, NotForContentType>;

/// Compresses what is large and at rest: no event stream, no image.
pub(super) fn layer() -> CompressionLayer<Worthwhile> {
    let worthwhile = SizeAbove::new(BYTES_MIN)
        .and(NotForContentType::const_new("text/event-stream"))
        .and(NotForContentType::const_new("image/"));
    CompressionLayer::new().gzip(true).compress_when(worthwhile)
}

/// Decides between gzip and nothing before the handler runs. The layer above would otherwise answer
/// 406 *after* the handler has run, and a 4xx to a command has to mean that nothing was done.
pub(super) async fn settle_encoding(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if headers.contains_key(header::ACCEPT_ENCODING) {
        if accepts_gzip(headers) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        } else {
            headers.remove(header::ACCEPT_ENCODING);
        }
    }
    next.run(request).await
}

/// `gzip`, or `*` where gzip is not named, with a weight above zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for entry in lists.flat_map(|list| list.split(',')) {
        let mut parts = entry.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        any |= coding == "*" && wanted;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_who_accepts_it() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("identity;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(accepts_gzip(&headers), expected, "{accepted}");
        }
    }
}
