//! What does a request get that cannot be read? The problem for each way in which it cannot.

use axum::extract::rejection::{BytesRejection, FailedToBufferBody, JsonRejection, PathRejection, QueryRejection};

use super::{Code, FieldError, Problem};

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(error) => {
                let said = std::error::Error::source(&error).map_or_else(|| error.body_text(), ToString::to_string);
                Self::validation(vec![field_error(&said)])
            }
            JsonRejection::JsonSyntaxError(error) => {
                let said = std::error::Error::source(&error).map_or_else(|| error.body_text(), ToString::to_string);
                Self::new(Code::MalformedJson, format!("The body is not well-formed JSON: {said}"))
            }
            JsonRejection::BytesRejection(error) => error.into(),
            JsonRejection::MissingJsonContentType(_) => {
                Self::new(Code::UnsupportedMediaType, "The body needs `Content-Type: application/json`.")
            }
            // axum's enum is open; a way of failing that is new to us is still the request's fault.
            other => Self::new(Code::InvalidRequest, other.body_text()),
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                Self::new(Code::PayloadTooLarge, Code::PayloadTooLarge.sentence())
            }
            other => Self::new(Code::InvalidRequest, other.body_text()),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        if rejection.status().is_server_error() {
            tracing::error!(error = %rejection, "a route and its path extractor do not fit");
            return Self::internal();
        }
        // axum quotes what it found, which may be a token in the wrong place.
        Self::new(Code::InvalidRequest, "A part of the path cannot be read, as an id that is none.")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(Code::InvalidRequest, rejection.body_text())
    }
}

/// Reads serde's sentence, which axum puts the path before (`items[0].name: missing field …`).
fn field_error(said: &str) -> FieldError {
    let (path, message) = match said.split_once(": ") {
        Some((path, message)) if !path.contains([' ', '`']) => (path, message),
        _ => ("", said),
    };
    // The position in the text helps nobody once the field is named.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let detail = without_value(message);
    let mut pointer = pointer(path);
    // serde says these two of the object, not of the field.
    let mut named = |prefix| {
        let field = message.strip_prefix(prefix)?.trim_end_matches('`');
        pointer = format!("{pointer}/{}", escaped(field));
        Some(())
    };
    let code = if named("missing field `").is_some() {
        "missing"
    } else if named("duplicate field `").is_some() {
        "duplicate-field"
    } else if message.starts_with("unknown field") {
        "unknown-field"
    } else if message.starts_with("invalid type") {
        "wrong-type"
    } else {
        "invalid"
    };
    FieldError::new(pointer, code, detail)
}

/// serde quotes what it found (`invalid type: string "hunter2", expected u8`), which may be a password in the wrong
/// place: it is not said back.
fn without_value(message: &str) -> String {
    let quotes = ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|said| message.starts_with(said));
    // What was found may hold the words itself; what is expected is ours and does not.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes => format!("expected {expected}"),
        None if quotes => "of another type".to_owned(),
        Some(_) | None => message.to_owned(),
    }
}

/// `items[0].name` → `/items/0/name`
fn pointer(path: &str) -> String {
    let mut pointer = String::with_capacity(path.len() + 1);
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&escaped(part));
    }
    pointer
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Json;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        #[expect(dead_code, reason = "only its reading is tested")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        #[expect(dead_code, reason = "only its reading is tested")]
        size: u8,
    }

    fn refused(body: &str) -> Problem {
        Json::<Wish>::from_bytes(body.as_bytes()).expect_err("refused").into()
    }

    #[test]
    fn the_pointer_names_the_field() {
        let cases = [
            (r#"{"name":"a","admin":true}"#, "/admin", "unknown-field"),
            (r#"{}"#, "/name", "missing"),
            (r#"{"name":7}"#, "/name", "wrong-type"),
            (r#"{"name":"a","name":"b"}"#, "/name", "duplicate-field"),
            (r#"{"name":"a","parts":[{"size":1},{"size":"x"}]}"#, "/parts/1/size", "wrong-type"),
            (r#"{"name":"a","parts":[{}]}"#, "/parts/0/size", "missing"),
            (r#"{"name":"a","parts":[{"size":300}]}"#, "/parts/0/size", "invalid"),
            (r#"7"#, "", "wrong-type"),
        ];
        for (body, pointer, code) in cases {
            let problem = refused(body);
            assert_eq!(problem.code, Code::Validation, "{body}");
            let error = &problem.errors[0];
            assert_eq!((error.pointer.as_str(), error.code.as_ref()), (pointer, code), "{body}: {}", error.detail);
        }
    }

    // Red with serde's own words as the detail.
    #[test]
    fn what_was_found_is_not_said_back() {
        for body in [
            r#"{"name":12345678}"#,
            r#"{"name":"a","parts":"hunter2, expected tea"}"#,
            r#"{"name":"a","parts":"hunter2 at line 7"}"#,
            r#"{"name":"a","parts":[{"size":"hunter2"}]}"#,
            r#""hunter2""#,
            "12345678",
        ] {
            let problem = refused(body);
            let said = format!("{} {}", problem.detail, problem.errors[0].detail);
            assert!(said.contains("expected") && !said.contains("hunter2") && !said.contains("12345678"), "{said}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "{\"name\":\"\\ud800\"}", "nul", "{\"name\":\"a\"} x", "{\"name\":\"a\",}"] {
            assert_eq!(refused(body).code, Code::MalformedJson, "{body}");
        }
    }
}
