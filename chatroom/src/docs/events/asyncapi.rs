//! What may a machine know of the stream `CHAT`? AsyncAPI 3: its subjects, and the messages on each.

use events::{EventType, Family};
use serde_json::{Map, Value, json};

use super::public;

/// The document, pretty, with an end of line.
///
/// # Panics
/// Never: it is a value of strings.
#[must_use]
pub fn asyncapi() -> String {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for family in public() {
        let name = channel_name(family);
        channels.insert(name.clone(), channel(family));
        operations.insert(
            format!("follow_{name}"),
            json!({
                "action": "receive",
                "channel": { "$ref": format!("#/channels/{name}") },
            }),
        );
        messages.extend(family.types().iter().map(|of| (key(*of), message(*of))));
    }
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chatroom: the events of the stream CHAT",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "CloudEvents 1.0 in binary mode: attributes in ce-* headers, the body is the fact. \
                            `chatroom replay` writes the same in structured mode.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": { "headers": headers() } },
    });
    serde_json::to_string_pretty(&document).expect("a value") + "\n"
}

fn key(of: EventType) -> String {
    format!("{}.v{}", of.name, of.version)
}

fn channel_name(family: Family) -> String {
    format!("{family:?}").to_lowercase()
}

fn channel(family: Family) -> Value {
    let address = family.subjects().replace("<stream>", "chat").replace('<', "{").replace('>', "}");
    let parameters: Map<String, Value> = address
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| (name.to_owned(), json!({ "description": describe(name) })))
        .collect();
    let of = |of: &EventType| (key(*of), json!({ "$ref": format!("#/components/messages/{}", key(*of)) }));
    let messages: Map<String, Value> = family.types().iter().map(of).collect();
    json!({ "address": address, "parameters": parameters, "messages": messages })
}

fn describe(parameter: &str) -> &'static str {
    match parameter {
        "pp" => "The room's partition: two hex digits, fixed for ever. Filter with *.",
        "room" => "Room id.",
        "user" => "User id.",
        _ => "Lounge id.",
    }
}

fn message(of: EventType) -> Value {
    json!({
        "name": of.to_string(),
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-07",
            "schema": { "$ref": format!("schemas/{}/v{}.json", of.name, of.version) },
        },
    })
}

fn headers() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "ce-actortype"],
        "properties": {
            "ce-specversion": { "const": "1.0" },
            "ce-id": { "type": "string", "format": "uuid" },
            "ce-type": text,
            "ce-source": text,
            "ce-subject": text,
            "ce-time": { "type": "string", "format": "date-time" },
            "ce-datacontenttype": { "const": "application/json" },
            "ce-dataschema": text,
            "ce-actortype": { "enum": ["user", "guest", "operator", "system"] },
            "ce-actorid": { "type": "string", "format": "uuid" },
            "ce-correlationid": text,
            "ce-causationid": { "type": "string", "format": "uuid" },
            "ce-key": text,
            "ce-bodyhash": text,
            "ce-loungeid": { "type": "string", "format": "uuid" },
            "ce-partitionkey": { "type": "string", "format": "uuid" },
            "ce-after": { "type": "string", "description": "The append condition: <seq>@<subject>." },
            "traceparent": text,
        },
    })
}
