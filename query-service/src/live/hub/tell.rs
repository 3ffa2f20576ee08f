//! How does an event reach the sockets of its room, or of a person's companions? And who is out from that event on?

use super::{Listened, Socket, State, WAITING};
use crate::live::{
    batch::Batch,
    close::Close,
    form::Frame,
    frame::{Name, Person, Rendered, Telling, of_user, telling},
    members::Member,
    outbox::write_soon,
    protocol,
    ring::Ring,
};
use event_log::Fact;
use events::{
    Event, Membership, MembershipEvent, MessageEvent, MessageId, Position, Role, RoomId, Subject, Time, UserEvent,
    UserId, message::MessageStatus,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Frames of more bytes are told one by one: they cost what their copying costs, and what waits is counted by the piece.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// What a fact tells by now. A text goes out only where nothing later took it back, and the ring would know it: who may
/// see it nevertheless reads it by REST.
pub(super) fn render(fact: Option<&Fact>, seq: u64, ring: &Ring, name_of: impl Fn(UserId) -> Name) -> Telling {
    let Some(fact) = fact else { return Telling::noop() };
    let telling = telling(fact, seq, name_of);
    match text_of(fact).map(|message| ring.status(message)) {
        None | Some(Some(MessageStatus::Visible)) => telling,
        Some(status) => telling.without_text(status),
    }
}

/// The message whose text a fact has.
fn text_of(fact: &Fact) -> Option<MessageId> {
    let Event::Message(event) = &fact.event else { return None };
    match event {
        MessageEvent::Posted(posted) => Some(posted.message),
        MessageEvent::Edited(edited) => Some(edited.message),
        MessageEvent::Deleted(_) | MessageEvent::Moderated(_) | MessageEvent::AllRemoved(_) => None,
        MessageEvent::ReactionAdded(_) | MessageEvent::ReactionRemoved(_) => None,
    }
}

/// Follows one membership.
pub(super) fn enter_or_leave(
    members: &mut HashMap<UserId, Member>,
    user: UserId,
    after: &Membership,
    named: Option<Name>,
) {
    match after.role {
        None => {
            members.remove(&user);
        }
        Some(role) => {
            let known = members.get(&user).map(|member| member.name.clone());
            let name = known.or(named).unwrap_or_else(Name::unknown);
            let muted_until = after.muted.as_ref().map(|mute| mute.until.unwrap_or(Time::MAX_UTC));
            members.insert(user, Member { name, role, muted_until });
        }
    }
}

/// Why a person is out of the room, as `room_gone` says it.
fn why_gone(event: &MembershipEvent) -> &'static str {
    match event {
        MembershipEvent::Left(_) => "left",
        MembershipEvent::Kicked(_) => "kicked",
        MembershipEvent::Banned(_) => "banned",
        MembershipEvent::Joined(_) | MembershipEvent::Added(_) | MembershipEvent::Unbanned(_) => "not-a-member",
        MembershipEvent::Muted(_) | MembershipEvent::Unmuted(_) | MembershipEvent::RoleChanged(_) => "not-a-member",
    }
}

impl Listened {
    /// The sockets that hear what happens.
    pub(super) fn attached(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter().filter(|(id, _)| **id & WAITING == 0).map(|(_, socket)| &**socket)
    }

    /// Who is told of the people and the lounge: also sockets that still catch up with the room.
    pub(super) fn hearing(&self) -> impl Iterator<Item = u64> {
        self.sockets.keys().map(|id| id & !WAITING)
    }
}

/// Frames of one room that are told together, to each socket in one go: what one socket keeps is near, what the next one
/// keeps is not.
#[derive(Default)]
pub(super) struct Run(Vec<Rendered>);

impl Run {
    /// Whether what comes next may be told together with it: it is of the same room, and who hears what stays as it is.
    pub(super) fn goes_on(&self, of: Option<(RoomId, u64)>, fact: Option<&Fact>) -> bool {
        let is_same = self.0.last().zip(of).is_some_and(|(last, (room, _))| last.of().0 == room);
        is_same && !matches!(fact, Some(Fact { event: Event::Membership(_), .. }))
    }

    /// Its frames as one, with the latest number, where they are several and everybody sees the same.
    fn batch(&self) -> Option<(Batch, (RoomId, u64))> {
        let last = self.0.last().filter(|_| self.0.len() > 1)?;
        let frames: Option<Vec<Frame>> = self.0.iter().map(Rendered::seen_by_all).collect();
        let batch = Batch::new(frames?);
        (batch.len() <= BATCH_BYTES_MAX).then(|| (batch, last.of()))
    }
}

impl State {
    /// Has the sockets of a room told, with `run`. Rights change at the event itself: nothing of a ban's position reaches
    /// the banned.
    pub(super) fn tell_room(&mut self, p: Position, of: (RoomId, u64), fact: Option<&Fact>, run: &mut Run) {
        let room = of.0;
        let Some(listened) = self.rooms.get_mut(&room) else { return };
        if let Some(Fact { subject: Subject::Member(_, user), event: Event::Membership(change), .. }) = fact {
            enter_or_leave(&mut listened.members, *user, &change.after, self.ring.user(*user).map(Name::from));
            if change.after.role.is_none() {
                let gone = protocol::room_gone(room, why_gone(&change.event));
                let theirs = listened.sockets.extract_if(|_, socket| socket.user == *user);
                theirs
                    .filter(|(id, _)| id & WAITING == 0)
                    .for_each(|(_, socket)| socket.outbox.push(gone.clone(), None));
            }
        }
        if listened.sockets.is_empty() {
            self.rooms.remove(&room);
            return;
        }
        let members = &listened.members;
        let ring = &self.ring;
        let telling = render(fact, of.1, ring, |user| {
            let member = members.get(&user).map(|member| member.name.clone());
            member.or_else(|| ring.user(user).map(Name::from)).unwrap_or_else(Name::unknown)
        });
        run.0.push(telling.render(p, of));
    }

    /// Tells a run, which is empty then.
    pub(super) fn deliver(&self, run: &mut Run) {
        let run = std::mem::take(run);
        let Some(listened) = run.0.first().and_then(|first| self.rooms.get(&first.of().0)) else { return };
        let shared = run.batch();
        let (mut delivered, mut asleep) = (0, Vec::new());
        for socket in listened.attached() {
            let is_asleep = match &shared {
                Some((batch, of)) => socket.outbox.push_batch(batch, *of),
                None => {
                    // Who is out of the room was taken from its sockets at the event itself: all of these are members.
                    let role = || listened.members.get(&socket.user).map_or(Role::Member, |member| member.role);
                    socket.outbox.push_quietly(run.0.iter().map(|frame| (frame.seen_by(socket.user, role), frame.of())))
                }
            };
            if is_asleep {
                asleep.push(Arc::clone(&socket.outbox));
            }
            delivered += run.0.len() as u64;
        }
        write_soon(asleep);
        metrics::counter!("live_deliveries_total").increment(delivered);
    }

    /// Tells who shares a room with a person, and ends the person's own sockets where they are over.
    pub(super) fn tell_of_user(&mut self, p: Position, event: &UserEvent, after: &events::User) {
        let (user, own) = match event {
            UserEvent::SessionClosed(closed) => {
                let theirs = self.sockets.values().filter(|socket| socket.session == closed.session);
                theirs.for_each(|socket| socket.outbox.close(Close::SessionRevoked));
                return;
            }
            UserEvent::CredentialChanged(changed) => {
                // The session that it was changed in goes on, and on its sockets too.
                let others = self.sockets_of(changed.user).filter(|socket| Some(socket.session) != changed.session);
                let old = others.filter(|socket| socket.credential < changed.number);
                old.for_each(|socket| socket.outbox.close(Close::SessionRevoked));
                return;
            }
            UserEvent::Suspended(event) => (event.user, Some(Close::SuspendedOrErased)),
            UserEvent::Erased(event) => (event.user, Some(Close::SuspendedOrErased)),
            UserEvent::Expired(event) => (event.user, Some(Close::GuestExpired)),
            UserEvent::Appeared(event) => (event.user, None),
            UserEvent::ProfileChanged(event) => (event.user, None),
            UserEvent::Upgraded(event) => (event.user, None),
            UserEvent::Reinstated(event) => (event.user, None),
        };
        if let Some(why) = own {
            self.sockets_of(user).for_each(|socket| socket.outbox.close(why));
        }
        let person = Person::from(after);
        let mut hearing: HashSet<u64> = HashSet::new();
        for room in self.rooms.values_mut() {
            if let Some(member) = room.members.get_mut(&user) {
                member.name = person.name.clone();
                hearing.extend(room.hearing());
            }
        }
        self.push_to(&hearing, &of_user(event.event_type().name, p, user, &person));
    }

    pub(super) fn push_to(&self, sockets: &HashSet<u64>, frame: &Frame) {
        for socket in sockets.iter().filter_map(|id| self.sockets.get(id)) {
            socket.outbox.push(frame.clone(), None);
        }
    }
}
