//! What has this instance appended a moment ago? Keyed commands, messages, and what it made of them.

use super::Known;
use crate::domain::message::Original;
use crate::memory::Generations;
use event_log::Fact;
use events::message::{MessageStatus, RemovalCause};
use events::{Event, EventId, MessageEvent, MessageId, StreamName};

/// Events, and messages changed, in one of two generations; some 5 MB when all are full.
const RECENT_MAX: usize = 16_384;

/// Where an event of a keyed command or a message stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: StreamName,
    pub(crate) seq: u64,
    pub(super) original: Option<Original>,
}

/// What this instance made of a message, and where in `CHAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Became {
    pub(super) status: MessageStatus,
    pub(super) seq: u64,
}

#[derive(Debug)]
pub(super) struct Recent {
    places: Generations<EventId, Place>,
    became: Generations<MessageId, Became>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { places: Generations::new(RECENT_MAX), became: Generations::new(RECENT_MAX) }
    }

    pub(super) fn place(&mut self, id: EventId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    /// A message that was posted here, as it was then.
    pub(super) fn posted(&mut self, message: MessageId) -> Option<Known> {
        let Place { seq, original, .. } = self.place(EventId(message.0))?;
        original.map(|original| Known { original, seq })
    }

    pub(super) fn became(&mut self, message: MessageId) -> Option<Became> {
        self.became.get(&message).copied()
    }

    pub(super) fn remember(&mut self, fact: &Fact) {
        let original = match &fact.event {
            Event::Message(event) => self.follow(event, fact),
            Event::Report(_) | Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) => None,
            Event::Phone(_) | Event::Account(_) | Event::Credential(_) | Event::Session(_) | Event::User(_) => None,
            Event::Lounge(_) | Event::Room(_) | Event::Membership(_) | Event::Presence(_) | Event::Marker(_) => None,
        };
        if original.is_some() || fact.envelope.key.is_some() {
            self.places.insert(fact.envelope.id, Place { stream: fact.subject.stream(), seq: fact.seq, original });
        }
    }

    /// What a fact makes of messages; of a posting, the message.
    fn follow(&mut self, event: &MessageEvent, fact: &Fact) -> Option<Original> {
        match event {
            MessageEvent::Posted(posted) => {
                return Some(Original {
                    room: posted.room,
                    message: posted.message,
                    author: posted.author,
                    created_at: fact.envelope.time,
                    status: MessageStatus::Visible,
                });
            }
            MessageEvent::Deleted(deleted) => self.make(deleted.message, MessageStatus::Deleted, fact.seq),
            MessageEvent::Moderated(moderated) => self.make(moderated.message, moderated.status, fact.seq),
            MessageEvent::AllRemoved(removed) => {
                let status = match removed.why {
                    RemovalCause::Moderation => MessageStatus::Removed,
                    RemovalCause::Erasure => MessageStatus::Deleted,
                };
                let originals = self.places.values().filter_map(|place| place.original);
                let his = originals.filter(|original| original.room == removed.room && original.author == removed.user);
                let his: Vec<MessageId> = his.map(|original| original.message).collect();
                his.into_iter().for_each(|message| self.make(message, status, fact.seq));
            }
            MessageEvent::Edited(_) | MessageEvent::ReactionAdded(_) | MessageEvent::ReactionRemoved(_) => {}
        }
        None
    }

    /// As every fold has it: what is deleted stays deleted.
    fn make(&mut self, message: MessageId, status: MessageStatus, seq: u64) {
        if self.became(message).is_none_or(|became| became.status != MessageStatus::Deleted) {
            self.became.insert(message, Became { status, seq });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::message::{MessageDeleted, MessageModerated, MessagePosted, MessagesRemoved};
    use events::{Actor, Envelope, RoomId, Subject, Time, UserId};
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn message(n: u128) -> MessageId {
        MessageId(Uuid::from_u128(n))
    }

    fn posted(n: u128, author: UserId) -> MessageEvent {
        let (text, mentions) = ("hello".to_owned(), Vec::new());
        MessagePosted { room: HALL, message: message(n), author, text, reply_to: None, mentions }.into()
    }

    fn moderated(n: u128, status: MessageStatus) -> MessageEvent {
        MessageModerated { room: HALL, message: message(n), status, reason: None }.into()
    }

    fn given(events: &[MessageEvent]) -> Recent {
        let mut recent = Recent::new();
        for (event, seq) in events.iter().zip(1..) {
            let id = match event {
                MessageEvent::Posted(posted) => EventId(posted.message.0),
                _ => EventId(Uuid::from_u128(1_000 + u128::from(seq))),
            };
            let envelope = Envelope::new(id, Time::UNIX_EPOCH, Actor::User(ADA), "r");
            let subject = Subject::RoomMessages(HALL);
            recent.remember(&Fact { seq, subject, envelope, event: event.clone().into() });
        }
        recent
    }

    fn status(recent: &mut Recent, n: u128) -> Option<MessageStatus> {
        recent.became(message(n)).map(|became| became.status)
    }

    #[test]
    fn what_was_posted_here_is_known_and_so_is_what_became_of_it() {
        let mut recent = given(&[posted(1, ADA), posted(2, BOB), moderated(2, MessageStatus::Hidden)]);
        assert_eq!(recent.posted(message(1)).map(|known| known.original.author), Some(ADA));
        assert_eq!(recent.became(message(2)), Some(Became { status: MessageStatus::Hidden, seq: 3 }));
        assert_eq!((recent.posted(message(3)).is_none(), recent.became(message(1))), (true, None));
    }

    // Red with `make` inserting always.
    #[test]
    fn what_is_deleted_stays_deleted() {
        let deleted = MessageDeleted { room: HALL, message: message(1) }.into();
        let mut recent = given(&[posted(1, ADA), deleted, moderated(1, MessageStatus::Visible)]);
        assert_eq!(status(&mut recent, 1), Some(MessageStatus::Deleted));
    }

    #[test]
    fn a_removal_of_all_reaches_what_that_person_said_so_far() {
        let removed = MessagesRemoved { room: HALL, user: ADA, why: RemovalCause::Moderation, reason: None }.into();
        let mut recent = given(&[posted(1, ADA), posted(2, BOB), removed, posted(3, ADA)]);
        assert_eq!([1, 2, 3].map(|n| status(&mut recent, n)), [Some(MessageStatus::Removed), None, None]);
    }
}
