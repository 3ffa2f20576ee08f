//! Who may report what was said?

use super::{Original, not_gone};
use crate::domain::Rejection;
use crate::domain::membership::member;
use crate::domain::text::Reason;
use events::message::{MessageReported, ReportEvent};
use events::{Membership, Room, Time, UserId};

/// Who can read it: members, muted or not, also in an archived room. What is gone is read by nobody.
pub fn report(
    room: Option<&Room>,
    membership: Option<&Membership>,
    original: &Original,
    reason: Option<Reason>,
    by: UserId,
    now: Time,
) -> Result<ReportEvent, Rejection> {
    member(room, membership, by, now)?;
    not_gone(original)?;
    Ok(MessageReported { room: original.room, message: original.message, reason: reason.map(String::from) }.into())
}
