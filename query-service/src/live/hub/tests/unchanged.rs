//! Up to where is what was read still so? As far as the hub is, unless what is shown has changed.

use super::*;
use crate::rights::Shown;
use events::{
    Lounge, LoungeEvent, LoungeId, Room, RoomEvent, Visibility,
    lounge::LoungeCreated,
    room::RoomCreated,
    user::{UserErased, UserUpgraded},
};

const OTHER: RoomId = RoomId(Uuid::from_u128(11));
const LOUNGE: LoungeId = LoungeId(Uuid::from_u128(12));

fn at(seq: u64) -> Position {
    Position { epoch: EPOCH, seq }
}

fn of_bob(seq: u64, event: impl Into<UserEvent>) -> Record {
    let appeared =
        UserAppeared { user: BOB, display_name: "Bob".into(), kind: UserKind::Registered, at: Time::UNIX_EPOCH };
    let before = Change::<_, User>::of(None, UserEvent::from(appeared)).after;
    record(seq, Subject::User(BOB), Change::of(Some(before), event.into()))
}

fn opens(seq: u64, room: RoomId) -> Record {
    let created = RoomCreated {
        room,
        lounge: LOUNGE,
        name: "Green".into(),
        topic: None,
        language: "en".into(),
        visibility: Visibility::Public,
        guests: true,
        owner: ADA,
        at: Time::UNIX_EPOCH,
    };
    record(seq, Subject::Room(room), Change::<_, Room>::of(None, RoomEvent::from(created)))
}

fn opens_lounge(seq: u64) -> Record {
    let created =
        LoungeCreated { lounge: LOUNGE, name: "Tea".into(), description: None, owner: ADA, at: Time::UNIX_EPOCH };
    record(seq, Subject::Lounge(LOUNGE), Change::<_, Lounge>::of(None, LoungeEvent::from(created)))
}

/// A hub at 101, after one event.
fn after(event: &Record) -> Hub {
    let hub = hub();
    hub.publish(EPOCH, [event]);
    hub
}

// Red without `room_moved`, `user_changed`, `rooms_changed`, `lounges_changed` and `user_moved`, each.
#[test]
fn what_changed_is_not_so_any_more_and_all_else_is_as_far_as_the_hub_is() {
    let page = Shown::Page { room: ROOM, authors: &[ADA, BOB] };
    let without_bob = Shown::Page { room: ROOM, authors: &[ADA] };
    let elsewhere = Shown::Page { room: OTHER, authors: &[ADA] };
    let rooms = Shown::Rooms { rooms: &[ROOM] };
    let no_rooms = Shown::Rooms { rooms: &[OTHER] };
    let stranger = Shown::Stranger(BOB);
    let renamed = UserProfileChanged { user: BOB, display_name: "Rob".into() };
    let cases: [(Record, &[Shown<'_>], &[Shown<'_>]); 7] = [
        (says(101, "hi"), &[page, without_bob, rooms], &[elsewhere, no_rooms, Shown::Lounges, stranger]),
        (bans_bob(101), &[page, rooms, stranger], &[elsewhere, no_rooms, Shown::Lounges, Shown::Stranger(ADA)]),
        (of_bob(101, renamed), &[page], &[without_bob, rooms, Shown::Lounges, stranger]),
        (of_bob(101, UserErased { user: BOB }), &[page], &[without_bob, rooms]),
        (of_bob(101, UserUpgraded { user: BOB }), &[page], &[without_bob, rooms]),
        (opens(101, OTHER), &[elsewhere, rooms, no_rooms, Shown::Lounges], &[page, stranger]),
        (opens_lounge(101), &[Shown::Lounges], &[page, rooms, stranger]),
    ];
    for (event, changed, unchanged) in &cases {
        let hub = after(event);
        for shown in *changed {
            assert_eq!(hub.unchanged_to(*shown, at(100)), None, "{} {shown:?}", event.subject);
            assert_eq!(hub.unchanged_to(*shown, at(101)), Some(at(101)), "{} {shown:?}", event.subject);
        }
        for shown in unchanged.iter().chain([&Shown::Standing]) {
            assert_eq!(hub.unchanged_to(*shown, at(100)), Some(at(101)), "{} {shown:?}", event.subject);
        }
    }
}

// Red without `is_known`, and without the comparison of epochs.
#[test]
fn what_the_hub_does_not_know_it_does_not_say() {
    let hub = after(&says(101, "hi"));
    let elsewhere = Shown::Page { room: OTHER, authors: &[] };
    assert_eq!(hub.unchanged_to(elsewhere, at(99)), None, "before it began");
    assert_eq!(hub.unchanged_to(elsewhere, at(140)), Some(at(140)), "a read model that is further vouches for itself");
    assert_eq!(hub.unchanged_to(elsewhere, Position { epoch: Epoch(2), seq: 100 }), None);
    assert_eq!(Hub::new().unchanged_to(elsewhere, at(100)), None);
}

// Red where `forget` leaves `memberships` as they are: they would grow with everybody who ever came.
#[test]
fn a_membership_that_the_ring_forgets_is_forgotten() {
    let mut ring = Ring::after(100, 1);
    let push = |ring: &mut Ring, record: &Record| {
        let fact = record.fact().ok().map(Arc::new);
        ring.push(Arc::new(Entry { position: record.seq, of: Some((ROOM, record.seq)), fact }));
    };
    push(&mut ring, &bans_bob(101));
    assert!(ring.membership(ROOM, BOB, 100).is_some() && ring.user_moved(BOB, 100));
    push(&mut ring, &says(102, "hi"));
    assert!(ring.membership(ROOM, BOB, 100).is_none() && !ring.user_moved(BOB, 100));
}
