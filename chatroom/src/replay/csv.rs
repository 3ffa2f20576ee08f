//! How is an event a row of a comma-separated file? As RFC 4180 has it; what is absent is empty.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    columns::{COLUMNS, Value, values},
    exported::Exported,
};

/// The names of the columns.
pub(super) fn header(line: &mut Vec<u8>) {
    line.extend_from_slice(b"type");
    for column in COLUMNS {
        line.push(b',');
        line.extend_from_slice(column.name.as_bytes());
    }
    line.extend_from_slice(b"\r\n");
}

/// Appends one row.
pub(super) fn write(line: &mut Vec<u8>, event: &Exported) {
    field(line, event.type_name().0.as_bytes());
    for value in values(event) {
        line.push(b',');
        match value {
            None => {}
            Some(Value::Number(number)) => line.extend_from_slice(number.to_string().as_bytes()),
            Some(Value::Time(micros)) => {
                let time = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
                line.extend_from_slice(time.to_rfc3339_opts(SecondsFormat::Micros, true).as_bytes());
            }
            Some(Value::Text(text)) => field(line, &text),
        }
    }
    line.extend_from_slice(b"\r\n");
}

fn field(line: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        line.extend_from_slice(text);
        return;
    }
    line.push(b'"');
    for byte in text {
        if *byte == b'"' {
            line.push(b'"');
        }
        line.push(*byte);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_only_where_it_has_to_be() {
        let quoted = |text: &str| {
            let mut line = Vec::new();
            field(&mut line, text.as_bytes());
            String::from_utf8(line).expect("text")
        };
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted(r#"{"a":1,"b":2}"#), r#""{""a"":1,""b"":2}""#);
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }
}
