//! What goes when a person goes? All that he wrote, room by room, and last of all his account.

use super::acting;
use crate::domain::{Rejection, membership};
use events::identity::{
    Account, AccountErased, Credential, CredentialSet, Phone, PhoneReleased, RevocationCause, Session, SessionRevoked,
};
use events::membership::MemberLeft;
use events::message::{MessagesRemoved, RemovalCause};
use events::room::OwnerChanged;
use events::{Membership, Room, RoomId, SessionId, Time, UserId};

/// A person goes from a room for good: one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// First, while he may still be a member: its condition is his membership.
    pub removed: MessagesRemoved,
    pub owner: Option<OwnerChanged>,
    /// Absent where he had left before.
    pub left: Option<MemberLeft>,
}

/// His messages go from every room that he ever wrote in, archived ones too. The last owner hands over first.
pub fn depart(
    room: Option<&Room>,
    membership: Option<&Membership>,
    id: RoomId,
    user: UserId,
    now: Time,
) -> Result<Departure, Rejection> {
    let removed = MessagesRemoved { room: id, user, why: RemovalCause::Erasure, reason: None };
    // Who is in no private room is told that there is none; what he wrote there goes all the same.
    let is_in = membership.is_some_and(|membership| membership.role.is_some());
    let leaving = if is_in { membership::leave(room, membership, id, user, now)? } else { None };
    let (owner, left) = leaving.map_or((None, None), |leaving| (leaving.owner, Some(leaving.left)));
    Ok(Departure { removed, owner, left })
}

/// The account itself: one batch, after which nobody signs in to it and its number is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Absent for a guest, who has no number.
    pub released: Option<PhoneReleased>,
    pub erased: AccountErased,
    /// Without a hash. Absent for a guest, who has no password.
    pub credential: Option<CredentialSet>,
    /// Absent where it has ended meanwhile.
    pub revoked: Option<SessionRevoked>,
}

/// Everybody may go; that he is who he says is known already, of the account as it was then: a guest who upgrades
/// meanwhile has a number to be released and a password to confirm with.
pub fn erase(
    confirmed: &Account,
    phone: Option<&Phone>,
    account: Option<&Account>,
    credential: Option<&Credential>,
    session: Option<&Session>,
    id: SessionId,
    user: UserId,
) -> Result<Erasure, Rejection> {
    let account = acting(account)?;
    if (account.kind, account.phone) != (confirmed.kind, confirmed.phone) {
        return Err(Rejection::NotAsConfirmed);
    }
    let holds = phone.is_some_and(|phone| phone.holder == Some(user));
    let set =
        |credential: &Credential| CredentialSet { user, number: credential.number + 1, hash: None, session: None };
    let open = session.is_some_and(|session| session.revoked.is_none());
    Ok(Erasure {
        released: holds.then_some(PhoneReleased { user }),
        erased: AccountErased { user },
        credential: credential.map(set),
        revoked: open.then_some(SessionRevoked { session: id, user, why: RevocationCause::Revoked }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ADA, BOB, OVER, PHONE, credential, guest, held_by, registered, with};
    use super::*;
    use events::{LoungeId, Role, Visibility};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(9));

    fn room(owners: &[UserId], visibility: Visibility) -> Room {
        Room {
            lounge: LoungeId(Uuid::from_u128(8)),
            name: "Hall".to_owned(),
            topic: None,
            language: "en".to_owned(),
            visibility,
            guests: true,
            active: false,
            owners: BTreeSet::from_iter(owners.iter().copied()),
            created_at: Time::UNIX_EPOCH,
            kept: events::Kept::default(),
        }
    }

    fn departs(room: &Room, role: Option<Role>) -> Result<Departure, Rejection> {
        depart(Some(room), Some(&Membership { role, ..Membership::default() }), HALL, ADA, Time::UNIX_EPOCH)
    }

    #[test]
    fn a_member_goes_with_all_that_he_wrote_for_good() {
        for role in [Role::Member, Role::Moderator] {
            let departure = departs(&room(&[BOB], Visibility::Public), Some(role)).expect("he may go");
            assert_eq!(departure.removed.why, RemovalCause::Erasure);
            assert_eq!((departure.left, departure.owner), (Some(MemberLeft { room: HALL, user: ADA }), None));
        }
    }

    #[test]
    fn who_had_left_goes_with_what_he_wrote_also_from_a_private_room() {
        for visibility in [Visibility::Public, Visibility::Private] {
            let departure = departs(&room(&[BOB], visibility), None).expect("he had left");
            assert_eq!((departure.removed.user, departure.left, departure.owner), (ADA, None, None));
        }
    }

    #[test]
    fn one_of_two_owners_goes_from_the_rooms_list() {
        let departure = departs(&room(&[ADA, BOB], Visibility::Public), Some(Role::Owner)).expect("Bob stays");
        assert_eq!(departure.owner.and_then(|owner| owner.removed), Some(ADA));
        assert!(departure.left.is_some());
    }

    #[test]
    fn the_last_owner_hands_over_first() {
        assert_eq!(departs(&room(&[ADA], Visibility::Public), Some(Role::Owner)), Err(Rejection::LastOwner));
    }

    #[test]
    fn a_user_goes_with_number_password_and_session() {
        let (_, session) = guest();
        let (phone, account) = (held_by(ADA), registered());
        let erasure = erase(&account, Some(&phone), Some(&account), Some(&credential(2)), Some(&session), PHONE, ADA);
        let erasure = erasure.expect("he may");
        assert_eq!(erasure.released, Some(PhoneReleased { user: ADA }));
        assert_eq!(erasure.credential, Some(CredentialSet { user: ADA, number: 3, hash: None, session: None }));
        assert!(erasure.revoked.is_some());
    }

    #[test]
    fn a_guest_goes_with_his_session_alone() {
        let (account, session) = guest();
        let erasure = erase(&account, None, Some(&account), None, Some(&session), PHONE, ADA).expect("he may");
        assert_eq!((erasure.released, erasure.credential), (None, None));
        assert!(erasure.revoked.is_some());
    }

    #[test]
    fn a_number_that_is_somebody_elses_is_not_released() {
        let account = registered();
        let erasure = erase(&account, Some(&held_by(BOB)), Some(&account), None, None, PHONE, ADA).expect("he may");
        assert_eq!((erasure.released, erasure.revoked), (None, None));
    }

    // Red without the comparison: the number stays held by somebody who is gone.
    #[test]
    fn a_guest_who_has_upgraded_since_he_confirmed_goes_not() {
        let ((confirmed, session), now) = (guest(), registered());
        let erasure = erase(&confirmed, None, Some(&now), Some(&credential(1)), Some(&session), PHONE, ADA);
        assert_eq!(erasure, Err(Rejection::NotAsConfirmed));
    }

    #[test]
    fn who_may_not_act_erases_nothing() {
        for standing in OVER {
            let account = with(standing, registered());
            let refused = erase(&registered(), None, Some(&account), None, None, PHONE, ADA);
            assert_eq!(refused, Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(erase(&registered(), None, None, None, None, PHONE, ADA), Err(Rejection::NoAccount));
    }
}
