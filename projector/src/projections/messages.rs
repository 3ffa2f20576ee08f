//! What was said, and what became of it? `rm.messages` and `rm.message_versions`: the first posting of an id wins,
//! deletion is final, an edit keeps the text that it replaces.

mod copy;
mod versions;
mod write;

use events::{
    MessageEvent, MessageId, RoomId, Time, UserId,
    message::{MessagePosted, MessageStatus, RemovalCause},
};
use std::{collections::BTreeMap, sync::Arc};

/// In the order in which they are written: each stage is what lies before one removal of all of somebody's messages,
/// which reaches rows that these facts do not name.
#[derive(Default)]
pub(super) struct Changes<'a>(Vec<Stage<'a>>);

#[derive(Default)]
struct Stage<'a> {
    /// To rows that are not posted in this stage; written first.
    changes: BTreeMap<(RoomId, MessageId), Change<'a>>,
    posted: BTreeMap<MessageId, Posted<'a>>,
    /// What ends the stage.
    removal: Option<Removal>,
}

struct Posted<'a> {
    room: RoomId,
    room_seq: u64,
    language: Arc<str>,
    position: u64,
    at: Time,
    message: &'a MessagePosted,
    /// What happened to it since.
    change: Change<'a>,
}

struct Removal {
    room: RoomId,
    author: UserId,
    why: RemovalCause,
}

/// Several facts about one message, as one write. On a deleted row it changes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Change<'a> {
    /// In the order of the log: the last is what stands, the others are versions.
    edits: Vec<Text<'a>>,
    status: Option<MessageStatus>,
}

/// What a posting or an edit said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text<'a> {
    text: &'a str,
    at: Time,
    position: u64,
}

impl Posted<'_> {
    /// As it was said first.
    fn text(&self) -> Text<'_> {
        Text { text: &self.message.text, at: self.at, position: self.position }
    }
}

impl<'a> Change<'a> {
    fn edit(&mut self, edit: Text<'a>) {
        if !self.is_deletion() {
            self.edits.push(edit);
        }
    }

    fn is_deletion(&self) -> bool {
        self.status == Some(MessageStatus::Deleted)
    }

    fn delete(&mut self) {
        self.status = Some(MessageStatus::Deleted);
    }

    fn moderate(&mut self, status: MessageStatus) {
        // Deleting is the author's alone.
        if !self.is_deletion() && status != MessageStatus::Deleted {
            self.status = Some(status);
        }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The text after it, where it changes; a hidden or removed message keeps its own, for moderators.
    fn text(&self) -> Option<&'a str> {
        if self.is_deletion() { Some("") } else { self.last_edit().map(|edit| edit.text) }
    }

    /// The last edit, also of what was deleted then.
    fn last_edit(&self) -> Option<Text<'a>> {
        self.edits.last().copied()
    }
}

impl<'a> Changes<'a> {
    /// `language`: the room's, as of this event.
    pub(super) fn fold(
        &mut self,
        room: RoomId,
        room_seq: u64,
        language: &Arc<str>,
        event: &'a MessageEvent,
        at: Time,
        position: u64,
    ) {
        match event {
            MessageEvent::Posted(message) => {
                let (language, change) = (Arc::clone(language), Change::default());
                let first = Posted { room, room_seq, language, position, at, message, change };
                self.stage().posted.entry(message.message).or_insert(first);
            }
            MessageEvent::Edited(edited) => {
                self.change(room, edited.message).edit(Text { text: &edited.text, at, position });
            }
            MessageEvent::Deleted(deleted) => self.change(room, deleted.message).delete(),
            MessageEvent::Moderated(moderated) => self.change(room, moderated.message).moderate(moderated.status),
            MessageEvent::AllRemoved(removed) => {
                self.stage().removal = Some(Removal { room, author: removed.user, why: removed.why });
            }
            MessageEvent::ReactionAdded(_) | MessageEvent::ReactionRemoved(_) => {}
        }
    }

    /// With which language a message is written first.
    #[cfg(test)]
    pub(super) fn language(&self, message: MessageId) -> Option<&str> {
        self.0.iter().find_map(|stage| stage.posted.get(&message)).map(|posted| &*posted.language)
    }

    /// The stage that is open.
    fn stage(&mut self) -> &mut Stage<'a> {
        if self.0.last().is_none_or(|stage| stage.removal.is_some()) {
            self.0.push(Stage::default());
        }
        self.0.last_mut().expect("one was pushed if there was none")
    }

    fn change(&mut self, room: RoomId, message: MessageId) -> &mut Change<'a> {
        let stage = self.stage();
        match stage.posted.get_mut(&message) {
            Some(posted) if posted.room == room => &mut posted.change,
            _ => stage.changes.entry((room, message)).or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::message::{MessageDeleted, MessageEdited, MessageModerated, MessagesRemoved};
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const HELLO: MessageId = MessageId(Uuid::from_u128(3));

    fn posted(text: &str) -> MessageEvent {
        let (text, mentions) = (text.to_owned(), Vec::new());
        MessagePosted { room: ROOM, message: HELLO, author: ADA, text, reply_to: None, mentions }.into()
    }

    fn edited(text: &str) -> MessageEvent {
        MessageEdited { room: ROOM, message: HELLO, text: text.to_owned() }.into()
    }

    fn deleted() -> MessageEvent {
        MessageDeleted { room: ROOM, message: HELLO }.into()
    }

    fn moderated(status: MessageStatus) -> MessageEvent {
        MessageModerated { room: ROOM, message: HELLO, status, reason: None }.into()
    }

    fn folded(events: &[MessageEvent]) -> Changes<'_> {
        let mut changes = Changes::default();
        for (event, seq) in events.iter().zip(1..) {
            changes.fold(ROOM, seq, &"en".into(), event, Time::UNIX_EPOCH, seq);
        }
        changes
    }

    #[test]
    fn several_facts_about_one_message_are_one_write() {
        let events = [posted("helo"), edited("hello"), moderated(MessageStatus::Hidden)];
        let changes = folded(&events);
        let [stage] = changes.0.as_slice() else { panic!("one stage") };
        assert!(stage.changes.is_empty());
        let change = &stage.posted[&HELLO].change;
        assert_eq!((change.text(), change.status), (Some("hello"), Some(MessageStatus::Hidden)));
    }

    #[test]
    fn an_edit_or_a_restoring_after_the_deletion_changes_nothing() {
        let events = [posted("hello"), edited("hallo"), deleted(), edited("again"), moderated(MessageStatus::Visible)];
        let changes = folded(&events);
        let change = &changes.0[0].posted[&HELLO].change;
        assert_eq!((change.text(), change.status), (Some(""), Some(MessageStatus::Deleted)));
        assert_eq!(change.last_edit().map(|edit| (edit.text, edit.position)), Some(("hallo", 2)));
    }

    #[test]
    fn the_first_posting_of_an_id_wins() {
        let events = [posted("first"), posted("second")];
        let stage = &folded(&events).0[0];
        assert_eq!(stage.posted[&HELLO].message.text, "first");
        assert_eq!(stage.posted[&HELLO].room_seq, 1);
    }

    #[test]
    fn what_comes_after_a_removal_of_all_is_written_after_it() {
        let removed = MessagesRemoved { room: ROOM, user: ADA, why: RemovalCause::Moderation, reason: None }.into();
        let events = [posted("hello"), removed, moderated(MessageStatus::Visible)];
        let changes = folded(&events);
        let [before, after] = changes.0.as_slice() else { panic!("two stages") };
        assert!(before.removal.is_some() && before.posted.contains_key(&HELLO));
        assert_eq!(after.changes[&(ROOM, HELLO)].status, Some(MessageStatus::Visible));
    }
}
