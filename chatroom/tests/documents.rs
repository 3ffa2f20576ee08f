//! Are the generated documents that are committed the ones that this code generates?

use std::{fs, path::Path};

// Red when a route, a field or a sentence of the documentation changes without the document.
#[test]
fn the_openapi_document_is_up_to_date() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json"));
    let generated = chatroom::docs::openapi_json();
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(path, &generated).expect("docs/ is writable");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is out of date: WRITE_DOCS=1 cargo test -p chatroom --test documents"
    );
}

#[test]
fn the_document_has_each_route_once() {
    let document = chatroom::docs::openapi();
    for path in ["/v1/users", "/v1/rooms/{id}/messages", "/v1/lounges"] {
        assert!(document.paths.paths.contains_key(path), "{path} of {:?}", document.paths.paths.keys());
    }
}
