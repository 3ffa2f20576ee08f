//! What does the log hold in the end? Every fact of it, folded.

use event_log::{EventLog, Fact, fake::FakeLog};
use events::identity::{Account, Credential, Phone, Session};
use events::message::{MessageStatus, ReportEvent};
use events::system::Relay;
use events::{
    Change, Event, Evolve, Lounge, LoungeId, Membership, MessageEvent, MessageId, Room, RoomId, StreamName, Subject,
    User, UserId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

#[derive(Default)]
pub(super) struct Folded {
    pub(super) lounges: BTreeMap<LoungeId, Lounge>,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    pub(super) members: BTreeMap<(RoomId, UserId), Membership>,
    pub(super) messages: BTreeMap<MessageId, Said>,
    pub(super) accounts: BTreeMap<UserId, Account>,
    pub(super) users: BTreeMap<UserId, User>,
    pub(super) reports: BTreeMap<RoomId, usize>,
    phones: BTreeMap<Subject, Phone>,
    credentials: BTreeMap<Subject, Credential>,
    sessions: BTreeMap<Subject, Session>,
    relays: BTreeMap<Subject, Relay>,
}

/// A message as its facts leave it.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) room: RoomId,
    pub(super) author: UserId,
    pub(super) text: String,
    pub(super) reply_to: Option<MessageId>,
    pub(super) mentions: Vec<UserId>,
    pub(super) status: MessageStatus,
    pub(super) reactions: BTreeSet<UserId>,
}

pub(super) async fn fold(log: &FakeLog) -> Result<Folded, String> {
    let mut folded = Folded::default();
    for stream in [StreamName::Identity, StreamName::Chat] {
        let end = log.extent(stream).await.map_err(|error| error.to_string())?.last;
        for seq in 1..=end {
            // A rollup leaves holes.
            if let Some(record) = log.read(stream, seq).await.map_err(|error| error.to_string())? {
                folded.take(&record.fact().map_err(|error| error.to_string())?)?;
            }
        }
    }
    Ok(folded)
}

impl Folded {
    fn take(&mut self, fact: &Fact) -> Result<(), String> {
        match (&fact.event, fact.subject) {
            (Event::Lounge(change), Subject::Lounge(id)) => evolve(&mut self.lounges, id, change, fact),
            (Event::Room(change), Subject::Room(id)) => evolve(&mut self.rooms, id, change, fact),
            (Event::Membership(change), Subject::Member(room, user)) => {
                evolve(&mut self.members, (room, user), change, fact)
            }
            (Event::Account(change), Subject::Account(id)) => evolve(&mut self.accounts, id, change, fact),
            (Event::User(change), Subject::User(id)) => evolve(&mut self.users, id, change, fact),
            (Event::Phone(change), subject) => evolve(&mut self.phones, subject, change, fact),
            (Event::Relay(change), subject) => evolve(&mut self.relays, subject, change, fact),
            // Of a rollup only the last is held: what it was before, its own state says.
            (Event::Credential(change), subject) => {
                self.credentials.insert(subject, change.after.clone());
                Ok(())
            }
            (Event::Session(change), subject) => {
                self.sessions.insert(subject, change.after.clone());
                Ok(())
            }
            (Event::Message(event), _) => {
                self.say(event);
                Ok(())
            }
            (Event::Report(ReportEvent::Reported(reported)), _) => {
                *self.reports.entry(reported.room).or_default() += 1;
                Ok(())
            }
            (Event::Epoch(_), _) => Ok(()),
            (other, subject) => Err(format!("{} on {subject}", other.event_type())),
        }
    }

    fn say(&mut self, event: &MessageEvent) {
        match event {
            MessageEvent::Posted(posted) => {
                let said = Said {
                    room: posted.room,
                    author: posted.author,
                    text: posted.text.clone(),
                    reply_to: posted.reply_to,
                    mentions: posted.mentions.clone(),
                    status: MessageStatus::Visible,
                    reactions: BTreeSet::new(),
                };
                self.messages.entry(posted.message).or_insert(said);
            }
            MessageEvent::Edited(edited) => {
                self.on(edited.message, |said| said.text.clone_from(&edited.text));
            }
            MessageEvent::Deleted(deleted) => self.on(deleted.message, |said| said.status = MessageStatus::Deleted),
            MessageEvent::Moderated(moderated) => {
                self.on(moderated.message, |said| said.turn(moderated.status));
            }
            MessageEvent::AllRemoved(removed) => {
                let his = |said: &&mut Said| said.room == removed.room && said.author == removed.user;
                self.messages.values_mut().filter(his).for_each(|said| said.turn(MessageStatus::Removed));
            }
            MessageEvent::ReactionAdded(added) => {
                self.on(added.message, |said| said.reactions.extend([added.user]));
            }
            MessageEvent::ReactionRemoved(removed) => {
                self.on(removed.message, |said| said.reactions.retain(|user| *user != removed.user));
            }
        }
    }

    fn on(&mut self, message: MessageId, change: impl FnOnce(&mut Said)) {
        if let Some(said) = self.messages.get_mut(&message) {
            change(said);
        }
    }
}

impl Said {
    /// What its author deleted stays deleted.
    fn turn(&mut self, status: MessageStatus) {
        if self.status != MessageStatus::Deleted {
            self.status = status;
        }
    }
}

/// The fold, which has to be what the fact says that it leaves.
fn evolve<K: Ord, S>(all: &mut BTreeMap<K, S>, key: K, change: &Change<S::Event, S>, fact: &Fact) -> Result<(), String>
where
    S: Evolve + PartialEq + Debug,
{
    let mut state = all.remove(&key);
    S::evolve(&mut state, &change.event);
    match state {
        Some(state) if state == change.after => {
            all.insert(key, state);
            Ok(())
        }
        other => Err(format!("{} says that it leaves {:?}, and leaves {other:?}", fact.subject, change.after)),
    }
}
