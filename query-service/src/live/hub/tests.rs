//! Is nothing missed and nothing repeated, wherever a socket is attached? Played step by step.

mod texts;
mod together;
mod unchanged;

use super::*;
use crate::{
    live::{
        frame::Name,
        members::{Loaded, Member},
    },
    rights::SeenAfter,
};
use async_nats::HeaderMap;
use events::{
    Actor, Change, Envelope, EventId, Membership, MembershipEvent, MessageEvent, MessageId, NewEvent, Role, Time, User,
    UserEvent, UserKind,
    membership::{MemberBanned, MemberJoined},
    message::MessagePosted,
    user::{CredentialChanged, UserAppeared, UserProfileChanged},
};
use uuid::Uuid;

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));
const EPOCH: Epoch = Epoch(1);

fn record(seq: u64, subject: Subject, event: impl Into<Event>) -> Record {
    let id = EventId(Uuid::from_u128(u128::from(seq)));
    let NewEvent { envelope, event, .. } = NewEvent {
        subject,
        envelope: Envelope::new(id, Time::UNIX_EPOCH, Actor::User(ADA), "test"),
        event: event.into(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in envelope.headers(event.event_type(), &subject) {
        headers.insert(name, value);
    }
    Record { stream: events::StreamName::Chat, seq, subject: subject.to_string(), headers, body: event.body().into() }
}

/// The id of what was said at this position.
fn said_at(seq: u64) -> MessageId {
    EventId(Uuid::from_u128(u128::from(seq))).into()
}

fn says(seq: u64, text: &str) -> Record {
    let message = said_at(seq);
    let posted =
        MessagePosted { room: ROOM, message, author: ADA, text: text.into(), reply_to: None, mentions: vec![] };
    record(seq, Subject::RoomMessages(ROOM), MessageEvent::from(posted))
}

fn bans_bob(seq: u64) -> Record {
    let joined =
        MembershipEvent::from(MemberJoined { room: ROOM, user: BOB, role: Role::Member, at: Time::UNIX_EPOCH });
    let before = Change::<_, Membership>::of(None, joined).after;
    let banned =
        MembershipEvent::from(MemberBanned { room: ROOM, user: BOB, until: None, reason: Some("rude".into()) });
    record(seq, Subject::Member(ROOM, BOB), Change::of(Some(before), banned))
}

fn member(name: &str) -> Member {
    Member {
        name: Name { display_name: name.into(), kind: UserKind::Registered },
        role: Role::Member,
        muted_until: None,
    }
}

/// A hub at position 100, where the room has had 10 events, and both are members.
fn hub() -> Hub {
    let hub = Hub::new();
    hub.begin(Position { epoch: EPOCH, seq: 100 }, HashMap::from([(ROOM, 10)]));
    hub
}

fn enters(hub: &Hub, user: UserId) -> (u64, Arc<Outbox>) {
    let outbox = Arc::new(Outbox::default());
    let session = SessionId(Uuid::from_u128(9));
    let socket = Socket { user, session, credential: 1, outbox: Arc::clone(&outbox) };
    let id = hub.enter(socket, 10).expect("there is room");
    let members = HashMap::from([(ADA, member("Ada")), (BOB, member("Bob"))]);
    let loaded = Loaded { checkpoint: 100, lounge: None, members };
    assert_eq!(hub.learn(id, ROOM, Some(loaded)), Learned::Yes);
    (id, outbox)
}

/// A password that was changed for the second time, in this session.
fn changes_password(seq: u64, user: UserId, session: Option<SessionId>) -> Record {
    let at = Time::UNIX_EPOCH;
    let appeared = UserAppeared { user, display_name: "Ada".into(), kind: UserKind::Registered, at };
    let before = Change::<_, User>::of(None, UserEvent::from(appeared)).after;
    let changed = UserEvent::from(CredentialChanged { user, number: 2, session });
    record(seq, Subject::User(user), Change::of(Some(before), changed))
}

// Red with the session left out of the comparison: who changes his password is put off his own socket.
#[test]
fn a_new_password_ends_the_sockets_of_the_other_sessions_only() {
    for (session, ends) in
        [(Some(SessionId(Uuid::from_u128(9))), false), (Some(SessionId(Uuid::from_u128(8))), true), (None, true)]
    {
        let hub = hub();
        let (_, outbox) = enters(&hub, ADA);
        hub.publish(EPOCH, [&changes_password(101, ADA, session)]);
        assert_eq!(outbox.take(usize::MAX).1.is_some(), ends, "{session:?}");
    }
}

// Red with `before` left out of `presence`: what is said again, as after the log was away, would be told again.
#[test]
fn who_comes_is_told_once_and_in_large_rooms_only_counted() {
    use event_log::Typing;
    use events::PresenceState::{Dnd, Online};
    let hub = hub();
    let (_, outbox) = enters(&hub, BOB);
    let shows =
        |user_id, state| hub.presence(crate::resource::Presence { user_id, state, last_seen_at: Time::UNIX_EPOCH });
    let told = || {
        hub.tell_presence();
        let frames = outbox.take(usize::MAX).0;
        frames
            .iter()
            .map(|frame| serde_json::from_str::<serde_json::Value>(frame.json()).expect("JSON")["d"].clone())
            .collect::<Vec<_>>()
    };
    shows(ADA, Online);
    assert_eq!(told()[0]["users"][0]["state"], "online");
    shows(ADA, Online);
    shows(UserId(Uuid::from_u128(99)), Online);
    assert_eq!(told(), Vec::<serde_json::Value>::new(), "of strangers, and of what is known, nothing is told");
    assert!(hub.may_type(Typing { room: ROOM, user: ADA }));
    let many = (1_000..).take(beside::TOLD_MEMBERS_MAX).map(|n| (UserId(Uuid::from_u128(n)), member("Many")));
    hub.lock().rooms.get_mut(&ROOM).expect("it is listened to").members.extend(many);
    shows(ADA, Dnd);
    assert_eq!(told(), [serde_json::json!({ "room": ROOM, "counts": { "online": 0, "away": 0, "dnd": 1 } })]);
    assert!(!hub.may_type(Typing { room: ROOM, user: ADA }));
}

fn numbers(frames: &[Frame]) -> Vec<u64> {
    let frames = frames.iter().map(|frame| serde_json::from_str::<serde_json::Value>(frame.json()).expect("a frame"));
    frames.filter_map(|frame| frame["seq"].as_u64()).collect()
}

fn heard(outbox: &Outbox) -> Vec<(String, u64)> {
    let frames = outbox.take(usize::MAX).0;
    let frames = frames.iter().map(|frame| serde_json::from_str::<serde_json::Value>(frame.json()).expect("a frame"));
    frames
        .map(|frame| (frame["t"].as_str().unwrap_or_default().to_owned(), frame["seq"].as_u64().unwrap_or(0)))
        .collect()
}

// Red with `since` asked for what is after `head` in `attach`, and with `tell_room` telling those who wait as well.
#[test]
fn a_socket_attached_at_any_moment_hears_each_event_once() {
    for attached_after in 0..=6_u64 {
        let hub = hub();
        let (id, outbox) = enters(&hub, BOB);
        for n in 1..=6 {
            if n == attached_after + 1 {
                assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
            }
            hub.publish(EPOCH, [&says(100 + n, "hi")]);
        }
        if attached_after == 6 {
            assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
        }
        let expected: Vec<_> = (11..=16).map(|seq| ("message.posted".to_owned(), seq)).collect();
        assert_eq!(heard(&outbox), expected, "attached after {attached_after}");
    }
}

// Red without `remove(&id)` in `learn`: what happens until it is attached again would come twice.
#[test]
fn a_socket_that_is_taken_up_anew_hears_each_event_once_more_and_no_more() {
    let hub = hub();
    let (id, outbox) = enters(&hub, BOB);
    assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
    hub.publish(EPOCH, [&says(101, "before")]);
    assert_eq!(numbers(&outbox.take(usize::MAX).0), [11]);
    assert_eq!(hub.learn(id, ROOM, None), Learned::Yes);
    hub.publish(EPOCH, [&says(102, "meanwhile")]);
    assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
    hub.publish(EPOCH, [&says(103, "after")]);
    assert_eq!(numbers(&outbox.take(usize::MAX).0), [11, 12, 13]);
}

// Red with `saturating_sub` in place of `checked_sub` in `Ring::since`.
#[test]
fn what_lies_before_the_ring_has_to_be_read_first() {
    let hub = hub();
    let (id, outbox) = enters(&hub, BOB);
    hub.publish(EPOCH, [&says(101, "hi")]);
    assert_eq!(hub.attach(id, ROOM, 8, &HashMap::new()), Attached::NotYet);
    assert_eq!(heard(&outbox), vec![]);
}

// Red with only those records counted in `publish` that can be decoded.
#[test]
fn what_nobody_understands_keeps_its_number() {
    let hub = hub();
    let (id, outbox) = enters(&hub, BOB);
    assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
    hub.publish(EPOCH, [&Record { body: "{".into(), ..says(101, "broken") }]);
    hub.publish(EPOCH, [&says(102, "whole")]);
    assert_eq!(heard(&outbox), [("noop".to_owned(), 11), ("message.posted".to_owned(), 12)]);
}

#[test]
fn members_are_as_of_the_checkpoint_and_what_came_after() {
    let hub = hub();
    hub.publish(EPOCH, [&bans_bob(101)]);
    let (_, _) = enters(&hub, ADA);
    assert_eq!(hub.standing(ROOM, BOB), None, "the ban came after the rows were read");
    assert_eq!(hub.standing(ROOM, ADA), Some((Role::Member, 11)));
}

fn of_ada(seq: u64, event: impl Into<UserEvent>) -> Record {
    let appeared =
        UserAppeared { user: ADA, display_name: "Ada".into(), kind: UserKind::Registered, at: Time::UNIX_EPOCH };
    let before = Change::<_, User>::of(None, UserEvent::from(appeared)).after;
    record(seq, Subject::User(ADA), Change::of(Some(before), event.into()))
}

fn renames_ada(seq: u64) -> Record {
    of_ada(seq, UserProfileChanged { user: ADA, display_name: "Augusta".into() })
}

// Red without `has_room` in `attach`: the socket would close 4011, come back, and close again.
#[test]
fn more_than_the_outbox_takes_is_copied_in_parts() {
    let long = "x".repeat(4_000 * 4);
    for (count, text) in [(100, long.as_str()), (1_000, "short")] {
        let hub = hub();
        let (id, outbox) = enters(&hub, BOB);
        (1..=count).for_each(|n| _ = hub.publish(EPOCH, [&says(100 + n, text)]));
        let mut seqs = Vec::new();
        let mut at = 10;
        while let Attached::UpTo(last) = hub.attach(id, ROOM, at, &HashMap::new()) {
            if last == at {
                let (frames, close) = outbox.take(32);
                assert_eq!(close, None, "a text of {} bytes", text.len());
                seqs.extend(numbers(&frames));
            }
            at = last;
        }
        hub.publish(EPOCH, [&says(101 + count, "live")]);
        seqs.extend(numbers(&outbox.take(usize::MAX).0));
        assert_eq!(seqs, (11..=11 + count).collect::<Vec<_>>());
    }
}

// Red with the position taken before the lock in `standings`.
#[test]
fn a_head_is_that_of_the_position_beside_it() {
    const EVENTS: u64 = 2_000;
    let hub = hub();
    let (_, _) = enters(&hub, BOB);
    let publishing = hub.clone();
    let publisher =
        std::thread::spawn(move || (1..=EVENTS).for_each(|n| _ = publishing.publish(EPOCH, [&says(100 + n, "hi")])));
    loop {
        let (at, standings) = hub.standings(&[ROOM], BOB).expect("it has begun");
        assert_eq!(standings, [Some((Role::Member, at.seq - 90))]);
        if at.seq == 100 + EVENTS {
            break;
        }
    }
    publisher.join().expect("it does not panic");
}

// Red with those that wait left out of `hears`.
#[test]
fn a_new_name_is_heard_by_who_shares_a_room_also_while_he_catches_up() {
    let hub = hub();
    let (_, outbox) = enters(&hub, BOB);
    hub.publish(EPOCH, [&renames_ada(101)]);
    assert_eq!(heard(&outbox), [("user.changed".to_owned(), 0)]);
}

#[test]
fn who_was_away_is_told_the_latest_of_those_who_changed_meanwhile() {
    let hub = hub();
    let (_, _) = enters(&hub, BOB);
    hub.publish(EPOCH, [&renames_ada(101)]);
    let since = |seq| hub.changed_since(&[ROOM], Position { epoch: EPOCH, seq });
    let (frames, is_all) = since(100);
    let frame: serde_json::Value = serde_json::from_str(frames[0].json()).expect("a frame");
    assert_eq!((frames.len(), is_all, &frame["d"]["display_name"]), (1, true, &"Augusta".into()));
    assert_eq!(since(101), (vec![], true));
    assert!(!since(99).1, "the ring begins at 100");
    assert_eq!(hub.changed_since(&[], Position { epoch: EPOCH, seq: 100 }).0, Vec::<Frame>::new());
}
