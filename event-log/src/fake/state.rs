//! What does the fake do with a call? It draws a fate, and lets the stream judge what is left.

use super::{
    faults::{Dice, Fate, Faults, ReadFate},
    stream::{Outgoing, Stream},
};
use crate::{AppendError, Appended, Extent, Freshness, LogError, Record, nats::APPEND_WITHIN, streams::epoch_begun};
use chrono::{TimeDelta, Utc};
use events::{StreamName, Subject, Time};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::oneshot, time::Instant};

type Answer = Result<Appended, AppendError>;

const SERVER_IS_BUSY: &str = "the server is busy (10164)";

/// Whether the server can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Up,
    Frozen,
    Away,
}

pub(super) struct State {
    pub(super) line: Line,
    /// Another one with each cut, thaw and power cut.
    pub(super) connection: u64,
    streams: BTreeMap<StreamName, Stream>,
    dice: Dice,
    clock: Clock,
    /// Sent, and stored late if at all.
    late: Vec<Late>,
    /// Sent to, or waiting for, a frozen server, in order.
    waiting: Vec<Waiting>,
    tickets: u64,
    /// Streams that do not answer, for so many calls.
    frozen: BTreeMap<StreamName, u32>,
}

struct Late {
    unit: Outgoing,
    /// After so many further appends to its stream.
    after: u32,
}

struct Waiting {
    ticket: u64,
    unit: Outgoing,
    until: Instant,
    reply: oneshot::Sender<Answer>,
}

struct Clock {
    began: Time,
    at: Instant,
    moved: TimeDelta,
}

impl Clock {
    fn now(&self) -> Time {
        let passed = TimeDelta::from_std(self.at.elapsed()).unwrap_or(TimeDelta::MAX);
        self.began + passed + self.moved
    }
}

impl State {
    pub(super) fn new() -> Self {
        let clock = Clock { began: Utc::now(), at: Instant::now(), moved: TimeDelta::zero() };
        let mut state = Self {
            line: Line::Up,
            connection: 0,
            streams: StreamName::ALL.map(|name| (name, Stream::new(name))).into(),
            dice: Dice::new(Faults::default()),
            clock,
            late: Vec::new(),
            waiting: Vec::new(),
            tickets: 0,
            frozen: BTreeMap::new(),
        };
        state.begin_epoch();
        state
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn is_up(&self) -> bool {
        self.line == Line::Up
    }

    pub(super) fn fail_by(&mut self, faults: Faults) {
        self.dice = Dice::new(faults);
        self.frozen.clear();
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.clock.moved += TimeDelta::from_std(by).expect("a test's lifetime");
    }

    pub(super) fn begin_epoch(&mut self) {
        for name in StreamName::ALL {
            let last = self.read_last(Subject::Epoch(name)).map_or(0, |record| record.seq);
            let begun = Outgoing::of(vec![epoch_begun(name, last)]).expect("an epoch has its condition");
            self.judge(&begun).expect("its tip was read just now");
        }
    }

    /// What comes of a unit, and how often others go first before it is told.
    pub(super) fn append(&mut self, unit: Outgoing) -> (Answer, u32) {
        let kind = unit.first().event.event_type().name;
        let (fate, turns) = (self.dice.append(kind), self.dice.turns(kind));
        (self.append_as(unit, fate), turns)
    }

    fn append_as(&mut self, unit: Outgoing, fate: Fate) -> Answer {
        let stream = unit.stream();
        self.store_what_is_late(stream);
        if self.is_frozen(stream) {
            return Err(AppendError::NotStored("it waited too long for its turn".into()));
        }
        let unknown = AppendError::Unknown(APPEND_WITHIN);
        match fate {
            Fate::Judged => self.judge(&unit),
            Fate::Conflict => Err(AppendError::Conflict),
            Fate::InFlight => Err(AppendError::NotStored(SERVER_IS_BUSY.into())),
            Fate::Overloaded => Err(AppendError::Overloaded),
            // The writer sends it again, and finds where its first event is.
            Fate::LostAckStored => {
                let Appended { last } = self.judge(&unit)?;
                Err(AppendError::AlreadyStored { seq: last + 1 - unit.len() })
            }
            Fate::UnknownStored => Err(self.judge(&unit).map_or_else(|never| never, |_| unknown)),
            Fate::UnknownNotStored => Err(unknown),
            Fate::UnknownLate { after } => {
                self.late.push(Late { unit, after });
                Err(unknown)
            }
            Fate::Freeze { calls, after } => {
                self.frozen.insert(stream, calls);
                self.late.push(Late { unit, after });
                Err(unknown)
            }
            Fate::TailLoss { records } => {
                let appended = self.judge(&unit)?;
                self.lose_last(stream, records);
                Ok(appended)
            }
        }
    }

    fn judge(&mut self, unit: &Outgoing) -> Answer {
        let now = self.now();
        self.stream(unit.stream()).append(unit, now).map(|last| Appended { last })
    }

    /// What was on its way comes when it comes: before the next append, or after some.
    fn store_what_is_late(&mut self, stream: StreamName) {
        let mut still_late = Vec::new();
        for mut late in std::mem::take(&mut self.late) {
            match late.after {
                _ if late.unit.stream() != stream => still_late.push(late),
                0 => self.nobody_hears(late.unit),
                more => {
                    late.after = more - 1;
                    still_late.push(late);
                }
            }
        }
        self.late.append(&mut still_late);
    }

    /// Nobody waits for the answer any more: its author was told that nobody knows.
    fn nobody_hears(&mut self, unit: Outgoing) {
        let _unheard = self.judge(&unit);
    }

    pub(super) fn settle(&mut self) {
        for late in std::mem::take(&mut self.late) {
            self.nobody_hears(late.unit);
        }
    }

    /// Whether the stream does not answer this call.
    fn is_frozen(&mut self, stream: StreamName) -> bool {
        match self.frozen.get_mut(&stream) {
            Some(calls @ 1..) => {
                *calls -= 1;
                true
            }
            Some(0) | None => false,
        }
    }

    /// A frozen server has the first unit; the writer sends the next ones when that one is answered.
    pub(super) fn wait_for_thaw(&mut self, unit: Outgoing) -> (u64, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        self.tickets += 1;
        self.waiting.push(Waiting { ticket: self.tickets, unit, until: Instant::now() + APPEND_WITHIN, reply });
        (self.tickets, answer)
    }

    /// At the deadline: what was sent stays sent, what only waited is taken back.
    pub(super) fn give_up(&mut self, ticket: u64) -> AppendError {
        if self.waiting.first().is_none_or(|sent| sent.ticket == ticket) {
            return AppendError::Unknown(APPEND_WITHIN);
        }
        self.waiting.retain(|waiting| waiting.ticket != ticket);
        AppendError::NotStored("it waited too long for its turn".into())
    }

    pub(super) fn come_back(&mut self) {
        self.line = Line::Up;
        self.connection += 1;
        for (n, waiting) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            // All but the first were never sent, and are not sent late.
            if n > 0 && waiting.until <= Instant::now() {
                continue;
            }
            let answer = self.judge(&waiting.unit);
            let _who_gave_up = waiting.reply.send(answer);
        }
    }

    pub(super) fn lose_last(&mut self, stream: StreamName, count: u64) {
        self.stream(stream).lose_last(count);
        self.connection += 1;
    }

    pub(super) fn lose_before(&mut self, stream: StreamName, seq: u64) {
        self.stream(stream).lose_before(seq);
        self.connection += 1;
    }

    pub(super) fn hold_at_most(&mut self, stream: StreamName, bytes: usize) {
        self.stream(stream).hold_at_most(bytes);
    }

    pub(super) fn turns(&mut self, kind: &'static str) -> u32 {
        self.dice.turns(kind)
    }

    pub(super) fn last_on(
        &mut self,
        kind: &'static str,
        subject: Subject,
        freshness: Freshness,
    ) -> Result<Option<Record>, LogError> {
        let fate = self.answers(kind, subject.stream())?;
        let now = self.now();
        let stream = self.stream(subject.stream());
        Ok(match (fate, freshness) {
            (ReadFate::Stale, Freshness::Any) => stream.last_on_behind(subject, now),
            _ => stream.last_on(subject, now),
        })
    }

    pub(super) fn read_one(
        &mut self,
        kind: &'static str,
        stream: StreamName,
        seq: u64,
    ) -> Result<Option<Record>, LogError> {
        self.answers(kind, stream)?;
        Ok(self.read(stream, seq))
    }

    pub(super) fn extent_of(&mut self, kind: &'static str, stream: StreamName) -> Result<Extent, LogError> {
        self.answers(kind, stream)?;
        Ok(self.extent(stream))
    }

    fn answers(&mut self, kind: &'static str, stream: StreamName) -> Result<ReadFate, LogError> {
        let fate = self.dice.read(kind);
        if fate == ReadFate::Failed || self.is_frozen(stream) {
            return Err(LogError::Unavailable { doing: "reading from the log", why: "no answer".into() });
        }
        Ok(fate)
    }

    fn read_last(&mut self, subject: Subject) -> Option<Record> {
        let now = self.now();
        self.stream(subject.stream()).last_on(subject, now)
    }

    pub(super) fn read(&mut self, stream: StreamName, seq: u64) -> Option<Record> {
        let now = self.now();
        self.stream(stream).read(seq, now)
    }

    pub(super) fn extent(&mut self, stream: StreamName) -> Extent {
        let now = self.now();
        self.stream(stream).extent(now)
    }

    pub(super) fn next(&mut self, stream: StreamName, from: u64) -> Option<(Record, Time)> {
        let now = self.now();
        self.stream(stream).next(from, now)
    }

    fn stream(&mut self, name: StreamName) -> &mut Stream {
        self.streams.get_mut(&name).expect("all four were made")
    }
}
