//! Was this event appended under the condition it names? Judged from the records before it alone.

use event_log::Record;
use events::{Actor, Condition, StreamName, Subject, UserId, envelope::Envelope};
use std::collections::HashMap;

use super::report::{Condemned, StreamReport};

/// nats-server keeps the header: what was committed together carries the same one.
const BATCH_ID: &str = "Nats-Batch-Id";
const AFTER: &str = "ce-after";

/// Judges a stream's records in their order.
///
/// It remembers one sequence a subject: some 100 bytes each, so 100 MB for a million subjects, whatever the number of
/// events. Of a stream that forgets it also remembers the gaps, 16 bytes each, of which there are at most as many as
/// records.
pub(super) struct Judge {
    report: StreamReport,
    /// The last sequence on each subject so far.
    tips: HashMap<Subject, u64>,
    /// What the stream does not hold any more: first and last of each gap, in order.
    gaps: Vec<(u64, u64)>,
    next: u64,
    batch: Option<Batch>,
}

/// The atomic batch that the last record belonged to.
struct Batch {
    id: String,
    first: u64,
}

enum Verdict {
    Held,
    Sheltered,
    NotCheckable,
    Violated(String),
    Without(String),
}

impl Judge {
    pub(super) fn new(stream: StreamName) -> Self {
        let report = StreamReport::of(stream);
        Self { report, tips: HashMap::new(), gaps: Vec::new(), next: 1, batch: None }
    }

    pub(super) fn see(&mut self, record: &Record) {
        if record.seq > self.next {
            self.gaps.push((self.next, record.seq - 1));
        }
        self.next = record.seq + 1;
        self.enter_batch(record);
        let subject = record.subject.parse::<Subject>().ok();
        let verdict = match subject {
            Some(subject) => self.judge(record, subject),
            None => Verdict::Without("a subject of nobody's".to_owned()),
        };
        if let Some(subject) = subject {
            self.tips.insert(subject, record.seq);
        }
        self.report.events += 1;
        let found = match verdict {
            Verdict::Held => return self.report.held += 1,
            Verdict::Sheltered => return self.report.sheltered += 1,
            Verdict::NotCheckable => return self.report.not_checkable += 1,
            Verdict::Violated(found) => {
                self.report.violated += 1;
                found
            }
            Verdict::Without(found) => {
                self.report.without += 1;
                found
            }
        };
        let (subject, expected) = (record.subject.clone(), record.header(AFTER).map(str::to_owned));
        self.report.name(Condemned { seq: record.seq, subject, expected, found });
    }

    pub(super) fn report(self) -> StreamReport {
        self.report
    }

    fn enter_batch(&mut self, record: &Record) {
        let id = record.header(BATCH_ID);
        if self.batch.as_ref().map(|batch| batch.id.as_str()) != id {
            self.batch = id.map(|id| Batch { id: id.to_owned(), first: record.seq });
        }
    }

    fn judge(&self, record: &Record, subject: Subject) -> Verdict {
        let before = self.tips.get(&subject).copied();
        let Some(after) = record.header(AFTER) else {
            // Nothing else can have come between two records of one batch, and what shares a batch is written so
            // that nobody's condition looks at what another has written: both are of one command.
            let together = self.batch.as_ref().is_some_and(|batch| before.is_some_and(|seq| seq >= batch.first));
            return if together { Verdict::Sheltered } else { Verdict::Without("none of its batch before it".into()) };
        };
        let Ok(Condition { subject: named, seq }) = after.parse::<Condition>() else {
            return Verdict::Without("a condition that cannot be read".to_owned());
        };
        let actor = Envelope::from_headers(|name| record.header(name)).ok().map(|envelope| envelope.actor);
        if !is_right(subject, named, actor) {
            return Verdict::Violated("a condition on another subject than its own".to_owned());
        }
        let tip = self.tips.get(&named).copied().unwrap_or_default();
        if tip == seq && (seq > 0 || !forgets(named) || self.gaps.is_empty()) {
            Verdict::Held
        } else if forgets(named) && tip <= seq && (seq == 0 || self.has_forgotten(seq)) {
            Verdict::NotCheckable
        } else {
            Verdict::Violated(format!("{tip}@{named}"))
        }
    }

    fn has_forgotten(&self, seq: u64) -> bool {
        let gap = self.gaps.partition_point(|(_, last)| *last < seq);
        self.gaps.get(gap).is_some_and(|(first, _)| *first <= seq)
    }
}

/// On a small subject its own; on a room's messages and reports its actor's membership there.
fn is_right(subject: Subject, named: Subject, actor: Option<Actor>) -> bool {
    let (Subject::RoomMessages(room) | Subject::RoomReports(room)) = subject else { return named == subject };
    let person: Option<UserId> = actor.and_then(|actor| actor.user());
    // Of the system or an operator nobody is a member: any membership of the room will do.
    matches!(named, Subject::Member(of, user) if of == room && person.is_none_or(|person| person == user))
}

/// Whether the stream drops older records of the subject: what is rolled up, and what keeps the newest only.
fn forgets(subject: Subject) -> bool {
    subject.rolls_up() || matches!(subject.stream(), StreamName::Presence | StreamName::Markers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_log::Record;
    use events::{RoomId, SessionId};
    use uuid::Uuid;

    const HALL: RoomId = RoomId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const PHONE: SessionId = SessionId(Uuid::from_u128(3));

    struct Sheet(Judge);

    impl Sheet {
        fn of(stream: StreamName) -> Self {
            Self(Judge::new(stream))
        }

        /// A record under `seq` of this subject.
        fn under(mut self, seq: u64, subject: Subject, after: Option<Condition>, batch: Option<&str>) -> Self {
            let mut headers = async_nats::HeaderMap::new();
            let mut envelope =
                Envelope::new(events::EventId(Uuid::nil()), events::Time::UNIX_EPOCH, Actor::User(ADA), "test");
            envelope.after = after;
            let event_type = events::EventType { name: "test", version: 1 };
            for (name, value) in envelope.headers(event_type, &subject) {
                headers.insert(name, value);
            }
            if let Some(batch) = batch {
                headers.insert(BATCH_ID, batch);
            }
            let record = Record {
                stream: subject.stream(),
                seq,
                subject: subject.to_string(),
                headers,
                body: Default::default(),
            };
            self.0.see(&record);
            self
        }

        fn event(self, seq: u64, subject: Subject, on: Subject, expected: u64) -> Self {
            self.under(seq, subject, Some(Condition { subject: on, seq: expected }), None)
        }

        /// held, sheltered, violated, without, not checkable
        fn counts(self) -> (u64, u64, u64, u64, u64) {
            let report = self.0.report();
            assert_eq!(report.violated + report.without, report.condemned.len() as u64);
            (report.held, report.sheltered, report.violated, report.without, report.not_checkable)
        }
    }

    // Red with the comparison of `tip` and `seq` turned into `tip >= seq`.
    #[test]
    fn a_condition_holds_at_the_last_sequence_of_its_subject_alone() {
        let (member, said) = (Subject::Member(HALL, ADA), Subject::RoomMessages(HALL));
        let chat = || Sheet::of(StreamName::Chat).event(1, member, member, 0).event(2, said, member, 1);
        assert_eq!(chat().event(3, said, member, 1).counts(), (3, 0, 0, 0, 0));
        assert_eq!(chat().event(3, member, member, 1).event(4, said, member, 3).counts(), (4, 0, 0, 0, 0));
        // It stood at 3 already; it stands at 1 still; there is one.
        assert_eq!(chat().event(3, member, member, 1).event(4, said, member, 1).counts(), (3, 0, 1, 0, 0));
        assert_eq!(chat().event(3, said, member, 2).counts(), (2, 0, 1, 0, 0));
        assert_eq!(chat().event(3, said, member, 0).counts(), (2, 0, 1, 0, 0));
    }

    #[test]
    fn a_message_stands_on_its_own_authors_membership() {
        let (bob, said) = (UserId(Uuid::from_u128(9)), Subject::RoomMessages(HALL));
        let of =
            |subject| Sheet::of(StreamName::Chat).event(1, subject, subject, 0).event(2, said, subject, 1).counts();
        assert_eq!(of(Subject::Member(HALL, ADA)), (2, 0, 0, 0, 0));
        assert_eq!(of(Subject::Member(HALL, bob)), (1, 0, 1, 0, 0));
        assert_eq!(of(Subject::Room(HALL)), (1, 0, 1, 0, 0));
    }

    // Red with `seq >= batch.first` taken out of `judge`.
    #[test]
    fn only_a_batch_shelters_what_has_no_condition() {
        let meta = Subject::Room(HALL);
        let own = |seq| Some(Condition { subject: meta, seq });
        let chat = || Sheet::of(StreamName::Chat);
        let pair = chat().under(1, meta, own(0), Some("a")).under(2, meta, None, Some("a"));
        assert_eq!(pair.counts(), (1, 1, 0, 0, 0));
        let other = chat().under(1, meta, own(0), Some("a")).under(2, meta, None, Some("b"));
        assert_eq!(other.counts(), (1, 0, 0, 1, 0));
        let alone = chat().under(1, meta, own(0), None).under(2, meta, None, None);
        assert_eq!(alone.counts(), (1, 0, 0, 1, 0));
        let first = chat().under(1, meta, None, Some("a")).under(2, Subject::Relay, None, Some("a"));
        assert_eq!(first.counts(), (0, 0, 0, 2, 0));
    }

    #[test]
    fn what_a_stream_has_forgotten_is_counted_and_what_it_has_not_is_checked() {
        let (session, account) = (Subject::Session(PHONE), Subject::Account(ADA));
        let identity = || Sheet::of(StreamName::Identity).event(1, account, account, 0);
        // 2 was rolled up: nobody knows whether it was the session's.
        assert_eq!(identity().event(3, session, session, 2).counts(), (1, 0, 0, 0, 1));
        assert_eq!(identity().event(3, session, session, 0).counts(), (1, 0, 0, 0, 1));
        // 1 is there, and is another's.
        assert_eq!(identity().event(3, session, session, 1).counts(), (1, 0, 1, 0, 0));
        assert_eq!(identity().event(2, session, session, 0).counts(), (2, 0, 0, 0, 0));
        // An account is never forgotten.
        assert_eq!(identity().event(3, account, account, 2).counts(), (1, 0, 1, 0, 0));
    }
}
