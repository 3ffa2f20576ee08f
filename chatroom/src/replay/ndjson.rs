//! How is an event a line? As CloudEvents in structured mode, so that each line is an event by itself.

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    attribute::{Attribute, ROOM_SEQ, SEQ, SPEC_VERSION},
    exported::{Data, Exported},
};

/// Appends one line.
pub(super) fn write(line: &mut Vec<u8>, event: &Exported) -> Result<()> {
    line.extend_from_slice(b"{\"specversion\":");
    text(line, SPEC_VERSION)?;
    for attribute in Attribute::ALL {
        if let Some(value) = event.get(attribute) {
            member(line, attribute.name());
            text(line, value)?;
        }
    }
    for (name, value) in &event.others {
        member(line, name);
        text(line, value)?;
    }
    member(line, SEQ);
    line.extend_from_slice(event.seq.to_string().as_bytes());
    if let Some(room_seq) = event.room_seq {
        member(line, ROOM_SEQ);
        line.extend_from_slice(room_seq.to_string().as_bytes());
    }
    match &event.data {
        Data::Absent => {}
        Data::Json(json) => {
            member(line, "data");
            line.extend_from_slice(json);
        }
        Data::Bytes(bytes) => {
            member(line, "data_base64");
            text(line, &STANDARD.encode(bytes))?;
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn member(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

fn text(line: &mut Vec<u8>, text: &str) -> Result<()> {
    serde_json::to_writer(line, text)?;
    Ok(())
}
