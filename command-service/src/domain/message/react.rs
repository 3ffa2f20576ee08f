//! Who may react to what was said, and take a reaction back?

use super::{Original, not_gone, speaker};
use crate::domain::Rejection;
use crate::domain::emoji::Emoji;
use crate::domain::membership::member;
use events::message::{ReactionAdded, ReactionRemoved};
use events::{Membership, MessageEvent, Room, Time, UserId};

/// Who may speak may react. That he has reacted so already is not known here: reactions are a set, so a repeat
/// changes nothing in any fold.
pub fn react(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    emoji: Emoji,
    by: UserId,
    now: Time,
) -> Result<MessageEvent, Rejection> {
    let user = speaker(room, membership, by, now)?.user();
    not_gone(original)?;
    Ok(ReactionAdded { room: original.room, message: original.message, user, emoji: emoji.into() }.into())
}

/// One's own, muted or not: to take something back is not to speak.
pub fn take_back(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    emoji: Emoji,
    by: UserId,
    now: Time,
) -> Result<MessageEvent, Rejection> {
    let (room, member) = member(room, membership, by, now)?;
    not_gone(original)?;
    if !room.active {
        return Err(Rejection::Archived);
    }
    let user = member.user();
    Ok(ReactionRemoved { room: original.room, message: original.message, user, emoji: emoji.into() }.into())
}
