//! What may moderators make of what others said? Also in an archived room: what is read there can be taken out.

use super::Original;
use crate::domain::membership::{Member, member};
use crate::domain::text::Reason;
use crate::domain::{Fault, Rejection};
use events::message::{MessageModerated, MessageStatus, MessagesRemoved, RemovalCause};
use events::{Membership, MessageEvent, Room, RoomId, Time, UserId};

/// A status that moderators give. Deleting is the author's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Restored.
    Visible,
    Hidden,
    Removed,
}

impl Verdict {
    pub fn parse(status: MessageStatus) -> Result<Self, Fault> {
        match status {
            MessageStatus::Visible => Ok(Self::Visible),
            MessageStatus::Hidden => Ok(Self::Hidden),
            MessageStatus::Removed => Ok(Self::Removed),
            MessageStatus::Deleted => Err(Fault::new("authors-alone", "only its author deletes a message")),
        }
    }
}

impl From<Verdict> for MessageStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Visible => Self::Visible,
            Verdict::Hidden => Self::Hidden,
            Verdict::Removed => Self::Removed,
        }
    }
}

/// Hide a message, remove it, or restore it.
#[derive(Debug, Clone)]
pub struct Moderate {
    pub verdict: Verdict,
    pub reason: Option<Reason>,
    pub by: UserId,
    pub now: Time,
}

/// Moderators judge the message, whoever wrote it; what its author deleted stays deleted.
///
/// That it has this status already is no reason to do nothing: another instance may have given it another since.
pub fn moderate(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    command: &Moderate,
) -> Result<MessageEvent, Rejection> {
    moderator(room, membership, command.by, command.now)?;
    match original.status {
        MessageStatus::Deleted => return Err(Rejection::MessageGone),
        MessageStatus::Visible | MessageStatus::Hidden | MessageStatus::Removed => {}
    }
    Ok(MessageModerated {
        room: original.room,
        message: original.message,
        status: command.verdict.into(),
        reason: command.reason.clone().map(String::from),
    }
    .into())
}

/// Remove everything that somebody has said in a room so far.
#[derive(Debug, Clone)]
pub struct RemoveAll {
    pub room: RoomId,
    pub user: UserId,
    pub reason: Option<Reason>,
    pub by: UserId,
    pub now: Time,
}

/// It reaches lower ranks only, never oneself. Who has left has no rank any more; who was never there said nothing.
pub fn remove_all(
    room: Option<&Room>,
    membership: Option<&Membership>,
    whose: Option<&Membership>,
    command: &RemoveAll,
) -> Result<MessageEvent, Rejection> {
    let moderator = moderator(room, membership, command.by, command.now)?;
    let whose = whose.ok_or(Rejection::NotFound)?;
    if command.user == command.by || whose.role >= Some(moderator.role()) {
        return Err(Rejection::NotOutranked);
    }
    Ok(MessagesRemoved {
        room: command.room,
        user: command.user,
        why: RemovalCause::Moderation,
        reason: command.reason.clone().map(String::from),
    }
    .into())
}

fn moderator(room: Option<&Room>, membership: Option<&Membership>, by: UserId, now: Time) -> Result<Member, Rejection> {
    let (_, member) = member(room, membership, by, now)?;
    member.moderates()?;
    Ok(member)
}
