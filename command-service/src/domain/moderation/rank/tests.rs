//! Tests of raising, lowering and handing over.

use super::*;
use crate::domain::membership::given::{
    ADA, BOB, Decided, EVE, Given, HALL, NOW, a, banned, given, joined, joined_as, left, muted, person, room, soon,
    state,
};
use events::user::Standing;
use events::{User, Visibility};
use std::collections::BTreeSet;

const RANKS: [Option<Role>; 4] = [None, Some(Role::Member), Some(Role::Moderator), Some(Role::Owner)];
const ROLES: [Role; 3] = [Role::Member, Role::Moderator, Role::Owner];

impl Given {
    fn when_made(self, role: Role) -> Decided<Ranking> {
        Decided(change_role(&self.scene(), &ChangeRole { room: HALL, user: BOB, by: ADA, role, now: NOW }))
    }

    /// Ada changes her own.
    fn when_i_become(self, role: Role) -> Decided<Ranking> {
        let myself = Given { theirs: self.mine.clone(), ..self };
        Decided(change_role(&myself.scene(), &ChangeRole { room: HALL, user: ADA, by: ADA, role, now: NOW }))
    }
}

fn ranked(role: Role, owner: Option<OwnerChanged>) -> Ranking {
    Ranking { changed: RoleChanged { room: HALL, user: BOB, role }, owner }
}

fn owner_added() -> Option<OwnerChanged> {
    Some(OwnerChanged { room: HALL, added: Some(BOB), removed: None })
}

fn owner_removed(user: UserId) -> Option<OwnerChanged> {
    Some(OwnerChanged { room: HALL, added: None, removed: Some(user) })
}

fn owned_by(owners: impl Into<BTreeSet<UserId>>) -> Room {
    Room { owners: owners.into(), ..room(Visibility::Public) }
}

// Red without `owns`, and with `None` for any of the two changes in `owners`.
#[test]
fn an_owner_gives_any_role_to_anybody_in_the_room_and_nobody_else_does() {
    for mine in RANKS {
        for theirs in RANKS {
            for role in ROLES {
                let bob = theirs.map(joined_as);
                let hall = owned_by([ADA, BOB]);
                let decided = given(bob.as_slice()).in_room(hall).by(mine).when_made(role).0;
                let expected = match (mine, theirs) {
                    (None, _) => Err(Rejection::NotAMember),
                    (Some(Role::Member | Role::Moderator), _) => Err(Rejection::NotRoomOwner),
                    (Some(Role::Owner), None) => Err(Rejection::NoSuchMember),
                    (Some(Role::Owner), Some(held)) if held == role => Ok(None),
                    (Some(Role::Owner), Some(Role::Owner)) => Ok(Some(ranked(role, owner_removed(BOB)))),
                    (Some(Role::Owner), Some(Role::Member | Role::Moderator)) if role == Role::Owner => {
                        Ok(Some(ranked(role, owner_added())))
                    }
                    (Some(Role::Owner), Some(Role::Member | Role::Moderator)) => Ok(Some(ranked(role, None))),
                };
                assert_eq!(decided, expected, "{mine:?} makes {theirs:?} {role:?}");
            }
        }
    }
}

// Red without the comparison in `without_owner`.
#[test]
fn an_owner_steps_down_while_another_remains() {
    for role in [Role::Member, Role::Moderator] {
        given(&[]).when_i_become(role).refused(Rejection::LastOwner);
        let changed = RoleChanged { room: HALL, user: ADA, role };
        let stepped_down = Ranking { changed, owner: owner_removed(ADA) };
        given(&[]).in_room(owned_by([ADA, EVE])).when_i_become(role).then(stepped_down);
    }
    given(&[]).when_i_become(Role::Owner).then_nothing();
    given(&[]).by(Some(Role::Moderator)).when_i_become(Role::Owner).refused(Rejection::NotRoomOwner);
}

#[test]
fn who_is_not_in_a_private_room_does_not_learn_of_it() {
    let private = given(&[joined()]).in_room(room(Visibility::Private));
    for mine in [None, state(&[joined(), left()]), state(&[banned(None)])] {
        Given { mine, ..private.clone() }.when_made(Role::Moderator).refused(Rejection::NotFound);
    }
    Given { room: None, ..private.clone() }.when_made(Role::Moderator).refused(Rejection::NotFound);
    private.by(Some(Role::Moderator)).when_made(Role::Moderator).refused(Rejection::NotRoomOwner);
}

#[test]
fn who_is_banned_himself_changes_nothing() {
    let shut_out = Given { mine: state(&[banned(None)]), ..given(&[joined()]) };
    shut_out.when_made(Role::Moderator).refused(Rejection::Banned { until: None });
}

#[test]
fn a_role_is_for_who_is_in_the_room() {
    for facts in [vec![], vec![joined(), left()], vec![joined(), banned(None)]] {
        given(&facts).when_made(Role::Moderator).refused(Rejection::NoSuchMember);
    }
    given(&[]).about(None).when_made(Role::Moderator).refused(Rejection::NoSuchPerson);
}

#[test]
fn a_guest_and_who_may_not_act_are_not_raised_but_lowered() {
    let guest = || Some(person(UserKind::Guest));
    let suspended = || Some(User { standing: Standing::Suspended, ..person(UserKind::Registered) });
    for role in [Role::Moderator, Role::Owner] {
        given(&[joined()]).about(guest()).when_made(role).refused(Rejection::GuestsHoldNoRank);
        given(&[joined()]).about(suspended()).when_made(role).refused(Rejection::NoSuchPerson);
    }
    let moderator = [joined_as(Role::Moderator)];
    given(&moderator).about(suspended()).when_made(Role::Member).then(ranked(Role::Member, None));
}

#[test]
fn who_is_muted_becomes_no_owner_before_the_mute_is_over() {
    given(&[joined(), muted(Some(soon()))]).when_made(Role::Owner).refused(Rejection::OwnersAreNotMuted);
    given(&[joined(), muted(None)]).when_made(Role::Moderator).then(ranked(Role::Moderator, None));
    given(&[joined(), muted(Some(NOW))]).when_made(Role::Owner).then(ranked(Role::Owner, owner_added()));
}

#[test]
fn an_archived_room_is_still_handed_over() {
    let archived = Room { active: false, ..room(Visibility::Public) };
    given(&[joined()]).in_room(archived).when_made(Role::Owner).then(ranked(Role::Owner, owner_added()));
    let archived = Room { active: false, ..owned_by([ADA, BOB]) };
    let owner = Given { theirs: Some(a(Role::Owner)), ..given(&[]) };
    owner.in_room(archived).when_made(Role::Member).then(ranked(Role::Member, owner_removed(BOB)));
}
