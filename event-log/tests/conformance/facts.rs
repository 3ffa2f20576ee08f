//! The facts that the suite writes: people who join a room, and what they say.

use events::{
    Actor, Change, Condition, Envelope, Event, EventId, LoungeId, MembershipEvent, MessageEvent, NewEvent, Role,
    RoomId, Subject, Time, UserId,
    lounge::{Lounge, LoungeChanged, LoungeCreated, LoungeEvent},
    membership::{MemberJoined, MemberMuted},
    message::MessagePosted,
};
use uuid::Uuid;

pub(super) fn id() -> EventId {
    EventId(Uuid::now_v7())
}

fn event(subject: Subject, after: Condition, id: EventId, event: impl Into<Event>) -> NewEvent {
    let mut envelope = Envelope::new(id, Time::UNIX_EPOCH, Actor::System, "suite");
    envelope.after = Some(after);
    NewEvent { subject, envelope, event: event.into() }
}

pub(super) fn joins(room: RoomId, user: UserId, at: u64) -> NewEvent {
    let subject = Subject::Member(room, user);
    let joined = MembershipEvent::from(MemberJoined { room, user, role: Role::Member, at: Time::UNIX_EPOCH });
    event(subject, Condition { subject, seq: at }, id(), Change::of(None, joined))
}

/// His tip moves on.
pub(super) fn mutes(room: RoomId, user: UserId, at: u64) -> NewEvent {
    let subject = Subject::Member(room, user);
    let muted = MembershipEvent::from(MemberMuted { room, user, until: None, reason: None });
    event(subject, Condition { subject, seq: at }, id(), Change::of(None, muted))
}

pub(super) fn posts(room: RoomId, author: UserId, member_at: u64, id: EventId, text: &str) -> NewEvent {
    let posted =
        MessagePosted { room, message: id.into(), author, text: text.into(), reply_to: None, mentions: vec![] };
    let condition = Condition { subject: Subject::Member(room, author), seq: member_at };
    event(Subject::RoomMessages(room), condition, id, MessageEvent::from(posted))
}

pub(super) fn opens(lounge: LoungeId) -> NewEvent {
    let owner = UserId(Uuid::now_v7());
    let subject = Subject::Lounge(lounge);
    let created = LoungeCreated { lounge, name: "Tea".into(), description: None, owner, at: Time::UNIX_EPOCH };
    event(subject, Condition { subject, seq: 0 }, id(), Change::of(None, LoungeEvent::from(created)))
}

pub(super) fn renames(lounge: LoungeId, before: &Lounge, at: u64, name: &str) -> NewEvent {
    let subject = Subject::Lounge(lounge);
    let changed = LoungeChanged { lounge, name: Some(name.into()), description: None };
    let change = Change::of(Some(before.clone()), LoungeEvent::from(changed));
    event(subject, Condition { subject, seq: at }, id(), change)
}

pub(super) fn room() -> RoomId {
    RoomId(Uuid::now_v7())
}

pub(super) fn user() -> UserId {
    UserId(Uuid::now_v7())
}
