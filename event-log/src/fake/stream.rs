//! What does one stream of the fake hold, and when does it take a unit?

use crate::{
    AppendError, Extent, Record,
    nats::{Message, Unit},
    streams::{DUPLICATE_WINDOW_NS, PRESENCE_PER_USER},
};
use chrono::TimeDelta;
use events::{Condition, EventId, NewEvent, StreamName, Subject, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A replica that is behind lacks at most this many of the last messages,
const BEHIND_MAX: u64 = 4;
/// and none that is older. Far more than was measured, so that a seed gives the same on a slow machine.
const BEHIND_FOR: TimeDelta = TimeDelta::seconds(1);
/// The server's codes, as it gives them to a batch that cannot be.
const ALREADY_IN_BATCH: &str = "the server is busy (10164)";
const TWICE_IN_BATCH: &str = "10201: an id stands twice in a batch";
const ROLLUP_NOT_FIRST: &str = "10111: a rollup is not the first on its subject";

/// A unit on its way, as events and as the messages that go out.
#[derive(Clone)]
pub(super) struct Outgoing {
    events: Vec<NewEvent>,
    messages: Vec<Message>,
}

pub(super) struct Stream {
    name: StreamName,
    held: BTreeMap<u64, Held>,
    /// Where the messages of a subject stand that are still held, in order.
    subjects: BTreeMap<Subject, BTreeSet<u64>>,
    /// What was the last on its subject before the last: a replica that is behind still says so.
    before_last: BTreeMap<Subject, Record>,
    ids: BTreeMap<EventId, Known>,
    /// The ids in the order in which they are forgotten.
    ids_by_age: VecDeque<(Time, EventId)>,
    /// What ends by itself, by when.
    endings: BTreeSet<(Time, u64)>,
    last: u64,
    bytes: usize,
    bytes_max: usize,
}

struct Held {
    record: Record,
    subject: Subject,
    stored_at: Time,
    bytes: usize,
}

/// Where an id is, and since when: the server remembers it for its duplicate window.
struct Known {
    seq: u64,
    since: Time,
}

impl Outgoing {
    /// As the real writer makes it; an event without a condition is refused.
    pub(super) fn of(events: Vec<NewEvent>) -> Result<Self, AppendError> {
        let unit = Unit::of(&events, tokio::time::Instant::now())?;
        let stream = |event: &NewEvent| event.subject.stream();
        if events.is_empty() || events.iter().any(|event| stream(event) != stream(&events[0])) {
            return Err(AppendError::NotStored("a unit is of events of one stream".into()));
        }
        Ok(Self { events, messages: unit.messages })
    }

    pub(super) fn stream(&self) -> StreamName {
        self.events[0].subject.stream()
    }

    /// Its first event, by which faults tell one kind of unit from another.
    pub(super) fn first(&self) -> &NewEvent {
        &self.events[0]
    }

    pub(super) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    fn conditions(&self) -> impl Iterator<Item = Condition> {
        self.events.iter().filter_map(|event| event.envelope.after)
    }

    /// What the server never takes, whatever it holds.
    fn possible(&self) -> Result<(), AppendError> {
        for (n, event) in self.events.iter().enumerate() {
            let earlier = || self.events[..n].iter();
            let writes = |subject: Subject| earlier().any(|earlier| earlier.subject == subject);
            if event.envelope.after.is_some_and(|after| writes(after.subject)) {
                return Err(AppendError::NotStored(ALREADY_IN_BATCH.into()));
            }
            if earlier().any(|earlier| earlier.envelope.id == event.envelope.id) {
                return Err(AppendError::NotStored(TWICE_IN_BATCH.into()));
            }
            if event.subject.rolls_up() && writes(event.subject) {
                return Err(AppendError::NotStored(ROLLUP_NOT_FIRST.into()));
            }
        }
        Ok(())
    }
}

impl Stream {
    pub(super) fn new(name: StreamName) -> Self {
        Self {
            name,
            held: BTreeMap::new(),
            subjects: BTreeMap::new(),
            before_last: BTreeMap::new(),
            ids: BTreeMap::new(),
            ids_by_age: VecDeque::new(),
            endings: BTreeSet::new(),
            last: 0,
            bytes: 0,
            bytes_max: usize::MAX,
        }
    }

    /// Stores the unit whole, or says why not. Gives its last sequence. A repeat is known by its ids, wherever the
    /// tips have come; a single one in its place also when its id is forgotten.
    pub(super) fn append(&mut self, unit: &Outgoing, now: Time) -> Result<u64, AppendError> {
        self.forget(now);
        unit.possible()?;
        self.unknown(unit)?;
        if unit.conditions().any(|after| self.last_seq(after.subject) != after.seq) {
            return Err(self
                .in_its_place(unit)
                .map_or(AppendError::Conflict, |seq| AppendError::AlreadyStored { seq }));
        }
        self.make_room(unit.messages.iter().map(Message::size).sum())?;
        for (event, message) in unit.events.iter().zip(&unit.messages) {
            self.store(event, message, now);
        }
        Ok(self.last)
    }

    /// Where a single event stands that moved its tip itself: the writer looks there after a conflict.
    fn in_its_place(&self, unit: &Outgoing) -> Option<u64> {
        let [NewEvent { subject, envelope, .. }] = unit.events.as_slice() else { return None };
        let condition = envelope.after.filter(|after| after.subject == *subject)?;
        let next = *self.subjects.get(subject)?.range(condition.seq + 1..).next()?;
        (self.held[&next].record.id() == Some(envelope.id)).then_some(next)
    }

    /// Whether none of the ids is in the log: else where the unit's first event is.
    fn unknown(&self, unit: &Outgoing) -> Result<(), AppendError> {
        let seqs = unit.events.iter().map(|event| self.ids.get(&event.envelope.id).map(|known| known.seq));
        match seqs.enumerate().find_map(|(n, seq)| seq?.checked_sub(n as u64)) {
            Some(seq) => Err(AppendError::AlreadyStored { seq }),
            None => Ok(()),
        }
    }

    /// What forgets makes room by forgetting more; what must not forget is full.
    fn make_room(&mut self, bytes: usize) -> Result<(), AppendError> {
        while self.bytes + bytes > self.bytes_max {
            let oldest = self.held.keys().next().copied();
            match (self.name, oldest) {
                (StreamName::Presence | StreamName::Markers, Some(oldest)) => self.drop_at(oldest),
                (StreamName::Chat | StreamName::Identity, _) | (_, None) => return Err(AppendError::Full),
            }
        }
        Ok(())
    }

    fn store(&mut self, event: &NewEvent, message: &Message, now: Time) {
        let subject = event.subject;
        self.last += 1;
        let record = Record {
            stream: self.name,
            seq: self.last,
            subject: subject.to_string(),
            headers: message.headers.clone(),
            body: message.body.clone(),
        };
        match self.last(subject).cloned() {
            Some(before) => self.before_last.insert(subject, before),
            None => self.before_last.remove(&subject),
        };
        let ends_at = event.event.ttl_hours().map(|hours| now + TimeDelta::hours(hours.into()));
        self.endings.extend(ends_at.map(|ends_at| (ends_at, self.last)));
        let bytes = message.size();
        self.held.insert(self.last, Held { record, subject, stored_at: now, bytes });
        self.bytes += bytes;
        self.ids.insert(event.envelope.id, Known { seq: self.last, since: now });
        self.ids_by_age.push_back((now, event.envelope.id));
        self.subjects.entry(subject).or_default().insert(self.last);
        self.keep_of(subject);
    }

    /// Of a subject only so many messages stay.
    fn keep_of(&mut self, subject: Subject) {
        let most = match self.name {
            _ if subject.rolls_up() => 1,
            StreamName::Presence => usize::try_from(PRESENCE_PER_USER).expect("a small constant"),
            StreamName::Markers => 1,
            StreamName::Chat | StreamName::Identity => return,
        };
        while let Some(all) = self.subjects.get(&subject).filter(|all| all.len() > most) {
            let oldest = *all.first().expect("more than none");
            self.drop_at(oldest);
        }
    }

    /// What is over by now: messages with an end, and ids behind the duplicate window.
    fn forget(&mut self, now: Time) {
        while let Some((_, seq)) = self.endings.first().copied().filter(|(ends_at, _)| *ends_at <= now) {
            self.endings.pop_first();
            self.drop_at(seq);
        }
        let window = TimeDelta::nanoseconds(i64::try_from(DUPLICATE_WINDOW_NS).expect("two minutes"));
        while let Some((since, id)) = self.ids_by_age.pop_front_if(|(since, _)| *since + window <= now) {
            if self.ids.get(&id).is_some_and(|known| known.since == since) {
                self.ids.remove(&id);
            }
        }
    }

    fn drop_at(&mut self, seq: u64) {
        let Some(held) = self.held.remove(&seq) else { return };
        self.bytes -= held.bytes;
        if let Some(all) = self.subjects.get_mut(&held.subject) {
            all.remove(&seq);
            if all.is_empty() {
                self.subjects.remove(&held.subject);
            }
        }
    }

    fn last_seq(&self, subject: Subject) -> u64 {
        self.subjects.get(&subject).and_then(|all| all.last().copied()).unwrap_or(0)
    }

    fn last(&self, subject: Subject) -> Option<&Record> {
        self.held.get(&self.last_seq(subject)).map(|held| &held.record)
    }

    pub(super) fn last_on(&mut self, subject: Subject, now: Time) -> Option<Record> {
        self.forget(now);
        self.last(subject).cloned()
    }

    /// As a replica says it that lacks the newest messages.
    pub(super) fn last_on_behind(&mut self, subject: Subject, now: Time) -> Option<Record> {
        self.forget(now);
        let last = self.held.get(&self.last_seq(subject))?;
        if last.record.seq + BEHIND_MAX > self.last && now < last.stored_at + BEHIND_FOR {
            self.before_last.get(&subject).cloned()
        } else {
            Some(last.record.clone())
        }
    }

    pub(super) fn read(&mut self, seq: u64, now: Time) -> Option<Record> {
        self.forget(now);
        self.held.get(&seq).map(|held| held.record.clone())
    }

    pub(super) fn extent(&mut self, now: Time) -> Extent {
        self.forget(now);
        let after_all = if self.last == 0 { 0 } else { self.last + 1 };
        Extent { first: self.held.keys().next().copied().unwrap_or(after_all), last: self.last }
    }

    /// The first record at or after a sequence, with when it was stored.
    pub(super) fn next(&mut self, from: u64, now: Time) -> Option<(Record, Time)> {
        self.forget(now);
        self.held.range(from..).next().map(|(_, held)| (held.record.clone(), held.stored_at))
    }

    pub(super) fn hold_at_most(&mut self, bytes: usize) {
        self.bytes_max = bytes;
    }

    /// Loses the last records, acknowledged or not: a power cut without an fsync. Their sequences are given again.
    pub(super) fn lose_last(&mut self, count: u64) {
        let first_lost = self.last.saturating_sub(count).max(1) + 1;
        for seq in first_lost..=self.last {
            self.drop_at(seq);
        }
        self.last = self.last.min(first_lost - 1);
        self.ids.retain(|_, known| known.seq < first_lost);
        self.endings.retain(|(_, seq)| *seq < first_lost);
        self.before_last.clear();
    }

    /// Loses everything before a sequence.
    pub(super) fn lose_before(&mut self, seq: u64) {
        for lost in self.held.range(..seq).map(|(seq, _)| *seq).collect::<Vec<_>>() {
            self.drop_at(lost);
        }
    }
}
