//! May a schema change in this way and keep its version? Only by a field that may be absent.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Words that only people read.
const WORDS: [&str; 3] = ["description", "title", "$id"];
/// Where fields and shapes have names of their own.
const NAMED: [&str; 2] = ["properties", "definitions"];

/// What in `new` a reader of `old` would notice; and, behind it, the fields that were added.
#[must_use]
pub fn incompatibilities(old: &Value, new: &Value) -> (Vec<String>, Vec<String>) {
    let mut found = Found::default();
    found.compare("", old, new);
    (found.wrong, found.added)
}

#[derive(Default)]
struct Found {
    wrong: Vec<String>,
    added: Vec<String>,
}

impl Found {
    fn compare(&mut self, at: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.objects(at, old, new),
            (old, new) if at.ends_with("/required") => {
                if names(old) != names(new) {
                    self.wrong.push(format!("{at} was {old} and is {new}"));
                }
            }
            (old, new) if old == new => {}
            (old, new) => self.wrong.push(format!("{at} was {old} and is {new}")),
        }
    }

    fn objects(&mut self, at: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let holds_names = NAMED.iter().any(|named| at.ends_with(&format!("/{named}")));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys.into_iter().filter(|key| holds_names || !WORDS.contains(&key.as_str())) {
            let at = format!("{at}/{key}");
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => self.compare(&at, old, new),
                (None, Some(_)) if holds_names && at.contains("/properties/") => self.added.push(key.clone()),
                (None, Some(_)) if holds_names || key == "definitions" => {}
                (None, Some(new)) => self.wrong.push(format!("{at} is new: {new}")),
                (Some(_), None) => self.wrong.push(format!("{at} is gone")),
                (None, None) => {}
            }
        }
    }
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_field_that_may_be_absent_keeps_the_version() {
        let old = json!({ "title": "a", "properties": { "user": { "type": "string" } }, "required": ["user"] });
        let with = |change: fn(&mut Value)| {
            let mut new = old.clone();
            change(&mut new);
            incompatibilities(&old, &new)
        };
        assert_eq!(with(|new| new["title"] = json!("b")), (vec![], vec![]));
        let (wrong, added) = with(|new| new["properties"]["mood"] = json!({ "type": "string" }));
        assert_eq!((wrong.len(), added), (0, vec!["mood".to_owned()]));
        assert_eq!(with(|new| new["required"] = json!(["user", "mood"])).0.len(), 1);
        assert_eq!(with(|new| new["properties"]["user"]["type"] = json!("integer")).0.len(), 1);
        assert_eq!(with(|new| new["properties"] = json!({})).0.len(), 1);
    }
}
