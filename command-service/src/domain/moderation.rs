//! Who may shut out or silence whom in a room?

pub mod rank;
mod until;

pub use until::Until;

use super::Rejection;
use super::membership::{Scene, member};
use super::text::Reason;
use events::membership::{MemberBanned, MemberKicked, MemberMuted, MemberUnbanned, MemberUnmuted, Restriction};
use events::{MembershipEvent, RoomId, Time, UserId};

/// Do something about another person in a room.
#[derive(Debug, Clone)]
pub struct Moderate {
    pub room: RoomId,
    pub user: UserId,
    pub by: UserId,
    pub measure: Measure,
    pub now: Time,
}

/// What is done about him.
#[derive(Debug, Clone)]
pub enum Measure {
    Kick { reason: Option<Reason> },
    Ban(Terms),
    Unban,
    Mute(Terms),
    Unmute,
}

/// How long a ban or a mute holds, and why. Without an end it holds for ever.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    pub until: Option<Until>,
    pub reason: Option<Reason>,
}

/// Moderators and owners shut out and silence people of a lower rank, in an archived room too. A ban or a mute also
/// reaches who is not in the room: else he would dodge it by leaving for a moment.
pub fn moderate(scene: &Scene<'_>, command: &Moderate) -> Result<Option<MembershipEvent>, Rejection> {
    let (_, me) = member(scene.room, scene.mine, command.by, command.now)?;
    me.moderates()?;
    scene.somebody()?;
    if scene.their_role() >= Some(me.role()) {
        return Err(Rejection::NotOutranked);
    }
    command.measure.ends_after(command.now)?;
    Ok(command.fact(scene))
}

impl Measure {
    fn ends_after(&self, now: Time) -> Result<(), Rejection> {
        let end = match self {
            Self::Ban(terms) | Self::Mute(terms) => terms.until,
            Self::Kick { .. } | Self::Unban | Self::Unmute => None,
        };
        end.map_or(Ok(()), |end| end.after(now)).map_err(|_| Rejection::EndPassed)
    }
}

impl Moderate {
    /// What changes; a ban or a mute that has run out is none.
    fn fact(&self, scene: &Scene<'_>) -> Option<MembershipEvent> {
        let (room, user) = (self.room, self.user);
        let held = |restriction: &Option<Restriction>| restriction.clone().filter(|held| held.holds(self.now));
        let banned = || scene.theirs.and_then(|membership| held(&membership.banned));
        let muted = || scene.theirs.and_then(|membership| held(&membership.muted));
        let new = |terms: &Terms, held: Option<Restriction>| {
            Some(terms.restriction()).filter(|wished| held.as_ref() != Some(wished))
        };
        match &self.measure {
            Measure::Kick { reason } => {
                let kicked = MemberKicked { room, user, reason: reason.clone().map(String::from) };
                scene.their_role().map(|_| kicked.into())
            }
            Measure::Ban(terms) => new(terms, banned())
                .map(|Restriction { until, reason }| MemberBanned { room, user, until, reason }.into()),
            Measure::Unban => banned().map(|_| MemberUnbanned { room, user }.into()),
            Measure::Mute(terms) => new(terms, muted())
                .map(|Restriction { until, reason }| MemberMuted { room, user, until, reason }.into()),
            Measure::Unmute => muted().map(|_| MemberUnmuted { room, user }.into()),
        }
    }
}

impl Terms {
    fn restriction(&self) -> Restriction {
        Restriction { until: self.until.map(Time::from), reason: self.reason.clone().map(String::from) }
    }
}

#[cfg(test)]
mod tests;
