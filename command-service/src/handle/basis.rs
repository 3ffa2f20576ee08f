//! What does a decision stand on, and what does it draft? Tips with their sequences, and events under them.

use crate::stamp::Stamp;
use crate::tips::{State, Tip};
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

    /// The last sequence of `CHAT` among the tips: by then it was so.
    pub(crate) fn chat_seq(&self) -> u64 {
        let chat = self.tips.iter().filter(|(subject, _)| subject.stream() == StreamName::Chat);
        chat.map(|(_, tip)| tip.seq).max().unwrap_or_default()
    }

    /// The stream that the command is about.
    pub(super) fn stream(&self) -> StreamName {
        // A command that writes to the private stream may stand on public tips too, never the other way round.
        let private = self.tips.iter().any(|(subject, _)| subject.stream() == StreamName::Identity);
        if private { StreamName::Identity } else { StreamName::Chat }
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

    pub(super) fn stamped(self, stamp: &Stamp, n: usize) -> NewEvent {
        let mut envelope = stamp.envelope(n);
        envelope.after = self.after;
        envelope.lounge = self.lounge;
        NewEvent { subject: self.subject, envelope, event: self.event }
    }
}
