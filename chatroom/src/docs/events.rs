//! Which events are there, for people and for machines? The catalogue, from the types themselves and their frozen examples.

mod asyncapi;
mod compatible;
mod page;

pub use asyncapi::asyncapi;
pub use compatible::incompatibilities;
pub use page::events_md;

use events::{EventType, Family, StreamName};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// Families that analysts read: those of `CHAT`.
fn public() -> impl Iterator<Item = Family> {
    Family::of(StreamName::Chat)
}

/// Every schema of the log, with its place below `docs/schemas`.
#[must_use]
pub fn schemas() -> Vec<(EventType, String, Value)> {
    let all = Family::ALL.into_iter().flat_map(Family::schemas);
    all.map(|of| (of.event_type, format!("{}/v{}.json", of.event_type.name, of.event_type.version), of.schema))
        .collect()
}

/// The frozen examples of a type.
///
/// # Panics
/// Where there is none: every type has one.
#[must_use]
pub fn fixtures(event_type: EventType) -> Vec<Value> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/fixtures"));
    let folder = root.join(event_type.name).join(format!("v{}", event_type.version));
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).expect("a fixture")).expect("JSON")).collect()
}
