//! What does a client hold of a room? Frames in, messages out; what changes nothing changes nothing.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use crate::client::Frame;

/// A message as a client holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) author: String,
    /// `None` where it may not be seen, or has to be read.
    pub(super) text: Option<String>,
    pub(super) status: String,
    /// The last frame had no text, and said nothing of a status: a client reads the message then.
    pub(super) is_to_be_read: bool,
    /// Who reacted with which emoji. `None` after the room was loaded anew: then only counts are known.
    pub(super) reactions: Option<BTreeSet<(String, String)>>,
}

/// What came of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    InOrder,
    Missing(u64),
    Again,
}

/// A room, from its first number on.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) seq: u64,
    pub(super) messages: BTreeMap<String, Told>,
}

impl Held {
    /// Takes a frame of this room.
    pub(super) fn take(&mut self, frame: &Frame, seq: u64) -> Came {
        if seq <= self.seq {
            return Came::Again;
        }
        let missing = seq - self.seq - 1;
        self.seq = seq;
        self.fold(&frame.t, &frame.d);
        if missing > 0 { Came::Missing(missing) } else { Came::InOrder }
    }

    /// Forgets all, and goes on from what was read.
    pub(super) fn load(&mut self, head: u64, read: BTreeMap<String, Told>) {
        (self.seq, self.messages) = (head, read);
    }

    fn fold(&mut self, t: &str, d: &Value) {
        match t {
            "message.posted" => {
                let told = Told { reactions: Some(BTreeSet::new()), ..read(d) };
                self.messages.entry(text(&d["id"])).or_insert(told);
            }
            "message.edited" => {
                let Some(told) = self.message(d).filter(|told| told.status == "visible") else { return };
                if d["status"].is_null() || d["status"] == "visible" {
                    told.text = d["text"].as_str().map(str::to_owned);
                    told.is_to_be_read = told.text.is_none();
                }
            }
            "message.deleted" => self.becomes(d, "deleted"),
            "message.moderated" => self.becomes(d, d["status"].as_str().unwrap_or_default()),
            "messages.removed" => {
                let (author, is_erased) = (text(&d["user"]), d["why"] == "erasure");
                let theirs = self.messages.values_mut().filter(|told| told.author == author);
                theirs.for_each(|told| told.becomes(if is_erased { "deleted" } else { "removed" }));
            }
            "reaction.added" | "reaction.removed" => {
                let reaction = (text(&d["emoji"]), text(&d["user"]));
                if let Some(reactions) = self.message(d).and_then(|told| told.reactions.as_mut()) {
                    if t == "reaction.added" {
                        reactions.insert(reaction)
                    } else {
                        reactions.remove(&reaction)
                    };
                }
            }
            // Of members, rooms and what may not be seen there is nothing in a message.
            _ => {}
        }
    }

    fn becomes(&mut self, d: &Value, status: &str) {
        if let Some(told) = self.message(d) {
            told.becomes(status);
        }
    }

    fn message(&mut self, d: &Value) -> Option<&mut Told> {
        self.messages.get_mut(d["message"].as_str()?)
    }
}

impl Told {
    /// Deletion is final; a restored text comes with no frame.
    fn becomes(&mut self, status: &str) {
        if self.status != "deleted" && self.status != status {
            status.clone_into(&mut self.status);
            self.text = None;
            self.is_to_be_read = status == "visible";
        }
    }

    /// How often each emoji was put there.
    pub(super) fn counts(&self) -> Option<BTreeMap<String, u64>> {
        let reactions = self.reactions.as_ref()?;
        let mut counts = BTreeMap::new();
        reactions.iter().for_each(|(emoji, _)| *counts.entry(emoji.clone()).or_default() += 1);
        Some(counts)
    }
}

/// A message as an answer or a frame has it; who reacted is not told there.
pub(super) fn read(message: &Value) -> Told {
    Told {
        author: text(&message["author"]["id"]),
        text: message["text"].as_str().map(str::to_owned),
        status: text(&message["status"]),
        is_to_be_read: false,
        reactions: None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn frame(t: &str, d: Value) -> Frame {
        Frame { t: t.to_owned(), d, p: None, room: None, seq: None }
    }

    fn posted(id: &str, words: &str) -> Frame {
        frame("message.posted", json!({ "id": id, "author": { "id": "ada" }, "text": words, "status": "visible" }))
    }

    #[test]
    fn numbers_tell_what_is_missing_and_what_comes_again() {
        let mut held = Held::default();
        let noop = frame("noop", json!({}));
        let came: Vec<Came> = [1, 2, 2, 5].into_iter().map(|seq| held.take(&noop, seq)).collect();
        assert_eq!(came, [Came::InOrder, Came::InOrder, Came::Again, Came::Missing(2)]);
    }

    #[test]
    fn the_first_posting_wins_and_deletion_is_final() {
        let mut held = Held::default();
        let told = [
            posted("m", "first"),
            posted("m", "again"),
            frame("message.deleted", json!({ "message": "m" })),
            frame("message.moderated", json!({ "message": "m", "status": "visible" })),
            frame("message.edited", json!({ "message": "m", "text": "late" })),
        ];
        told.iter().zip(1..).for_each(|(frame, seq)| _ = held.take(frame, seq));
        assert_eq!((held.messages["m"].status.as_str(), &held.messages["m"].text), ("deleted", &None));
    }

    #[test]
    fn reactions_are_a_set() {
        let mut held = Held::default();
        let reacted = |t, user| frame(t, json!({ "message": "m", "emoji": "👍", "user": user }));
        let told = [
            posted("m", "hi"),
            reacted("reaction.added", "bob"),
            reacted("reaction.added", "bob"),
            reacted("reaction.added", "eve"),
            reacted("reaction.removed", "eve"),
        ];
        told.iter().zip(1..).for_each(|(frame, seq)| _ = held.take(frame, seq));
        assert_eq!(held.messages["m"].counts(), Some(BTreeMap::from([("👍".to_owned(), 1)])));
    }
}
