//! Who may make a room, and what becomes of it?

use super::Rejection;
use super::language::Language;
use super::membership::member;
use super::names::{About, RoomName};
use events::membership::MemberJoined;
use events::room::{RoomArchived, RoomChanged, RoomCreated, RoomReopened};
use events::{Lounge, LoungeId, Membership, Role, Room, RoomEvent, RoomId, Time, UserId, Visibility};

/// Make a room in a lounge.
#[derive(Debug, Clone)]
pub struct CreateRoom {
    pub room: RoomId,
    pub lounge: LoungeId,
    pub name: RoomName,
    pub topic: Option<About>,
    pub language: Language,
    pub visibility: Visibility,
    /// Whether guests may join.
    pub guests: bool,
    pub by: UserId,
    pub now: Time,
}

/// A new room and its first member, the owner: one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub created: RoomCreated,
    pub owner: MemberJoined,
}

/// The lounge's owner makes its rooms and owns each new one. One that is there already stays as it is.
pub fn create(
    lounge: Option<&Lounge>,
    room: Option<&Room>,
    command: &CreateRoom,
) -> Result<Option<Opening>, Rejection> {
    let lounge = lounge.ok_or(Rejection::NotFound)?;
    if lounge.owner != command.by {
        return Err(Rejection::NotLoungeOwner);
    }
    if room.is_some() {
        return Ok(None);
    }
    if !lounge.active {
        return Err(Rejection::Archived);
    }
    let created = RoomCreated {
        room: command.room,
        lounge: command.lounge,
        name: command.name.clone().into(),
        topic: command.topic.clone().map(String::from),
        language: command.language.clone().into(),
        visibility: command.visibility,
        guests: command.guests,
        owner: command.by,
        at: command.now,
    };
    let owner = MemberJoined { room: command.room, user: command.by, role: Role::Owner, at: command.now };
    Ok(Some(Opening { created, owner }))
}

/// Do something with a room.
#[derive(Debug, Clone)]
pub struct ChangeRoom {
    pub room: RoomId,
    pub by: UserId,
    pub wish: RoomWish,
    pub now: Time,
}

/// What those in charge do with it.
#[derive(Debug, Clone)]
pub enum RoomWish {
    Edit(Box<EditRoom>),
    Archive,
    Reopen,
}

/// New settings; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct EditRoom {
    pub name: Option<RoomName>,
    pub topic: Option<About>,
    pub language: Option<Language>,
    pub visibility: Option<Visibility>,
    pub guests: Option<bool>,
}

/// Moderators change settings, owners archive and reopen; what is archived is reopened before it is edited.
pub fn change(
    room: Option<&Room>,
    membership: Option<&Membership>,
    command: &ChangeRoom,
) -> Result<Option<RoomEvent>, Rejection> {
    let (room, me) = member(room, membership, command.by, command.now)?;
    let id = command.room;
    match &command.wish {
        RoomWish::Archive => me.owns().map(|()| room.active.then(|| RoomArchived { room: id }.into())),
        RoomWish::Reopen => me.owns().map(|()| (!room.active).then(|| RoomReopened { room: id }.into())),
        RoomWish::Edit(edit) => {
            me.moderates()?;
            if room.active { Ok(edited(room, id, edit)) } else { Err(Rejection::Archived) }
        }
    }
}

fn edited(room: &Room, id: RoomId, edit: &EditRoom) -> Option<RoomEvent> {
    fn new<T: PartialEq>(value: Option<T>, now: Option<&T>) -> Option<T> {
        value.filter(|value| Some(value) != now)
    }
    let changed = RoomChanged {
        room: id,
        name: new(edit.name.clone().map(String::from), Some(&room.name)),
        topic: new(edit.topic.clone().map(String::from), room.topic.as_ref()),
        language: new(edit.language.clone().map(String::from), Some(&room.language)),
        visibility: new(edit.visibility, Some(&room.visibility)),
        guests: new(edit.guests, Some(&room.guests)),
    };
    let nothing = RoomChanged { room: id, name: None, topic: None, language: None, visibility: None, guests: None };
    (changed != nothing).then(|| changed.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Evolve, lounge::LoungeCreated, membership::Restriction};
    use uuid::Uuid;

    const TEA: LoungeId = LoungeId(Uuid::from_u128(1));
    const HALL: RoomId = RoomId(Uuid::from_u128(2));
    const ADA: UserId = UserId(Uuid::from_u128(3));
    const BOB: UserId = UserId(Uuid::from_u128(4));

    fn lounge() -> Lounge {
        let created =
            LoungeCreated { lounge: TEA, name: "Tea".to_owned(), description: None, owner: ADA, at: Time::UNIX_EPOCH };
        Lounge::after(None, &created.into()).expect("a lounge")
    }

    fn create_by(by: UserId) -> CreateRoom {
        CreateRoom {
            room: HALL,
            lounge: TEA,
            name: RoomName::parse("Hall").expect("a name"),
            topic: None,
            language: Language::parse("en").expect("a language"),
            visibility: Visibility::Private,
            guests: false,
            by,
            now: Time::UNIX_EPOCH,
        }
    }

    fn room() -> Room {
        let opening = create(Some(&lounge()), None, &create_by(ADA)).expect("allowed").expect("new");
        Room::after(None, &opening.created.into()).expect("a room")
    }

    fn as_a(role: Role) -> Membership {
        Membership { role: Some(role), ..Membership::default() }
    }

    #[test]
    fn the_lounges_owner_owns_the_new_room() {
        let opening = create(Some(&lounge()), None, &create_by(ADA)).expect("allowed").expect("new");
        assert_eq!((opening.owner.user, opening.owner.role), (ADA, Role::Owner));
        assert!(room().owners.contains(&ADA));
    }

    #[test]
    fn others_make_no_rooms_there_and_nobody_where_no_lounge_is() {
        assert_eq!(create(Some(&lounge()), None, &create_by(BOB)), Err(Rejection::NotLoungeOwner));
        assert_eq!(create(None, None, &create_by(ADA)), Err(Rejection::NotFound));
    }

    #[test]
    fn an_archived_lounge_gets_no_rooms() {
        let archived = Lounge { active: false, ..lounge() };
        assert_eq!(create(Some(&archived), None, &create_by(ADA)), Err(Rejection::Archived));
    }

    #[test]
    fn a_room_is_made_once() {
        assert_eq!(create(Some(&lounge()), Some(&room()), &create_by(ADA)), Ok(None));
    }

    fn changed(room: &Room, role: Option<Role>, wish: RoomWish) -> Result<Option<RoomEvent>, Rejection> {
        let command = ChangeRoom { room: HALL, by: BOB, wish, now: Time::UNIX_EPOCH };
        change(Some(room), role.map(as_a).as_ref(), &command)
    }

    fn edit(edit: EditRoom) -> RoomWish {
        RoomWish::Edit(Box::new(edit))
    }

    fn every_wish() -> [RoomWish; 3] {
        [edit(EditRoom { guests: Some(true), ..EditRoom::default() }), RoomWish::Archive, RoomWish::Reopen]
    }

    // Red without `moderates` or `owns` in `change`.
    #[test]
    fn settings_are_the_moderators_and_the_end_is_the_owners() {
        let public = Room { visibility: Visibility::Public, ..room() };
        let owners = Err(Rejection::NotRoomOwner);
        for hall in [public, room()] {
            let decide = |role, wish| changed(&hall, Some(role), wish).map(|event| event.is_some());
            let [edit, archive, reopen] = every_wish();
            assert_eq!(decide(Role::Member, edit.clone()), Err(Rejection::NotModerator));
            assert_eq!(decide(Role::Moderator, edit.clone()), Ok(true));
            assert_eq!(decide(Role::Owner, edit), Ok(true));
            for role in [Role::Member, Role::Moderator] {
                assert_eq!(decide(role, archive.clone()), owners);
                assert_eq!(decide(role, reopen.clone()), owners);
            }
            assert_eq!(decide(Role::Owner, archive), Ok(true));
            assert_eq!(decide(Role::Owner, reopen), Ok(false));
        }
    }

    #[test]
    fn who_is_not_in_a_private_room_does_not_learn_of_it() {
        for wish in every_wish() {
            assert_eq!(changed(&room(), None, wish.clone()), Err(Rejection::NotFound));
            let command = ChangeRoom { room: HALL, by: BOB, wish, now: Time::UNIX_EPOCH };
            assert_eq!(change(None, None, &command), Err(Rejection::NotFound));
        }
    }

    #[test]
    fn who_is_not_in_a_public_room_or_banned_changes_nothing() {
        let public = Room { visibility: Visibility::Public, ..room() };
        let ban = Restriction { until: None, reason: None };
        let banned = Membership { banned: Some(ban), ..Membership::default() };
        for wish in every_wish() {
            assert_eq!(changed(&public, None, wish.clone()), Err(Rejection::NotAMember));
            let command = ChangeRoom { room: HALL, by: BOB, wish, now: Time::UNIX_EPOCH };
            assert_eq!(change(Some(&public), Some(&banned), &command), Err(Rejection::Banned { until: None }));
        }
    }

    #[test]
    fn the_same_again_changes_nothing_and_what_is_archived_is_reopened_first() {
        let same = edit(EditRoom { name: Some(RoomName::parse("Hall").expect("a name")), ..EditRoom::default() });
        let decide = |room: &Room, wish| changed(room, Some(Role::Owner), wish);
        assert_eq!(decide(&room(), same.clone()), Ok(None));
        assert_eq!(decide(&room(), RoomWish::Reopen), Ok(None));
        let archived = Room { active: false, ..room() };
        assert_eq!(decide(&archived, same), Err(Rejection::Archived));
        assert_eq!(decide(&archived, RoomWish::Archive), Ok(None));
        assert_eq!(decide(&archived, RoomWish::Reopen), Ok(Some(RoomReopened { room: HALL }.into())));
    }
}
