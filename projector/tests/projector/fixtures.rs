//! The frozen events of all releases, as records of a log.

use event_log::Record;
use events::{Actor, Envelope, EventId, Subject, Time};
use serde_json::Value;
use std::{fs, path::Path};
use uuid::Uuid;

/// Those of `CHAT` in an order in which they can have come: what begins something first. Without a new epoch, which is
/// another history, and without a drop, which would be of whatever has its number here.
pub(crate) fn of_chat() -> Vec<Record> {
    let mut found = Vec::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/fixtures")), &mut found);
    let text = |fixture: &Value, name: &str| fixture[name].as_str().expect("a text").to_owned();
    found.retain(|fixture| {
        let subject = text(fixture, "subject");
        subject.starts_with("chat.") && !subject.ends_with(".epoch") && !subject.ends_with(".drop")
    });
    found.sort_by_key(|fixture| (rank(&text(fixture, "type")), fixture.to_string()));
    let record =
        |(fixture, number): (&Value, u128)| record(&text(fixture, "subject"), &text(fixture, "type"), fixture, number);
    found.iter().zip(1..).map(record).collect()
}

fn collect(path: &Path, found: &mut Vec<Value>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("the fixtures are readable") {
            collect(&entry.expect("a name").path(), found);
        }
    } else {
        let text = fs::read(path).expect("the fixtures are readable");
        found.push(serde_json::from_slice(&text).expect("JSON"));
    }
}

fn rank(event_type: &str) -> u8 {
    let begins = ["appeared", "created", "joined", "posted"];
    begins.iter().position(|word| event_type.contains(word)).map_or(9, |place| place as u8)
}

fn record(subject: &str, event_type: &str, fixture: &Value, number: u128) -> Record {
    let parsed: Subject = subject.parse().expect("a subject of ours");
    let envelope = Envelope::new(EventId(Uuid::from_u128(8 << 64 | number)), Time::UNIX_EPOCH, Actor::System, "old");
    let mut record = Record {
        stream: parsed.stream(),
        seq: 0,
        subject: subject.to_owned(),
        headers: Default::default(),
        body: fixture["body"].to_string().into(),
    };
    let any = events::MessageEvent::TYPES[0];
    for (name, value) in envelope.headers(any, &parsed) {
        record.headers.insert(name, value.as_str());
    }
    record.headers.insert("ce-type", event_type);
    record
}
