//! Who is a member of a room, who may become one, and who may leave?

use super::Rejection;
use events::membership::{MemberJoined, MemberLeft};
use events::room::OwnerChanged;
use events::{Membership, Role, Room, RoomId, Time, UserId, UserKind, Visibility};

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
    if command.kind == UserKind::Guest && !room.guests {
        return Err(Rejection::NoGuests);
    }
    if !room.active {
        return Err(Rejection::Archived);
    }
    Ok(Some(MemberJoined { room: command.room, user: command.user, role: Role::Member, at: command.now }))
}

/// Somebody leaves; an owner takes himself off the room's list of owners in the same batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    pub left: MemberLeft,
    pub owner: Option<OwnerChanged>,
}

/// Everybody may leave, also an archived room, but the last owner may not. Who is not in has left.
pub fn leave(
    room: Option<&Room>,
    membership: Option<&Membership>,
    id: RoomId,
    user: UserId,
) -> Result<Option<Leaving>, Rejection> {
    let room = room.ok_or(Rejection::NotFound)?;
    let left = MemberLeft { room: id, user };
    match membership.and_then(|membership| membership.role) {
        None if room.visibility == Visibility::Private => Err(Rejection::NotFound),
        None => Ok(None),
        Some(Role::Member | Role::Moderator) => Ok(Some(Leaving { left, owner: None })),
        Some(Role::Owner) if room.owners.iter().all(|owner| *owner == user) => Err(Rejection::LastOwner),
        Some(Role::Owner) => {
            let owner = OwnerChanged { room: id, added: None, removed: Some(user) };
            Ok(Some(Leaving { left, owner: Some(owner) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use events::membership::{MemberBanned, MemberMuted, Restriction};
    use events::{Evolve, LoungeId, MembershipEvent};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));
    const NOW: Time = Time::UNIX_EPOCH;

    fn room(visibility: Visibility) -> Room {
        Room {
            lounge: LoungeId(Uuid::from_u128(9)),
            name: "Hall".to_owned(),
            topic: None,
            language: "en".to_owned(),
            visibility,
            guests: false,
            active: true,
            owners: BTreeSet::from([ADA]),
            created_at: NOW,
            kept: Default::default(),
        }
    }

    fn given(events: &[MembershipEvent]) -> Option<Membership> {
        let mut state = None;
        events.iter().for_each(|event| Membership::evolve(&mut state, event));
        state
    }

    fn joined() -> MembershipEvent {
        MemberJoined { room: HALL, user: BOB, role: Role::Member, at: NOW }.into()
    }

    fn left() -> MembershipEvent {
        MemberLeft { room: HALL, user: BOB }.into()
    }

    fn banned(until: Option<Time>) -> MembershipEvent {
        MemberBanned { room: HALL, user: BOB, until, reason: None }.into()
    }

    fn bob_joins(room: &Room, state: Option<&Membership>, kind: UserKind, now: Time) -> Result<bool, Rejection> {
        join(Some(room), state, &Join { room: HALL, user: BOB, kind, now }).map(|joined| joined.is_some())
    }

    fn bob_in(room: &Room, state: Option<&Membership>) -> Result<Role, Rejection> {
        member(Some(room), state, BOB, NOW).map(|(_, member)| member.role())
    }

    #[test]
    fn who_has_joined_is_a_member_and_who_has_left_is_none() {
        let public = room(Visibility::Public);
        assert_eq!(bob_in(&public, given(&[joined()]).as_ref()), Ok(Role::Member));
        assert_eq!(bob_in(&public, given(&[joined(), left()]).as_ref()), Err(Rejection::NotAMember));
        assert_eq!(bob_in(&public, None), Err(Rejection::NotAMember));
    }

    #[test]
    fn who_is_not_in_a_private_room_does_not_learn_of_it_banned_or_not() {
        let private = room(Visibility::Private);
        assert_eq!(bob_in(&private, given(&[banned(None)]).as_ref()), Err(Rejection::NotFound));
        assert_eq!(bob_joins(&private, None, UserKind::Registered, NOW), Err(Rejection::NotFound));
        assert_eq!(leave(Some(&private), None, HALL, BOB), Err(Rejection::NotFound));
        assert_eq!(
            join(None, None, &Join { room: HALL, user: BOB, kind: UserKind::Guest, now: NOW }),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn who_is_banned_may_come_back_when_the_ban_is_over() {
        let public = room(Visibility::Public);
        let until = NOW + TimeDelta::hours(1);
        let state = given(&[joined(), banned(Some(until))]);
        let refused = Err(Rejection::Banned { until: Some(until) });
        assert_eq!(bob_joins(&public, state.as_ref(), UserKind::Registered, NOW), refused);
        assert_eq!(bob_in(&public, state.as_ref()), Err(Rejection::Banned { until: Some(until) }));
        assert_eq!(bob_joins(&public, state.as_ref(), UserKind::Registered, until), Ok(true));
    }

    #[test]
    fn guests_join_where_guests_are_welcome() {
        let closed = room(Visibility::Public);
        assert_eq!(bob_joins(&closed, None, UserKind::Guest, NOW), Err(Rejection::NoGuests));
        let open = Room { guests: true, ..room(Visibility::Public) };
        assert_eq!(bob_joins(&open, None, UserKind::Guest, NOW), Ok(true));
    }

    #[test]
    fn joining_twice_joins_once_and_an_archived_room_gets_nobody_new() {
        let archived = Room { active: false, ..room(Visibility::Public) };
        assert_eq!(bob_joins(&archived, given(&[joined()]).as_ref(), UserKind::Registered, NOW), Ok(false));
        assert_eq!(bob_joins(&archived, None, UserKind::Registered, NOW), Err(Rejection::Archived));
    }

    #[test]
    fn leaving_twice_leaves_once() {
        let public = room(Visibility::Public);
        assert!(leave(Some(&public), given(&[joined()]).as_ref(), HALL, BOB).expect("allowed").is_some());
        assert_eq!(leave(Some(&public), given(&[joined(), left()]).as_ref(), HALL, BOB), Ok(None));
    }

    #[test]
    fn the_last_owner_stays_and_one_of_two_goes_from_the_list() {
        let owner = Membership { role: Some(Role::Owner), ..Membership::default() };
        let alone = room(Visibility::Public);
        assert_eq!(leave(Some(&alone), Some(&owner), HALL, ADA), Err(Rejection::LastOwner));
        let two = Room { owners: BTreeSet::from([ADA, BOB]), ..room(Visibility::Public) };
        let leaving = leave(Some(&two), Some(&owner), HALL, ADA).expect("allowed").expect("he was in");
        assert_eq!(leaving.owner.expect("a change of owners").removed, Some(ADA));
    }

    #[test]
    fn a_mute_holds_until_its_end() {
        let until = NOW + TimeDelta::minutes(5);
        let mute = MemberMuted { room: HALL, user: BOB, until: Some(until), reason: None }.into();
        let state = given(&[joined(), mute]);
        assert_eq!(not_muted(state.as_ref(), NOW), Err(Rejection::Muted { until: Some(until) }));
        assert_eq!(not_muted(state.as_ref(), until), Ok(()));
        let for_ever = Membership { muted: Some(Restriction { until: None, reason: None }), ..Membership::default() };
        assert_eq!(not_muted(Some(&for_ever), until), Err(Rejection::Muted { until: None }));
    }
}
