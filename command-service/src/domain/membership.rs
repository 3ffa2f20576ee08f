//! Who is a member of a room, who may become one, and who may leave?

use super::Rejection;
use events::membership::{MemberAdded, MemberJoined, MemberLeft};
use events::room::OwnerChanged;
use events::user::Standing;
use events::{Membership, Role, Room, RoomId, Time, User, UserId, UserKind, Visibility};

/// The proof that somebody is in a room. Only [`member`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    user: UserId,
    role: Role,
}

impl Member {
    pub fn user(self) -> UserId {
        self.user
    }

    pub fn role(self) -> Role {
        self.role
    }

    /// Only moderators and owners get past this.
    pub fn moderates(self) -> Result<(), Rejection> {
        if self.role >= Role::Moderator { Ok(()) } else { Err(Rejection::NotModerator) }
    }

    /// Only owners get past this.
    pub fn owns(self) -> Result<(), Rejection> {
        if self.role >= Role::Owner { Ok(()) } else { Err(Rejection::NotRoomOwner) }
    }
}

/// The room as a member may know it, and the proof that the caller is one.
pub fn member<'r>(
    room: Option<&'r Room>,
    membership: Option<&Membership>,
    user: UserId,
    now: Time,
) -> Result<(&'r Room, Member), Rejection> {
    let room = room.ok_or(Rejection::NotFound)?;
    if let Some(role) = membership.and_then(|membership| membership.role) {
        return Ok((room, Member { user, role }));
    }
    // Nobody learns from a refusal that a private room exists.
    if room.visibility == Visibility::Private {
        return Err(Rejection::NotFound);
    }
    not_banned(membership, now)?;
    Err(Rejection::NotAMember)
}

/// Whether the member may speak.
pub fn not_muted(membership: Option<&Membership>, now: Time) -> Result<(), Rejection> {
    match membership.and_then(|membership| membership.muted.as_ref()).filter(|mute| mute.holds(now)) {
        Some(mute) => Err(Rejection::Muted { until: mute.until }),
        None => Ok(()),
    }
}

/// What a command on another person in a room stands on.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'s> {
    pub room: Option<&'s Room>,
    /// The caller's.
    pub mine: Option<&'s Membership>,
    /// The other person's; his own where he names himself.
    pub theirs: Option<&'s Membership>,
    /// The other person, as everybody may know him.
    pub person: Option<&'s User>,
}

impl<'s> Scene<'s> {
    /// The other person's rank, if he is in the room.
    pub fn their_role(&self) -> Option<Role> {
        self.theirs.and_then(|membership| membership.role)
    }

    /// The other person, unless he was never there or is erased.
    pub fn somebody(&self) -> Result<&'s User, Rejection> {
        self.person.filter(|person| person.standing != Standing::Erased).ok_or(Rejection::NoSuchPerson)
    }

    /// The other person, if his account may act.
    pub fn somebody_active(&self) -> Result<&'s User, Rejection> {
        self.person.filter(|person| person.standing == Standing::Active).ok_or(Rejection::NoSuchPerson)
    }
}

fn not_banned(membership: Option<&Membership>, now: Time) -> Result<(), Rejection> {
    match membership.and_then(|membership| membership.banned.as_ref()).filter(|ban| ban.holds(now)) {
        Some(ban) => Err(Rejection::Banned { until: ban.until }),
        None => Ok(()),
    }
}

/// Come into a room by one's own will.
#[derive(Debug, Clone, Copy)]
pub struct Join {
    pub room: RoomId,
    pub user: UserId,
    pub kind: UserKind,
    pub now: Time,
}

/// Public rooms are open to everybody but the banned, to guests where the room has guests. Who is in stays in.
pub fn join(
    room: Option<&Room>,
    membership: Option<&Membership>,
    command: &Join,
) -> Result<Option<MemberJoined>, Rejection> {
    let room = room.ok_or(Rejection::NotFound)?;
    if membership.is_some_and(|membership| membership.role.is_some()) {
        return Ok(None);
    }
    if room.visibility == Visibility::Private {
        return Err(Rejection::NotFound);
    }
    not_banned(membership, command.now)?;
    open_to(room, command.kind)?;
    Ok(Some(MemberJoined { room: command.room, user: command.user, role: Role::Member, at: command.now }))
}

/// Bring somebody into a private room.
#[derive(Debug, Clone, Copy)]
pub struct Add {
    pub room: RoomId,
    pub user: UserId,
    pub by: UserId,
    pub now: Time,
}

/// Moderators bring people into private rooms; into a public one everybody comes by himself. Who is in stays in. A ban
/// is lifted first: else whoever adds would undo unawares what another moderator decided.
pub fn add(scene: &Scene<'_>, command: &Add) -> Result<Option<MemberAdded>, Rejection> {
    let (room, me) = member(scene.room, scene.mine, command.by, command.now)?;
    me.moderates()?;
    let person = scene.somebody_active()?;
    if scene.their_role().is_some() {
        return Ok(None);
    }
    if room.visibility == Visibility::Public {
        return Err(Rejection::PublicRoom);
    }
    not_banned(scene.theirs, command.now).map_err(|_| Rejection::PersonBanned)?;
    open_to(room, person.kind)?;
    Ok(Some(MemberAdded { room: command.room, user: command.user, at: command.now }))
}

/// Whether the room takes anybody new, and people of this kind.
fn open_to(room: &Room, kind: UserKind) -> Result<(), Rejection> {
    match kind {
        UserKind::Guest if !room.guests => Err(Rejection::RoomTakesNoGuests),
        UserKind::Guest | UserKind::Registered if !room.active => Err(Rejection::Archived),
        UserKind::Guest | UserKind::Registered => Ok(()),
    }
}

/// Somebody leaves; an owner takes himself off the room's list of owners in the same batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    pub left: MemberLeft,
    pub owner: Option<OwnerChanged>,
}

/// Who is in may leave, an archived room too, but the last owner may not. Who was in has left already.
pub fn leave(
    room: Option<&Room>,
    membership: Option<&Membership>,
    id: RoomId,
    user: UserId,
    now: Time,
) -> Result<Option<Leaving>, Rejection> {
    let (room, me) = match (member(room, membership, user, now), membership) {
        (Err(Rejection::NotAMember), Some(_)) => return Ok(None),
        (found, _) => found?,
    };
    let owner = match me.role {
        Role::Member | Role::Moderator => None,
        Role::Owner => Some(without_owner(room, id, user)?),
    };
    Ok(Some(Leaving { left: MemberLeft { room: id, user }, owner }))
}

/// The room's owners without this one, while one remains.
pub fn without_owner(room: &Room, id: RoomId, user: UserId) -> Result<OwnerChanged, Rejection> {
    if room.owners.iter().all(|owner| *owner == user) {
        return Err(Rejection::LastOwner);
    }
    Ok(OwnerChanged { room: id, added: None, removed: Some(user) })
}

#[cfg(test)]
pub(super) mod given;
#[cfg(test)]
mod tests;
