//! Who may say something, and who may change or take back what was said?

mod moderate;
mod react;
mod report;

#[cfg(test)]
mod tests;

pub use moderate::{Moderate, RemoveAll, Verdict, moderate, remove_all};
pub use react::{react, take_back};
pub use report::report;

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
    not_gone(original)?;
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

/// What was removed may come back, but nobody writes on it meanwhile.
fn not_gone(original: &Original) -> Result<(), Rejection> {
    match original.status {
        MessageStatus::Deleted | MessageStatus::Removed => Err(Rejection::MessageGone),
        MessageStatus::Visible | MessageStatus::Hidden => Ok(()),
    }
}

fn own(author: Member, original: &Original) -> Result<(), Rejection> {
    if author.user() == original.author { Ok(()) } else { Err(Rejection::NotAuthor) }
}
