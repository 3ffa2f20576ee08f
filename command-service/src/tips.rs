//! What is the last message on a small subject? Read once, then remembered by its sequence.

use crate::memory::Generations;
use event_log::{EventLog, Fact, Freshness, LogError};
use events::identity::{Account, Credential, Phone, Session};
use events::system::Relay;
use events::{Change, Event, Evolve, Lounge, Marker, Membership, Presence, Room, Subject, User};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Tips in one of two generations; some 60 MB when both are full.
const TIPS_MAX: usize = 50_000;

/// A state that the last message of its subject carries in `after`.
pub(crate) trait State: Evolve + Clone {
    /// The state that this event leaves, if it is of this family.
    fn left_by(event: &Event) -> Option<&Self>;
}

macro_rules! states {
    ($($state:ident),*) => {$(
        impl State for $state {
            fn left_by(event: &Event) -> Option<&Self> {
                if let Event::$state(Change { after, .. }) = event { Some(after) } else { None }
            }
        }
    )*};
}
states!(Relay, Phone, Account, Credential, Session, User, Lounge, Room, Membership, Presence, Marker);

/// The last message of a small subject as it was read or written; sequence 0 when there is none.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    pub(crate) seq: u64,
    pub(crate) fact: Option<Arc<Fact>>,
    known_since: Instant,
}

impl Tip {
    fn of(fact: Option<Arc<Fact>>) -> Self {
        Self { seq: fact.as_ref().map_or(0, |fact| fact.seq), fact, known_since: Instant::now() }
    }

    /// The state that it leaves.
    pub(crate) fn state<S: State>(&self) -> Option<&S> {
        S::left_by(&self.fact.as_ref()?.event)
    }
}

/// How old a remembered tip may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Any age: the append's condition finds out.
    Any,
    /// For what no condition guards: read again after this.
    AtMost(Duration),
    /// For authority over others, which no condition guards: read from the leader each time.
    Fresh,
}

/// The tips that this instance has seen.
pub(crate) struct Tips {
    log: Arc<dyn EventLog>,
    seen: Mutex<Generations<Subject, Tip>>,
}

impl Tips {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, seen: Mutex::new(Generations::new(TIPS_MAX)) }
    }

    /// The tip as it is remembered, or read from any replica; a fresh one from the leader.
    pub(crate) async fn get(&self, subject: Subject, age: Age) -> Result<Tip, LogError> {
        let remembered = self.seen().get(&subject).cloned();
        match (remembered, age) {
            (_, Age::Fresh) => self.latest(subject).await,
            (Some(tip), Age::Any) => Ok(tip),
            (Some(tip), Age::AtMost(age)) if tip.known_since.elapsed() < age => Ok(tip),
            (Some(_), Age::AtMost(_)) | (None, Age::Any | Age::AtMost(_)) => self.read(subject, Freshness::Any).await,
        }
    }

    /// The tip from the leader: what was acknowledged is in it.
    pub(crate) async fn latest(&self, subject: Subject) -> Result<Tip, LogError> {
        self.read(subject, Freshness::Leader).await
    }

    async fn read(&self, subject: Subject, freshness: Freshness) -> Result<Tip, LogError> {
        let fact = match self.log.last(subject, freshness).await? {
            None => None,
            Some(record) => Some(record.fact().map_err(|why| LogError::Unexpected {
                doing: "reading a tip",
                why: format!("{subject} at {}: {why}", record.seq),
            })?),
        };
        Ok(self.keep(subject, Tip::of(fact.map(Arc::new))))
    }

    /// A fact that this instance has appended: the tip of its subject from now on.
    pub(crate) fn learn(&self, fact: &Arc<Fact>) {
        self.keep(fact.subject, Tip::of(Some(Arc::clone(fact))));
    }

    /// A fact that was followed: of interest only where the subject's tip is remembered.
    pub(crate) fn overhear(&self, fact: Fact) {
        let mut seen = self.seen();
        if let Some(tip) = seen.peek(&fact.subject).filter(|tip| tip.seq < fact.seq) {
            *tip = Tip::of(Some(Arc::new(fact)));
        }
    }

    /// What is remembered of the subject was wrong.
    pub(crate) fn forget(&self, subject: Subject) {
        self.seen().remove(&subject);
    }

    /// Remembers the tip unless a later one is known already, and gives the later of both.
    fn keep(&self, subject: Subject, tip: Tip) -> Tip {
        let mut seen = self.seen();
        if let Some(known) = seen.get(&subject).filter(|known| known.seq > tip.seq) {
            return known.clone();
        }
        seen.insert(subject, tip.clone());
        tip
    }

    fn seen(&self) -> MutexGuard<'_, Generations<Subject, Tip>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
