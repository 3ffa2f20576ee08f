//! Are the generated documents that are committed the ones that this code generates?

use chatroom::docs::events;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

/// Compares, or writes where `WRITE_DOCS` is set.
fn is_up_to_date(name: &str, generated: &str) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).join(name);
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::create_dir_all(path.parent().expect("below docs/")).expect("docs/ is writable");
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

// Red when a field, a type or a sentence of an event changes without the documents.
#[test]
fn the_catalogue_of_events_is_up_to_date() {
    is_up_to_date("EVENTS.md", &events::events_md());
    is_up_to_date("asyncapi-events.json", &events::asyncapi());
}

/// Whether a value holds a field of this name, however deep.
fn has(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key(name) || fields.values().any(|inner| has(inner, name)),
        Value::Array(values) => values.iter().any(|inner| has(inner, name)),
        _ => false,
    }
}

// Red with a field of an event that is renamed, or that is required and was not, even where `WRITE_DOCS` is set; and with one
// that is added and stands in no fixture.
#[test]
fn a_schema_changes_only_by_what_may_be_absent_and_has_a_fixture() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas"));
    let mut named = BTreeSet::new();
    for (of, path, schema) in events::schemas() {
        if let Ok(text) = fs::read_to_string(folder.join(&path)) {
            let committed: Value = serde_json::from_str(&text).expect("a schema is JSON");
            let (wrong, added) = events::incompatibilities(&committed, &schema);
            assert!(
                wrong.is_empty(),
                "{of} has changed so that who reads it would notice: {wrong:?}. Leave v{0} as it is and write a v{1} beside it, \
                 with an upcaster from v{0} and a fixture; see \"Events are for ever\" in CONTRIBUTING.md",
                of.version,
                of.version + 1,
            );
            let fixtures = events::fixtures(of);
            let unseen: Vec<_> =
                added.iter().filter(|name| !fixtures.iter().any(|fixture| has(fixture, name))).collect();
            assert!(
                unseen.is_empty(),
                "{of} has new fields, {unseen:?}, and no fixture has them: add a file beside those in events/fixtures/{}/v{}",
                of.name,
                of.version,
            );
        }
        is_up_to_date(&format!("schemas/{path}"), &(serde_json::to_string_pretty(&schema).expect("a value") + "\n"));
        named.insert(path);
    }
    // What was written once is described for ever, also when its version is not written any more.
    for entry in fs::read_dir(folder).expect("docs/schemas").map(|entry| entry.expect("an entry").path()) {
        assert!(entry.is_dir(), "{} is no type", entry.display());
    }
    assert!(named.len() >= 40);
}
