//! How does an event reach the sockets of its room, or of a person's companions? And who is out from that event on?

use super::{State, WAITING};
use crate::live::{
    close::Close,
    frame::{Name, Telling, roomless, telling},
    members::Member,
    protocol,
    ring::Entry,
};
use axum::extract::ws::Utf8Bytes;
use event_log::Fact;
use events::{
    Event, Membership, MembershipEvent, MessageEvent, MessageId, Position, RoomId, Subject, UserEvent, UserId,
    message::MessageStatus,
};
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Who has to be named in the frame of an entry.
pub(super) fn named_in(entry: &Entry) -> Option<UserId> {
    match &entry.fact.as_deref()?.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.author),
        _ => None,
    }
}

/// Which messages of these entries, oldest first, show no text any more because of a later one.
pub(super) fn taken_back(entries: &[Arc<Entry>]) -> HashMap<MessageId, MessageStatus> {
    let mut authors: HashMap<MessageId, UserId> = HashMap::new();
    let mut gone = HashMap::new();
    for event in entries.iter().filter_map(|entry| entry.fact.as_deref()).map(|fact| &fact.event) {
        match event {
            Event::Message(MessageEvent::Posted(posted)) => {
                authors.insert(posted.message, posted.author);
            }
            Event::Message(MessageEvent::Deleted(deleted)) => {
                gone.insert(deleted.message, MessageStatus::Deleted);
            }
            Event::Message(MessageEvent::Moderated(moderated)) if moderated.status != MessageStatus::Visible => {
                gone.entry(moderated.message).or_insert(moderated.status);
            }
            Event::Message(MessageEvent::AllRemoved(removed)) => {
                let theirs = authors.iter().filter(|(_, author)| **author == removed.user);
                theirs.for_each(|(message, _)| _ = gone.entry(*message).or_insert(MessageStatus::Removed));
            }
            Event::Message(
                MessageEvent::Edited(_)
                | MessageEvent::Moderated(_)
                | MessageEvent::ReactionAdded(_)
                | MessageEvent::ReactionRemoved(_),
            ) => {}
            Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_) => {}
            Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Room(_) => {}
            Event::Membership(_) | Event::Report(_) | Event::Presence(_) | Event::Marker(_) => {}
        }
    }
    gone
}

/// The message whose text an entry tells.
pub(super) fn says(entry: &Entry) -> Option<MessageId> {
    match &entry.fact.as_deref()?.event {
        Event::Message(MessageEvent::Posted(posted)) => Some(posted.message),
        Event::Message(MessageEvent::Edited(edited)) => Some(edited.message),
        _ => None,
    }
}

pub(super) fn render(fact: Option<&Fact>, seq: u64, name_of: impl Fn(UserId) -> Name) -> Telling {
    fact.map_or_else(Telling::noop, |fact| telling(fact, seq, name_of))
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
            members.insert(user, Member { name, role });
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

impl State {
    /// Tells the sockets of a room. Rights change at the event itself: nothing of a ban's position reaches the banned.
    pub(super) fn tell_room(&mut self, p: Position, room: RoomId, seq: u64, fact: Option<&Fact>) {
        let Some(listened) = self.rooms.get_mut(&room) else { return };
        if let Some(Fact { subject: Subject::Member(_, user), event: Event::Membership(change), .. }) = fact {
            let named =
                self.ring.user(*user).map(|user| Name { display_name: user.display_name.clone(), kind: user.kind });
            enter_or_leave(&mut listened.members, *user, &change.after, named);
            if change.after.role.is_none() {
                let gone = protocol::room_gone(room, why_gone(&change.event));
                let theirs = |id: &u64| self.sockets.get(&(id & !WAITING)).is_some_and(|socket| socket.user == *user);
                for id in listened.sockets.extract_if(theirs).filter(|id| id & WAITING == 0) {
                    if let Some(socket) = self.sockets.get(&id) {
                        socket.outbox.push(gone.clone(), None);
                    }
                }
            }
        }
        if listened.sockets.is_empty() {
            self.rooms.remove(&room);
            return;
        }
        let members = &listened.members;
        let ring = &self.ring;
        let telling = render(fact, seq, |user| {
            let member = members.get(&user).map(|member| member.name.clone());
            let lately =
                || ring.user(user).map(|user| Name { display_name: user.display_name.clone(), kind: user.kind });
            member.or_else(lately).unwrap_or_else(Name::unknown)
        });
        let rendered = telling.render(p, (room, seq));
        let mut delivered = 0_u64;
        for socket in listened.sockets.iter().filter_map(|id| self.sockets.get(id)) {
            let Some(member) = members.get(&socket.user) else { continue };
            socket.outbox.push(rendered.seen_by(socket.user, member.role), Some((room, seq)));
            delivered += 1;
        }
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
                let theirs = self.sockets.values().filter(|socket| socket.user == changed.user);
                let old = theirs.filter(|socket| socket.credential < changed.number);
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
            let theirs = self.sockets.values().filter(|socket| socket.user == user);
            theirs.for_each(|socket| socket.outbox.close(why));
        }
        let name = Name { display_name: after.display_name.clone(), kind: after.kind };
        let mut hearing: HashSet<u64> = HashSet::new();
        for room in self.rooms.values_mut() {
            if let Some(member) = room.members.get_mut(&user) {
                member.name = name.clone();
                hearing.extend(&room.sockets);
            }
        }
        let d =
            json!({ "user": user, "display_name": name.display_name, "kind": name.kind, "standing": after.standing });
        self.push_to(hearing.iter(), &roomless(event.event_type().name, p, &d));
    }

    pub(super) fn push_to<'a>(&self, sockets: impl Iterator<Item = &'a u64>, frame: &Utf8Bytes) {
        for socket in sockets.filter_map(|id| self.sockets.get(id)) {
            socket.outbox.push(frame.clone(), None);
        }
    }
}
