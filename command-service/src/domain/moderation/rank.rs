//! Who may raise or lower whom in a room, and who stays its owner?

use crate::domain::Rejection;
use crate::domain::membership::{Scene, member, not_muted, without_owner};
use events::membership::RoleChanged;
use events::room::OwnerChanged;
use events::{Role, Room, RoomId, Time, UserId, UserKind};

/// Give somebody in the room another role.
#[derive(Debug, Clone, Copy)]
pub struct ChangeRole {
    pub room: RoomId,
    pub user: UserId,
    pub by: UserId,
    pub role: Role,
    pub now: Time,
}

/// A change of a role; one to or from owner changes the room's list of owners in the same batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    pub changed: RoleChanged,
    pub owner: Option<OwnerChanged>,
}

/// An owner gives any role to anybody in the room, himself too, while an owner remains; in an archived room too.
pub fn change_role(scene: &Scene<'_>, command: &ChangeRole) -> Result<Option<Ranking>, Rejection> {
    let (room, me) = member(scene.room, scene.mine, command.by, command.now)?;
    me.owns()?;
    scene.somebody()?;
    let held = scene.their_role().ok_or(Rejection::NoSuchMember)?;
    if held == command.role {
        return Ok(None);
    }
    if command.role > held {
        may_rise(scene, command)?;
    }
    let owner = owners(room, held, command)?;
    let changed = RoleChanged { room: command.room, user: command.user, role: command.role };
    Ok(Some(Ranking { changed, owner }))
}

/// Guests come and go by themselves, so a room is not in their hands; nor in those of an account that may not act.
fn may_rise(scene: &Scene<'_>, command: &ChangeRole) -> Result<(), Rejection> {
    if scene.somebody_active()?.kind == UserKind::Guest {
        return Err(Rejection::GuestsHoldNoRank);
    }
    match command.role {
        Role::Owner => not_muted(scene.theirs, command.now).map_err(|_| Rejection::OwnersAreNotMuted),
        Role::Member | Role::Moderator => Ok(()),
    }
}

fn owners(room: &Room, held: Role, command: &ChangeRole) -> Result<Option<OwnerChanged>, Rejection> {
    let ChangeRole { room: id, user, .. } = *command;
    match (held, command.role) {
        (_, Role::Owner) => Ok(Some(OwnerChanged { room: id, added: Some(user), removed: None })),
        (Role::Owner, Role::Member | Role::Moderator) => without_owner(room, id, user).map(Some),
        (Role::Member | Role::Moderator, Role::Member | Role::Moderator) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
