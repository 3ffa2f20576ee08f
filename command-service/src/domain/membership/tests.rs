//! Tests of coming and leaving.

use super::given::{
    ADA, BOB, Decided, EVE, Given, HALL, NOW, a, banned, given, joined, left, muted, person, room, soon, state,
};
use super::*;
use events::MembershipEvent;
use events::membership::MemberKicked;
use std::collections::BTreeSet;

fn bob_joins(room: &Room, state: Option<&Membership>, kind: UserKind, now: Time) -> Result<bool, Rejection> {
    join(Some(room), state, &Join { room: HALL, user: BOB, kind, now }).map(|joined| joined.is_some())
}

fn bob_in(room: &Room, state: Option<&Membership>) -> Result<Role, Rejection> {
    member(Some(room), state, BOB, NOW).map(|(_, member)| member.role())
}

fn bob_leaves(room: &Room, facts: &[MembershipEvent]) -> Result<Option<Leaving>, Rejection> {
    leave(Some(room), state(facts).as_ref(), HALL, BOB, NOW)
}

impl Given {
    fn when_added(self) -> Decided<MemberAdded> {
        Decided(add(&self.scene(), &Add { room: HALL, user: BOB, by: ADA, now: NOW }))
    }
}

fn added() -> MemberAdded {
    MemberAdded { room: HALL, user: BOB, at: NOW }
}

fn private() -> Room {
    room(Visibility::Private)
}

#[test]
fn who_has_joined_is_a_member_and_who_has_left_is_none() {
    let public = room(Visibility::Public);
    assert_eq!(bob_in(&public, state(&[joined()]).as_ref()), Ok(Role::Member));
    assert_eq!(bob_in(&public, state(&[joined(), left()]).as_ref()), Err(Rejection::NotAMember));
    assert_eq!(bob_in(&public, None), Err(Rejection::NotAMember));
}

// Red without the test of `visibility` in `member`.
#[test]
fn who_is_not_in_a_private_room_does_not_learn_of_it_banned_or_not() {
    for facts in [vec![], vec![joined(), left()], vec![banned(None)]] {
        let state = state(&facts);
        assert_eq!(bob_in(&private(), state.as_ref()), Err(Rejection::NotFound));
        assert_eq!(bob_joins(&private(), state.as_ref(), UserKind::Registered, NOW), Err(Rejection::NotFound));
        assert_eq!(bob_leaves(&private(), &facts), Err(Rejection::NotFound));
    }
    given(&[]).in_room(private()).by(None).when_added().refused(Rejection::NotFound);
    Given { mine: state(&[banned(None)]), ..given(&[]).in_room(private()) }.when_added().refused(Rejection::NotFound);
    let nowhere = Join { room: HALL, user: BOB, kind: UserKind::Guest, now: NOW };
    assert_eq!(join(None, None, &nowhere), Err(Rejection::NotFound));
    assert_eq!(leave(None, None, HALL, BOB, NOW), Err(Rejection::NotFound));
    Given { room: None, ..given(&[]) }.when_added().refused(Rejection::NotFound);
}

#[test]
fn who_is_banned_may_come_back_when_the_ban_is_over() {
    let public = room(Visibility::Public);
    let state = state(&[joined(), banned(Some(soon()))]);
    let refused = Err(Rejection::Banned { until: Some(soon()) });
    assert_eq!(bob_joins(&public, state.as_ref(), UserKind::Registered, NOW), refused);
    assert_eq!(bob_in(&public, state.as_ref()), Err(Rejection::Banned { until: Some(soon()) }));
    assert_eq!(bob_joins(&public, state.as_ref(), UserKind::Registered, soon()), Ok(true));
}

#[test]
fn who_was_kicked_may_come_back_at_once() {
    let kicked = MemberKicked { room: HALL, user: BOB, reason: None }.into();
    let state = state(&[joined(), kicked]);
    assert_eq!(bob_joins(&room(Visibility::Public), state.as_ref(), UserKind::Registered, NOW), Ok(true));
}

#[test]
fn guests_join_where_guests_are_welcome() {
    let closed = room(Visibility::Public);
    assert_eq!(bob_joins(&closed, None, UserKind::Guest, NOW), Err(Rejection::RoomTakesNoGuests));
    let open = Room { guests: true, ..room(Visibility::Public) };
    assert_eq!(bob_joins(&open, None, UserKind::Guest, NOW), Ok(true));
}

#[test]
fn joining_twice_joins_once_and_an_archived_room_gets_nobody_new() {
    let archived = Room { active: false, ..room(Visibility::Public) };
    assert_eq!(bob_joins(&archived, state(&[joined()]).as_ref(), UserKind::Registered, NOW), Ok(false));
    assert_eq!(bob_joins(&archived, None, UserKind::Registered, NOW), Err(Rejection::Archived));
}

#[test]
fn moderators_and_owners_add_people_to_a_private_room() {
    for role in [Role::Moderator, Role::Owner] {
        given(&[]).in_room(private()).by(Some(role)).when_added().then(added());
    }
    given(&[joined(), left()]).in_room(private()).when_added().then(added());
    given(&[]).in_room(private()).by(Some(Role::Member)).when_added().refused(Rejection::NotModerator);
}

#[test]
fn who_is_in_stays_in_however_often_he_is_added() {
    for facts in [vec![joined()], vec![joined(), muted(None)]] {
        given(&facts).in_room(private()).when_added().then_nothing();
    }
    given(&[joined()]).when_added().then_nothing();
    given(&[joined()]).in_room(Room { active: false, ..private() }).when_added().then_nothing();
}

#[test]
fn nobody_is_added_to_a_public_room() {
    given(&[]).when_added().refused(Rejection::PublicRoom);
    given(&[]).by(Some(Role::Member)).when_added().refused(Rejection::NotModerator);
    given(&[]).by(None).when_added().refused(Rejection::NotAMember);
}

#[test]
fn who_is_banned_is_not_added_before_the_ban_is_over() {
    given(&[banned(Some(soon()))]).in_room(private()).when_added().refused(Rejection::PersonBanned);
    given(&[banned(None)]).in_room(private()).when_added().refused(Rejection::PersonBanned);
    given(&[banned(Some(NOW))]).in_room(private()).when_added().then(added());
}

#[test]
fn guests_are_added_where_guests_are_welcome_and_nobody_to_an_archived_room() {
    let guest = given(&[]).about(Some(person(UserKind::Guest)));
    guest.clone().in_room(private()).when_added().refused(Rejection::RoomTakesNoGuests);
    guest.in_room(Room { guests: true, ..private() }).when_added().then(added());
    given(&[]).in_room(Room { active: false, ..private() }).when_added().refused(Rejection::Archived);
}

#[test]
fn only_somebody_whose_account_may_act_is_added() {
    given(&[]).in_room(private()).about(None).when_added().refused(Rejection::NoSuchPerson);
    for standing in [Standing::Suspended, Standing::Expired, Standing::Erased] {
        let person = User { standing, ..person(UserKind::Registered) };
        given(&[]).in_room(private()).about(Some(person)).when_added().refused(Rejection::NoSuchPerson);
    }
}

#[test]
fn leaving_twice_leaves_once_and_who_was_never_in_does_not_leave() {
    let public = room(Visibility::Public);
    let bob = MemberLeft { room: HALL, user: BOB };
    assert_eq!(bob_leaves(&public, &[joined()]), Ok(Some(Leaving { left: bob, owner: None })));
    assert_eq!(bob_leaves(&public, &[joined(), left()]), Ok(None));
    assert_eq!(bob_leaves(&public, &[]), Err(Rejection::NotAMember));
    assert_eq!(bob_leaves(&public, &[joined(), banned(None)]), Err(Rejection::Banned { until: None }));
    assert!(bob_leaves(&Room { active: false, ..public }, &[joined()]).expect("allowed").is_some());
}

// Red without the comparison in `without_owner`.
#[test]
fn the_last_owner_stays_and_one_of_two_goes_from_the_list() {
    let (owner, alone) = (a(Role::Owner), room(Visibility::Public));
    assert_eq!(leave(Some(&alone), Some(&owner), HALL, ADA, NOW), Err(Rejection::LastOwner));
    let two = Room { owners: BTreeSet::from([ADA, EVE]), ..room(Visibility::Public) };
    let leaving = leave(Some(&two), Some(&owner), HALL, ADA, NOW).expect("allowed").expect("he was in");
    assert_eq!(leaving.owner, Some(OwnerChanged { room: HALL, added: None, removed: Some(ADA) }));
}

#[test]
fn a_mute_holds_until_its_end() {
    let for_an_hour = state(&[joined(), muted(Some(soon()))]);
    assert_eq!(not_muted(for_an_hour.as_ref(), NOW), Err(Rejection::Muted { until: Some(soon()) }));
    assert_eq!(not_muted(for_an_hour.as_ref(), soon()), Ok(()));
    let for_ever = state(&[joined(), muted(None)]);
    assert_eq!(not_muted(for_ever.as_ref(), soon()), Err(Rejection::Muted { until: None }));
}
