//! Are the generated documents that are committed the ones that this code generates?

use std::{fs, path::Path};

/// Compares, or writes where `WRITE_DOCS` is set.
fn is_up_to_date(name: &str, generated: &str) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).join(name);
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, generated).expect("docs/ is writable");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated, "docs/{name} is out of date: WRITE_DOCS=1 cargo test -p chatroom --test documents");
}

// Red when a route, a field or a sentence of the documentation changes without the document.
#[test]
fn the_openapi_document_is_up_to_date() {
    is_up_to_date("openapi.json", &chatroom::docs::openapi_json());
}

// Red when a frame, a field of one or a close code changes without the document.
#[test]
fn the_document_of_the_live_protocol_is_up_to_date() {
    is_up_to_date("asyncapi.json", &chatroom::docs::asyncapi_json());
}

// Red when a cell of docs/authorisation.csv changes without the document.
#[test]
fn the_tables_of_who_may_do_what_are_up_to_date() {
    is_up_to_date("AUTHORISATION.md", &chatroom::docs::authorisation_md());
}

#[test]
fn the_document_has_each_route_once() {
    let document = chatroom::docs::openapi();
    for path in ["/v1/users", "/v1/rooms/{id}/messages", "/v1/lounges"] {
        assert!(document.paths.paths.contains_key(path), "{path} of {:?}", document.paths.paths.keys());
    }
}
