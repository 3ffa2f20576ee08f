//! What does a decision stand on, and what does it draft? Tips with their sequences, and events under them.

use crate::domain::identity::session::Ending;
use crate::stamp::Stamp;
use crate::tips::{State, Tip};
use events::identity::{Account, Session};
use events::{Change, Condition, Event, LoungeId, NewEvent, StreamName, Subject};

/// The tips that a command named, as they were read.
#[derive(Debug)]
pub(crate) struct Basis {
    tips: Vec<(Subject, Tip)>,
}

/// An event that is decided but for its id and time.
#[derive(Debug)]
pub(crate) struct Draft {
    subject: Subject,
    event: Event,
    after: Option<Condition>,
    lounge: Option<LoungeId>,
}

impl Basis {
    pub(super) fn new(tips: Vec<(Subject, Tip)>) -> Self {
        Self { tips }
    }

    /// The tip of a subject that the command named.
    ///
    /// # Panics
    /// When the command did not name it, which its first run shows.
    pub(crate) fn tip(&self, subject: Subject) -> &Tip {
        let named = self.tips.iter().find(|(named, _)| *named == subject);
        &named.expect("a command names the subjects that it stands on").1
    }

    pub(crate) fn tips(&self) -> impl Iterator<Item = (Subject, &Tip)> {
        self.tips.iter().map(|(subject, tip)| (*subject, tip))
    }

    /// The state on a subject.
    pub(crate) fn state<S: State>(&self, subject: Subject) -> Option<&S> {
        self.tip(subject).state()
    }

    /// A change of a small subject, with the state it leaves, under the subject's own tip.
    pub(crate) fn change<S>(&self, subject: Subject, event: impl Into<S::Event>) -> Draft
    where
        S: State,
        Event: From<Change<S::Event, S>>,
    {
        let change = Change::of(self.state::<S>(subject).cloned(), event.into());
        Draft { subject, event: change.into(), after: Some(self.condition(subject)), lounge: None }
    }

    /// An event on a subject without a tip, under the tip of another.
    pub(crate) fn under(&self, condition: Subject, subject: Subject, event: impl Into<Event>) -> Draft {
        Draft { subject, event: event.into(), after: Some(self.condition(condition)), lounge: None }
    }

    /// The end of a session, and of a guest with it: one batch.
    pub(crate) fn ending(&self, session: Subject, account: Subject, ending: Ending) -> Vec<Draft> {
        let expired = ending.expired.map(|expired| self.change::<Account>(account, expired));
        expired.into_iter().chain([self.change::<Session>(session, ending.revoked)]).collect()
    }

    /// The last sequence of `CHAT` among the tips: by then it was so.
    pub(crate) fn chat_seq(&self) -> u64 {
        let chat = self.tips.iter().filter(|(subject, _)| subject.stream() == StreamName::Chat);
        chat.map(|(_, tip)| tip.seq).max().unwrap_or_default()
    }

    fn condition(&self, subject: Subject) -> Condition {
        Condition { subject, seq: self.tip(subject).seq }
    }
}

impl Draft {
    /// An event of this lounge, or of a room in it.
    pub(crate) fn of_lounge(self, lounge: LoungeId) -> Self {
        Self { lounge: Some(lounge), ..self }
    }

    /// Where it goes; all drafts of a command go there.
    pub(super) fn stream(&self) -> StreamName {
        self.subject.stream()
    }

    /// Whether its texts can be stored: what was parsed can. Postgres has no U+0000, so one in the log would stop the
    /// projector for good.
    pub(super) fn is_storable(&self) -> bool {
        !holds_control_character(&self.event.body())
    }

    pub(super) fn stamped(self, stamp: &Stamp, n: usize) -> NewEvent {
        let mut envelope = stamp.envelope(n);
        envelope.after = self.after;
        envelope.lounge = self.lounge;
        NewEvent { subject: self.subject, envelope, event: self.event }
    }
}

/// Whether a text in this JSON has a control character but line breaks and tabs: as an escape, since JSON has no other way.
fn holds_control_character(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        match &rest[at + 1..] {
            [b'u', b'0', b'0', b'0' | b'1', ..] | [b'b' | b'f', ..] => return true,
            [_, after @ ..] => rest = after,
            [] => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_character_is_found_in_whatever_way_it_is_written() {
        let holds = |text: &str| holds_control_character(&serde_json::to_vec(&[text]).expect("JSON"));
        for c in '\0'..' ' {
            assert_eq!(holds(&format!("a{c}b")), !matches!(c, '\n' | '\r' | '\t'), "{c:?}");
        }
        for text in ["", "\\", "\\u0000", "\\\\b", "\"", "é 👍 \u{2028}"] {
            assert!(!holds(text), "{text:?}");
        }
        assert!(holds("\\\0"));
    }
}
