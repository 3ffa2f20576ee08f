//! What does an analyst read before the first query? Each type with its fields, and an example as it is exported.

use events::{EventType, Family};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};

use super::{fixtures, public};

const HEAD: &str = "\
# The events of CHAT

Written by `WRITE_DOCS=1 cargo test -p chatroom --test documents` from the types in `events/`. JSON Schemas (draft-07) lie in
[schemas/](schemas), one a type and version; [asyncapi-events.json](asyncapi-events.json) says the same in AsyncAPI 3.

## How to read them

`chatroom replay` writes them in the order of the log, as lines of CloudEvents (`-o ndjson`), CSV or Parquet. Two replays with
the same options and end (`--to`) are the same bytes, and so is one that was cut off and resumed (`--resume`). `manifest.json`
names epoch, range, filters, counts, schemas, and the sha256 of each file, and has a hash of its own;
`chatroom replay --verify manifest.json` reads all of it again.

| In a line | In a table | What it is |
|---|---|---|
| `id` | `id` | the event's id; what a command creates has its first event's id as its own |
| `type`, `dataschema` | `type` (a folder in Parquet), `version` | what happened; always the latest version, except with `--raw` |
| `subject` | `subject`, `room_id`, `user_id`, `lounge_id` | where it is filed: the room, person or lounge that it is about |
| `time` | `time` (UTC, microseconds), `date` (a folder) | when it was decided, by that machine's clock |
| `seq` | `seq` | the place in the log: the order, never the time. More than 32 bits |
| `roomseq` | `room_seq` | its number in its room: 1, 2, 3 … without holes. CloudEvents allows no `_` |
| `actortype`, `actorid` | `actor_type`, `actor_id` | who did it |
| `correlationid`, `causationid`, `traceparent` | the same with `_` | the request, the event it follows from, the trace |
| `key`, `bodyhash`, `after` | `key`, `body_hash`, `after` | the command's idempotency key and hash, the append's condition |
| `data` | `data` (JSON) | the fact, as below; `after` in it is the state that it leaves |

An event that cannot be understood is written as it is stored and counted in the manifest (`malformed`); one of a type that this
release does not know ends the replay with its sequence. What has no JSON body carries it in `data_base64`.

`--pseudonymise` puts stable pseudonyms in the place of ids and display names of people, under a key of the exporter's. What
people wrote may name anybody, so texts, topics, descriptions and reasons are empty unless `--keep-texts` is given; names of
rooms and lounges stay. Attributes that lead back to requests are left out. It is no anonymity: ids of rooms and messages, times
and habits stay, and whoever reads this system can tell who is who.

A fact changes nothing where it does not fit: the first posting of an id wins, an edit of a deleted message is none, a reaction
is there once. `analytics/fold.py` is such a fold in a page of Python.
";

/// The page.
///
/// # Panics
/// Where a type has no fixture.
#[must_use]
pub fn events_md() -> String {
    let mut page = HEAD.to_owned();
    for family in public() {
        write!(page, "\n## {family:?}: `{}`\n", family.subjects()).expect("writing to a string");
        for of in family.schemas() {
            event(&mut page, of.event_type, &of.schema).expect("writing to a string");
        }
    }
    page +=
        "\n## Not for analysts\n\nThe other streams hold secrets or forget; an analyst's login is refused there.\n\n";
    for family in Family::ALL.into_iter().filter(|family| !public().any(|other| other == *family)) {
        let names: Vec<String> = family.types().iter().map(|of| format!("`{}`", of.name)).collect();
        writeln!(page, "- `{}`: {}", family.subjects(), names.join(", ")).expect("writing to a string");
    }
    page
}

fn event(page: &mut String, of: EventType, schema: &Value) -> std::fmt::Result {
    writeln!(page, "\n### {} v{}\n", of.name, of.version)?;
    if let Some(words) = schema["description"].as_str() {
        writeln!(page, "{}\n", one_line(words))?;
    }
    writeln!(page, "| Field | Type | |\n|---|---|---|")?;
    fields(page, "", schema, schema)?;
    let example = &fixtures(of)[0]["body"];
    writeln!(page, "\n```json\n{example}\n```")
}

fn fields(page: &mut String, above: &str, schema: &Value, root: &Value) -> std::fmt::Result {
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let shape = resolve(field, root);
        let words = field["description"].as_str().or(shape["description"].as_str()).unwrap_or_default();
        let absent = if required.contains(name.as_str()) { "" } else { " (may be absent)" };
        writeln!(page, "| `{above}{name}` | {} | {}{absent} |", type_of(field, root), one_line(words))?;
        // The state that a fact leaves: one level says enough.
        if above.is_empty() && name == "after" {
            fields(page, "after.", shape, root)?;
        }
    }
    Ok(())
}

fn type_of(field: &Value, root: &Value) -> String {
    let shape = resolve(field, root);
    if let Some(values) = shape["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    if let Some(variants) = shape["oneOf"].as_array().or(shape["anyOf"].as_array()) {
        let of = |one: &Value| one["const"].as_str().map_or_else(|| type_of(one, root), str::to_owned);
        let kinds: Vec<String> = variants.iter().map(of).filter(|kind| kind != "null").collect();
        return kinds.join(", ");
    }
    if shape["type"] == "array" {
        return format!("list of {}", type_of(&shape["items"], root));
    }
    let kind = match &shape["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("any"),
        kind => kind.as_str().unwrap_or("any"),
    };
    shape["format"].as_str().unwrap_or(kind).to_owned()
}

fn resolve<'s>(field: &'s Value, root: &'s Value) -> &'s Value {
    let reference = field["$ref"].as_str().or_else(|| field["allOf"][0]["$ref"].as_str());
    let name = reference.and_then(|reference| reference.strip_prefix("#/definitions/"));
    name.map_or(field, |name| &root["definitions"][name])
}

fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
