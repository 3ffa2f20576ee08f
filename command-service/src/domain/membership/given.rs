//! The words in which the rules between people and a room are tested: given, when, then.

use super::Scene;
use crate::domain::Rejection;
use chrono::TimeDelta;
use events::membership::{MemberBanned, MemberJoined, MemberLeft, MemberMuted};
use events::user::Standing;
use events::{
    Evolve, LoungeId, Membership, MembershipEvent, Role, Room, RoomId, Time, User, UserId, UserKind, Visibility,
};
use std::collections::BTreeSet;
use std::fmt::Debug;
use uuid::Uuid;

pub(in crate::domain) const HALL: RoomId = RoomId(Uuid::from_u128(1));
/// The caller, and the room's owner.
pub(in crate::domain) const ADA: UserId = UserId(Uuid::from_u128(2));
/// The person whom it is about.
pub(in crate::domain) const BOB: UserId = UserId(Uuid::from_u128(3));
pub(in crate::domain) const EVE: UserId = UserId(Uuid::from_u128(4));
pub(in crate::domain) const NOW: Time = Time::UNIX_EPOCH;

pub(in crate::domain) fn soon() -> Time {
    NOW + TimeDelta::hours(1)
}

pub(in crate::domain) fn room(visibility: Visibility) -> Room {
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

pub(in crate::domain) fn person(kind: UserKind) -> User {
    User {
        display_name: "Bob".to_owned(),
        kind,
        standing: Standing::Active,
        credential: 0,
        created_at: NOW,
        kept: Default::default(),
    }
}

/// Somebody in the room, as this.
pub(in crate::domain) fn a(role: Role) -> Membership {
    Membership { role: Some(role), joined_at: Some(NOW), ..Membership::default() }
}

/// What these facts leave.
pub(in crate::domain) fn state(facts: &[MembershipEvent]) -> Option<Membership> {
    let mut state = None;
    facts.iter().for_each(|fact| Membership::evolve(&mut state, fact));
    state
}

pub(in crate::domain) fn joined() -> MembershipEvent {
    joined_as(Role::Member)
}

pub(in crate::domain) fn joined_as(role: Role) -> MembershipEvent {
    MemberJoined { room: HALL, user: BOB, role, at: NOW }.into()
}

pub(in crate::domain) fn left() -> MembershipEvent {
    MemberLeft { room: HALL, user: BOB }.into()
}

pub(in crate::domain) fn banned(until: Option<Time>) -> MembershipEvent {
    MemberBanned { room: HALL, user: BOB, until, reason: None }.into()
}

pub(in crate::domain) fn muted(until: Option<Time>) -> MembershipEvent {
    MemberMuted { room: HALL, user: BOB, until, reason: None }.into()
}

/// What a command of Ada's about Bob stands on.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Given {
    pub(in crate::domain) room: Option<Room>,
    pub(in crate::domain) mine: Option<Membership>,
    pub(in crate::domain) theirs: Option<Membership>,
    pub(in crate::domain) person: Option<User>,
}

/// A public room of Ada's, and what happened to Bob in it.
pub(in crate::domain) fn given(facts: &[MembershipEvent]) -> Given {
    Given {
        room: Some(room(Visibility::Public)),
        mine: Some(a(Role::Owner)),
        theirs: state(facts),
        person: Some(person(UserKind::Registered)),
    }
}

impl Given {
    pub(in crate::domain) fn in_room(self, room: Room) -> Self {
        Self { room: Some(room), ..self }
    }

    /// Ada is this instead; `None`: not in the room.
    pub(in crate::domain) fn by(self, role: Option<Role>) -> Self {
        Self { mine: role.map(a), ..self }
    }

    /// Bob is this instead.
    pub(in crate::domain) fn about(self, person: Option<User>) -> Self {
        Self { person, ..self }
    }

    pub(in crate::domain) fn scene(&self) -> Scene<'_> {
        Scene {
            room: self.room.as_ref(),
            mine: self.mine.as_ref(),
            theirs: self.theirs.as_ref(),
            person: self.person.as_ref(),
        }
    }
}

/// What was decided.
#[derive(Debug)]
pub(in crate::domain) struct Decided<E>(pub(in crate::domain) Result<Option<E>, Rejection>);

impl<E: Debug + PartialEq> Decided<E> {
    #[track_caller]
    pub(in crate::domain) fn then(self, event: impl Into<E>) {
        assert_eq!(self.0, Ok(Some(event.into())));
    }

    #[track_caller]
    pub(in crate::domain) fn then_nothing(self) {
        assert_eq!(self.0, Ok(None));
    }

    #[track_caller]
    pub(in crate::domain) fn refused(self, rejection: Rejection) {
        assert_eq!(self.0, Err(rejection));
    }
}
