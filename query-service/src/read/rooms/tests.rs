//! Does a card show what its viewer may see, and no more?

use super::*;
use events::{Role, Visibility};

fn card(visibility: Visibility, member: Option<OwnMembership>) -> Card {
    let room = Room {
        id: RoomId(Uuid::from_u128(1)),
        lounge_id: LoungeId(Uuid::from_u128(2)),
        name: "Tea".into(),
        topic: None,
        language: "en".into(),
        visibility,
        guests: true,
        active: true,
        member_count: 3,
        head: 9,
        created_at: Time::UNIX_EPOCH,
        member,
    };
    Card { room, standing: Standing::new(member.map(|member| member.role), false, None) }
}

#[test]
fn a_card_follows_the_standing_that_was_seen_last() {
    let was = OwnMembership { role: Role::Moderator, read: 4, unread: 5, mentions: 1 };
    let gone = card(Visibility::Private, Some(was)).seen(&Standing::default());
    assert_eq!(gone, None, "kicked from a private room");
    let shown = card(Visibility::Public, Some(was)).seen(&Standing::default()).expect("public");
    assert_eq!(shown.member, None);
    let demoted = card(Visibility::Private, Some(was)).seen(&Standing::new(Some(Role::Member), false, None));
    assert_eq!(demoted.expect("a member").member, Some(OwnMembership { role: Role::Member, ..was }));
    let came = card(Visibility::Private, None).seen(&Standing::new(Some(Role::Member), false, None));
    assert_eq!(came.expect("a member").member.map(|own| (own.read, own.unread)), Some((9, 0)));
}
