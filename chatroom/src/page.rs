//! Where is the page that people see? `web/` and the client under it, in the binary, under the paths they have in the tree.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// Path and content of each file.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// What the page may do: run and load what comes from here, and speak to nobody else. No inline script, no eval.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The page at `/`, and what it loads.
pub fn router() -> Router {
    let index = FILES.iter().find(|(path, _)| *path == "/web/index.html").expect("the page is part of the binary");
    FILES.iter().fold(Router::new().route("/", get(async || file(index))), |router, served| {
        router.route(served.0, get(async move || file(served)))
    })
}

fn file((path, bytes): &'static (&str, &[u8])) -> Response {
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, media_type(path)),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        // A new binary has a new page under the same names.
        fixed(header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, *bytes).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_what_it_stands_on_are_in_the_binary() {
        for path in ["/web/index.html", "/web/main.js", "/web/style.css", "/clients/ts/dist/index.js"] {
            assert!(FILES.iter().any(|(served, bytes)| *served == path && !bytes.is_empty()), "{path}");
        }
        assert!(FILES.iter().all(|(path, _)| media_type(path) != "application/octet-stream"));
    }
}
