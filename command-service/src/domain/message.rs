//! Who may say something, and who may change or take back what was said?

use super::membership::{Member, member, not_muted};
use super::{Rejection, text::MessageText};
use chrono::TimeDelta;
use events::message::{MessageDeleted, MessageEdited, MessagePosted, MessageStatus};
use events::{Membership, MessageEvent, MessageId, Room, RoomId, Time, UserId};

/// How long an author may edit.
pub const EDIT_WINDOW: TimeDelta = TimeDelta::hours(24);
/// People named in one message.
pub const MENTIONS_MAX: usize = 20;

/// Say something.
#[derive(Debug, Clone)]
pub struct PostMessage {
    pub room: RoomId,
    pub message: MessageId,
    pub text: MessageText,
    /// A message that is known to be of the same room.
    pub reply_to: Option<MessageId>,
    pub mentions: Vec<UserId>,
    pub by: UserId,
    pub now: Time,
}

/// Members post who are not muted, in rooms that are not archived.
pub fn post(
    room: Option<&Room>,
    membership: Option<&Membership>,
    command: &PostMessage,
) -> Result<MessageEvent, Rejection> {
    let author = speaker(room, membership, command.by, command.now)?;
    Ok(MessagePosted {
        room: command.room,
        message: command.message,
        author: author.user(),
        text: command.text.clone().into(),
        reply_to: command.reply_to,
        mentions: command.mentions.clone(),
    }
    .into())
}

/// What is known of a message that somebody wants to change. Its room and author never change,
/// so any source of them is good, however old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original {
    pub room: RoomId,
    pub message: MessageId,
    pub author: UserId,
    pub created_at: Time,
    /// As far as is known; a later deletion wins in every fold.
    pub status: MessageStatus,
}

/// Its author edits a message within a day, while he may speak.
pub fn edit(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    text: &MessageText,
    by: UserId,
    now: Time,
) -> Result<MessageEvent, Rejection> {
    let author = speaker(room, membership, by, now)?;
    own(author, original)?;
    match original.status {
        MessageStatus::Deleted | MessageStatus::Removed => return Err(Rejection::MessageGone),
        MessageStatus::Visible | MessageStatus::Hidden => {}
    }
    if now >= original.created_at + EDIT_WINDOW {
        return Err(Rejection::EditWindowOver);
    }
    Ok(MessageEdited { room: original.room, message: original.message, text: text.clone().into() }.into())
}

/// Its author takes a message back at any time, muted or not. What is deleted stays deleted.
pub fn delete(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    by: UserId,
    now: Time,
) -> Result<Option<MessageEvent>, Rejection> {
    let (room, author) = member(room, membership, by, now)?;
    own(author, original)?;
    match original.status {
        MessageStatus::Deleted => return Ok(None),
        MessageStatus::Visible | MessageStatus::Hidden | MessageStatus::Removed => {}
    }
    if !room.active {
        return Err(Rejection::Archived);
    }
    Ok(Some(MessageDeleted { room: original.room, message: original.message }.into()))
}

fn speaker(room: Option<&Room>, membership: Option<&Membership>, by: UserId, now: Time) -> Result<Member, Rejection> {
    let (room, author) = member(room, membership, by, now)?;
    not_muted(membership, now)?;
    if room.active { Ok(author) } else { Err(Rejection::Archived) }
}

fn own(author: Member, original: &Original) -> Result<(), Rejection> {
    if author.user() == original.author { Ok(()) } else { Err(Rejection::NotAuthor) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::membership::{Restriction, Role};
    use events::{LoungeId, Visibility};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));
    const HELLO: MessageId = MessageId(Uuid::from_u128(4));
    const NOW: Time = Time::UNIX_EPOCH;

    fn room() -> Room {
        Room {
            lounge: LoungeId(Uuid::from_u128(9)),
            name: "Hall".to_owned(),
            topic: None,
            language: "en".to_owned(),
            visibility: Visibility::Public,
            guests: false,
            active: true,
            owners: BTreeSet::from([BOB]),
            created_at: NOW,
            kept: Default::default(),
        }
    }

    fn a_member() -> Membership {
        Membership { role: Some(Role::Member), ..Membership::default() }
    }

    fn a_muted_member() -> Membership {
        Membership { muted: Some(Restriction { until: None, reason: None }), ..a_member() }
    }

    fn words(text: &str) -> MessageText {
        MessageText::parse(text.to_owned()).expect("a text")
    }

    fn ada_posts(room: &Room, membership: Option<&Membership>) -> Result<MessageEvent, Rejection> {
        let (text, mentions) = (words("hello"), vec![BOB]);
        let command = PostMessage { room: HALL, message: HELLO, text, reply_to: None, mentions, by: ADA, now: NOW };
        post(Some(room), membership, &command)
    }

    fn hello_of(author: UserId) -> Original {
        Original { room: HALL, message: HELLO, author, created_at: NOW, status: MessageStatus::Visible }
    }

    fn ada_edits(membership: &Membership, original: &Original, now: Time) -> Result<MessageEvent, Rejection> {
        edit(Some(&room()), Some(membership), original, &words("hi"), ADA, now)
    }

    fn ada_deletes(room: &Room, original: &Original) -> Result<bool, Rejection> {
        delete(Some(room), Some(&a_muted_member()), original, ADA, NOW).map(|deleted| deleted.is_some())
    }

    #[test]
    fn a_member_posts_what_he_said() {
        let MessageEvent::Posted(posted) = ada_posts(&room(), Some(&a_member())).expect("allowed") else {
            panic!("a posting")
        };
        assert_eq!((posted.author, posted.text.as_str(), posted.mentions), (ADA, "hello", vec![BOB]));
    }

    #[test]
    fn who_is_not_in_muted_or_in_an_archived_room_posts_not() {
        assert_eq!(ada_posts(&room(), None), Err(Rejection::NotAMember));
        assert_eq!(ada_posts(&room(), Some(&a_muted_member())), Err(Rejection::Muted { until: None }));
        let archived = Room { active: false, ..room() };
        assert_eq!(ada_posts(&archived, Some(&a_member())), Err(Rejection::Archived));
    }

    #[test]
    fn one_edits_ones_own_within_a_day_and_not_while_muted() {
        assert!(ada_edits(&a_member(), &hello_of(ADA), NOW).is_ok());
        assert_eq!(ada_edits(&a_member(), &hello_of(BOB), NOW), Err(Rejection::NotAuthor));
        assert_eq!(ada_edits(&a_member(), &hello_of(ADA), NOW + EDIT_WINDOW), Err(Rejection::EditWindowOver));
        assert_eq!(ada_edits(&a_muted_member(), &hello_of(ADA), NOW), Err(Rejection::Muted { until: None }));
    }

    #[test]
    fn what_is_gone_is_not_edited() {
        for status in [MessageStatus::Deleted, MessageStatus::Removed] {
            let gone = Original { status, ..hello_of(ADA) };
            assert_eq!(ada_edits(&a_member(), &gone, NOW), Err(Rejection::MessageGone));
        }
        assert!(ada_edits(&a_member(), &Original { status: MessageStatus::Hidden, ..hello_of(ADA) }, NOW).is_ok());
    }

    #[test]
    fn one_deletes_ones_own_once_and_also_while_muted() {
        assert_eq!(ada_deletes(&room(), &hello_of(ADA)), Ok(true));
        assert_eq!(ada_deletes(&room(), &hello_of(BOB)), Err(Rejection::NotAuthor));
        let deleted = Original { status: MessageStatus::Deleted, ..hello_of(ADA) };
        assert_eq!(ada_deletes(&room(), &deleted), Ok(false));
        assert_eq!(ada_deletes(&Room { active: false, ..room() }, &hello_of(ADA)), Err(Rejection::Archived));
    }
}
