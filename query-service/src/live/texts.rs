//! May the text of a message be told (still)? What became of the messages that were posted lately.

use events::{
    MessageEvent, MessageId, RoomId, UserId,
    message::{MessagePosted, MessageStatus, RemovalCause},
};
use std::collections::HashMap;

/// As many messages as the ring holds postings. Of one that was posted before, nobody here knows whether it was hidden
/// or removed meanwhile.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<MessageId, Text>);

#[derive(Debug)]
struct Text {
    /// Of the posting, which the ring will forget.
    position: u64,
    room: RoomId,
    author: UserId,
    status: MessageStatus,
}

impl Texts {
    /// Follows what is said, as every fold does: the first posting of an id wins, deletion is final.
    pub(super) fn follow(&mut self, position: u64, event: &MessageEvent) {
        match event {
            MessageEvent::Posted(MessagePosted { room, message, author, .. }) => {
                let (room, author, status) = (*room, *author, MessageStatus::Visible);
                self.0.entry(*message).or_insert(Text { position, room, author, status });
            }
            MessageEvent::Deleted(deleted) => self.becomes(deleted.message, MessageStatus::Deleted),
            MessageEvent::Moderated(moderated) => self.becomes(moderated.message, moderated.status),
            MessageEvent::AllRemoved(removed) => {
                let status = match removed.why {
                    RemovalCause::Moderation => MessageStatus::Removed,
                    RemovalCause::Erasure => MessageStatus::Deleted,
                };
                let theirs = |text: &&mut Text| text.room == removed.room && text.author == removed.user;
                self.0.values_mut().filter(theirs).for_each(|text| text.becomes(status));
            }
            MessageEvent::Edited(_) | MessageEvent::ReactionAdded(_) | MessageEvent::ReactionRemoved(_) => {}
        }
    }

    /// The ring forgets what happened at this position.
    pub(super) fn forget(&mut self, position: u64, event: &MessageEvent) {
        if let MessageEvent::Posted(posted) = event
            && self.0.get(&posted.message).is_some_and(|text| text.position == position)
        {
            self.0.remove(&posted.message);
        }
    }

    /// What viewers see of a message by now; `None` where its posting is not held.
    pub(super) fn status(&self, message: MessageId) -> Option<MessageStatus> {
        self.0.get(&message).map(|text| text.status)
    }

    fn becomes(&mut self, message: MessageId, status: MessageStatus) {
        if let Some(text) = self.0.get_mut(&message) {
            text.becomes(status);
        }
    }
}

impl Text {
    fn becomes(&mut self, status: MessageStatus) {
        if self.status != MessageStatus::Deleted {
            self.status = status;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageStatus::{Deleted, Hidden, Removed, Visible};
    use events::message::{MessageDeleted, MessageModerated, MessagesRemoved};
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const HELLO: MessageId = MessageId(Uuid::from_u128(3));

    fn posted(room: RoomId, message: MessageId, author: UserId) -> MessageEvent {
        MessagePosted { room, message, author, text: "hello".into(), reply_to: None, mentions: Vec::new() }.into()
    }

    fn moderated(status: MessageStatus) -> MessageEvent {
        MessageModerated { room: ROOM, message: HELLO, status, reason: None }.into()
    }

    fn all_removed(why: RemovalCause) -> MessageEvent {
        MessagesRemoved { room: ROOM, user: ADA, why, reason: None }.into()
    }

    fn after(events: &[MessageEvent]) -> Texts {
        let mut texts = Texts::default();
        events.iter().zip(1..).for_each(|(event, position)| texts.follow(position, event));
        texts
    }

    // Red without the comparison in `Text::becomes`.
    #[test]
    fn what_is_removed_may_come_back_and_what_is_deleted_may_not() {
        let status = |event| after(&[posted(ROOM, HELLO, ADA), event, moderated(Visible)]).status(HELLO);
        assert_eq!(status(moderated(Removed)), Some(Visible));
        assert_eq!(status(all_removed(RemovalCause::Moderation)), Some(Visible));
        assert_eq!(status(all_removed(RemovalCause::Erasure)), Some(Deleted));
        assert_eq!(status(MessageDeleted { room: ROOM, message: HELLO }.into()), Some(Deleted));
    }

    // Red without the comparison of rooms in `follow`.
    #[test]
    fn all_of_a_persons_are_those_of_one_room_so_far() {
        let [before, elsewhere, by_another, later] = [4, 5, 6, 7].map(|id| MessageId(Uuid::from_u128(id)));
        let texts = after(&[
            posted(ROOM, before, ADA),
            posted(RoomId(Uuid::from_u128(8)), elsewhere, ADA),
            posted(ROOM, by_another, UserId(Uuid::from_u128(9))),
            all_removed(RemovalCause::Moderation),
            posted(ROOM, later, ADA),
        ]);
        let status = [before, elsewhere, by_another, later].map(|message| texts.status(message));
        assert_eq!(status, [Some(Removed), Some(Visible), Some(Visible), Some(Visible)]);
    }

    // Red with `insert` in place of `or_insert`, and without the comparison of positions in `forget`.
    #[test]
    fn a_repeat_changes_nothing_and_a_forgotten_posting_is_unknown() {
        let again = posted(ROOM, HELLO, ADA);
        let mut texts = after(&[again.clone(), moderated(Hidden), again.clone()]);
        texts.forget(3, &again);
        assert_eq!(texts.status(HELLO), Some(Hidden));
        texts.forget(1, &again);
        assert_eq!(texts.status(HELLO), None);
    }
}
