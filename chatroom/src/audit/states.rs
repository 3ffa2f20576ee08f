//! Is the state that each event leaves the one that follows from the state before it?

use event_log::Record;
use events::{
    Change, Event, Evolve, Lounge, Marker, Membership, Presence, Room, StreamName, Subject, User,
    identity::{Account, Credential, Phone, Session},
    system::Relay,
};
use serde::Serialize;
use std::{collections::HashMap, fmt};

/// Events that are named; further ones are counted only.
const NAMED_MAX: usize = 100;

/// What was found in one stream.
#[derive(Debug, Clone, Serialize)]
pub struct StatesReport {
    pub stream: &'static str,
    /// Left the state that follows.
    pub follow: u64,
    /// Left another one.
    pub differ: u64,
    /// The state before is not in the stream any more.
    pub not_checkable: u64,
    /// Which ones differ: sequence and subject.
    pub named: Vec<(u64, String)>,
}

impl fmt::Display for StatesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, follow, differ, not_checkable, named } = self;
        writeln!(
            f,
            "{stream}: {follow} states follow from those before, {differ} do not, {not_checkable} not checkable"
        )?;
        named.iter().try_for_each(|(seq, subject)| writeln!(f, "  {stream} at {seq} on {subject}"))
    }
}

type Known<S> = HashMap<Subject, S>;

/// The last state of every subject: a read model of each small subject, in memory.
pub(super) struct States {
    report: StatesReport,
    relays: Known<Relay>,
    phones: Known<Phone>,
    accounts: Known<Account>,
    credentials: Known<Credential>,
    sessions: Known<Session>,
    users: Known<User>,
    lounges: Known<Lounge>,
    rooms: Known<Room>,
    members: Known<Membership>,
    presences: Known<Presence>,
    markers: Known<Marker>,
}

impl States {
    pub(super) fn new(stream: StreamName) -> Self {
        let stream = stream.as_str();
        Self {
            report: StatesReport { stream, follow: 0, differ: 0, not_checkable: 0, named: Vec::new() },
            relays: HashMap::new(),
            phones: HashMap::new(),
            accounts: HashMap::new(),
            credentials: HashMap::new(),
            sessions: HashMap::new(),
            users: HashMap::new(),
            lounges: HashMap::new(),
            rooms: HashMap::new(),
            members: HashMap::new(),
            presences: HashMap::new(),
            markers: HashMap::new(),
        }
    }

    /// Takes the next record of the stream.
    pub(super) fn see(&mut self, record: &Record) {
        // What cannot be read leaves no state; the projector says so.
        let Ok(fact) = record.fact() else { return };
        let follows = match &fact.event {
            Event::Relay(change) => follows(&mut self.relays, fact.subject, change),
            Event::Phone(change) => follows(&mut self.phones, fact.subject, change),
            Event::Account(change) => follows(&mut self.accounts, fact.subject, change),
            Event::Credential(change) => follows(&mut self.credentials, fact.subject, change),
            Event::Session(change) => follows(&mut self.sessions, fact.subject, change),
            Event::User(change) => follows(&mut self.users, fact.subject, change),
            Event::Lounge(change) => follows(&mut self.lounges, fact.subject, change),
            Event::Room(change) => follows(&mut self.rooms, fact.subject, change),
            Event::Membership(change) => follows(&mut self.members, fact.subject, change),
            Event::Presence(change) => follows(&mut self.presences, fact.subject, change),
            Event::Marker(change) => follows(&mut self.markers, fact.subject, change),
            Event::Epoch(_) | Event::Drop(_) | Event::Message(_) | Event::Report(_) => return,
        };
        match follows {
            Some(true) => self.report.follow += 1,
            None => self.report.not_checkable += 1,
            Some(false) => {
                self.report.differ += 1;
                if self.report.named.len() < NAMED_MAX {
                    self.report.named.push((record.seq, record.subject.clone()));
                }
            }
        }
    }

    pub(super) fn report(self) -> StatesReport {
        self.report
    }
}

/// `None`: what was before is forgotten.
fn follows<E, S>(known: &mut Known<S>, subject: Subject, change: &Change<E, S>) -> Option<bool>
where
    S: Evolve<Event = E> + Clone + PartialEq,
{
    let before = known.insert(subject, change.after.clone());
    let forgets = subject.rolls_up() || matches!(subject.stream(), StreamName::Presence | StreamName::Markers);
    if before.is_none() && forgets {
        return None;
    }
    Some(S::after(before, &change.event).as_ref() == Some(&change.after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::HeaderMap;
    use events::{
        Actor, Envelope, EventId, LoungeId, Time, UserId,
        lounge::{LoungeChanged, LoungeCreated, LoungeEvent},
    };
    use uuid::Uuid;

    const SALON: LoungeId = LoungeId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));

    fn record(seq: u64, event: &Event) -> Record {
        let subject = Subject::Lounge(SALON);
        let envelope = Envelope::new(EventId(Uuid::nil()), Time::UNIX_EPOCH, Actor::User(ADA), "test");
        let mut headers = HeaderMap::new();
        for (name, value) in envelope.headers(event.event_type(), &subject) {
            headers.insert(name, value);
        }
        Record { stream: StreamName::Chat, seq, subject: subject.to_string(), headers, body: event.body().into() }
    }

    // Red with the comparison in `follows` turned into `true`.
    #[test]
    fn a_state_that_no_evolve_gives_is_named_once() {
        let created = LoungeEvent::from(LoungeCreated {
            lounge: SALON,
            name: "Salon".into(),
            description: None,
            owner: ADA,
            at: Time::UNIX_EPOCH,
        });
        let renamed =
            |name: &str| LoungeEvent::from(LoungeChanged { lounge: SALON, name: Some(name.into()), description: None });
        let first: Change<LoungeEvent, Lounge> = Change::of(None, created);
        let mut second = Change::of(Some(first.after.clone()), renamed("Saal"));
        second.after.name = "Sofa".into();
        let third = Change::of(Some(second.after.clone()), renamed("Salon"));
        let mut states = States::new(StreamName::Chat);
        for (seq, change) in [(1, first), (2, second), (3, third)] {
            states.see(&record(seq, &Event::Lounge(change)));
        }
        let report = states.report();
        assert_eq!((report.follow, report.differ, report.not_checkable), (2, 1, 0));
        assert_eq!(report.named, [(2, Subject::Lounge(SALON).to_string())]);
    }
}
