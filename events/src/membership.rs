//! What happens between a person and a room, and the state it leaves.

use crate::{Evolve, Kept, RoomId, Time, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts of one person in one room.
    MembershipEvent {
        Joined(MemberJoined) = "member.joined" 1,
        Added(MemberAdded) = "member.added" 1,
        Left(MemberLeft) = "member.left" 1,
        Kicked(MemberKicked) = "member.kicked" 1,
        Banned(MemberBanned) = "member.banned" 1,
        Unbanned(MemberUnbanned) = "member.unbanned" 1,
        Muted(MemberMuted) = "member.muted" 1,
        Unmuted(MemberUnmuted) = "member.unmuted" 1,
        RoleChanged(RoleChanged) = "member.role" 1,
    }
}

/// Rank in a room, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Moderator,
    Owner,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

/// By his own will; or, as owner, by creating the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberJoined {
    pub room: RoomId,
    pub user: UserId,
    pub role: Role,
    pub at: Time,
}

/// By a moderator, into a private room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberAdded {
    pub room: RoomId,
    pub user: UserId,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberLeft {
    pub room: RoomId,
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberKicked {
    pub room: RoomId,
    pub user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Without `until`: for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberBanned {
    pub room: RoomId,
    pub user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberUnbanned {
    pub room: RoomId,
    pub user: UserId,
}

/// Without `until`: for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberMuted {
    pub room: RoomId,
    pub user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberUnmuted {
    pub room: RoomId,
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleChanged {
    pub room: RoomId,
    pub user: UserId,
    pub role: Role,
}

/// A mute or a ban. It ends by `until` against the decision's clock; no sweep is needed for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restriction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Restriction {
    pub fn holds(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// A person in a room, as the last fact leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Absent: not in the room (any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Restriction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<Restriction>,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Membership {
    fn enter(&mut self, role: Role, at: Time) {
        self.role = Some(role);
        self.joined_at = Some(at);
        self.banned = None;
    }

    fn go(&mut self) {
        self.role = None;
        self.joined_at = None;
    }
}

impl Evolve for Membership {
    type Event = MembershipEvent;

    fn evolve(state: &mut Option<Self>, event: &MembershipEvent) {
        let member = state.get_or_insert_default();
        match event {
            MembershipEvent::Joined(joined) => member.enter(joined.role, joined.at),
            MembershipEvent::Added(added) => member.enter(Role::Member, added.at),
            MembershipEvent::Left(_) | MembershipEvent::Kicked(_) => member.go(),
            MembershipEvent::Banned(ban) => {
                member.go();
                member.banned = Some(Restriction { until: ban.until, reason: ban.reason.clone() });
            }
            MembershipEvent::Unbanned(_) => member.banned = None,
            MembershipEvent::Muted(mute) => {
                member.muted = Some(Restriction { until: mute.until, reason: mute.reason.clone() });
            }
            MembershipEvent::Unmuted(_) => member.muted = None,
            MembershipEvent::RoleChanged(changed) => {
                // A fact about somebody who has left is no way back in.
                member.role = member.role.map(|_| changed.role);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));

    fn after(events: &[MembershipEvent]) -> Membership {
        let mut state = None;
        events.iter().for_each(|event| Membership::evolve(&mut state, event));
        state.unwrap_or_default()
    }

    fn joined() -> MembershipEvent {
        MemberJoined { room: ROOM, user: ADA, role: Role::Member, at: Time::UNIX_EPOCH }.into()
    }

    #[test]
    fn who_is_banned_is_out_and_a_mute_survives_leaving() {
        let muted = MemberMuted { room: ROOM, user: ADA, until: None, reason: None }.into();
        let banned = MemberBanned { room: ROOM, user: ADA, until: None, reason: None }.into();
        let state = after(&[joined(), muted, banned]);
        assert_eq!(state.role, None);
        assert!(state.banned.is_some() && state.muted.is_some());
    }

    #[test]
    fn a_role_makes_no_member_of_who_has_left() {
        let left = MemberLeft { room: ROOM, user: ADA }.into();
        let role = RoleChanged { room: ROOM, user: ADA, role: Role::Owner }.into();
        assert_eq!(after(&[joined(), left, role]).role, None);
    }

    #[test]
    fn a_restriction_ends_at_its_time_by_itself() {
        let until = Time::UNIX_EPOCH + chrono::TimeDelta::seconds(10);
        let restriction = Restriction { until: Some(until), reason: None };
        assert!(restriction.holds(Time::UNIX_EPOCH));
        assert!(!restriction.holds(until));
    }
}
