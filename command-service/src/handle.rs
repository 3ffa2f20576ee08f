//! How does a command become events? Load its tips, decide, append under their sequences, and again on a conflict.

mod basis;
mod flight;
pub(crate) mod repeat;

pub(crate) use basis::{Basis, Draft};

use crate::domain::Rejection;
use crate::hearing::Hearing;
use crate::http::error::log_unavailable;
use crate::lookup::Lookup;
use crate::stamp::Stamp;
use crate::tips::{Age, State, Tip, Tips};
use event_log::{AppendError, EventLog, Fact};
use events::{MessageId, NewEvent, RoomId, Subject};
use flight::InFlight;
use platform::{Code, Problem};
use std::sync::Arc;
use std::time::Duration;

/// After so many conflicts the answer is 409: somebody else is busy there.
const CONFLICTS_MAX: u32 = 5;
/// The longest pause after a first conflict; it doubles with each, and is random.
const CONFLICT_PAUSE: Duration = Duration::from_millis(4);

/// A command for the handler: its name in metrics, the tips it stands on, and what it makes.
pub(crate) struct Command<'a> {
    pub(crate) name: &'static str,
    pub(crate) stamp: &'a Stamp,
    pub(crate) needs: Vec<(Subject, Age)>,
    pub(crate) creates: Creates,
}

/// Where the repeat of a command finds what it made, however long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creates {
    Nothing,
    /// The first message on this subject.
    Subject(Subject),
    /// One of many events on a subject without a tip. The log itself knows it while it would recognise the repeat.
    Entry(Subject),
    /// A message, which has no subject of its own: later the read model knows it.
    Message(RoomId, MessageId),
}

/// Why a decision gives no events.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A rule said no. Asked again from the leader before it is believed.
    Rule(Rejection),
    /// A field did that only the state can judge. Asked again as well: it may be told to those alone whom no rule refuses.
    Field(Box<Problem>),
    /// Something else did: a rate limit, a secret.
    Other(Box<Problem>),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rule(rejection)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Other(Box::new(problem))
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its events are in the log: now, or (`repeat`) since the command first came.
    Applied { facts: Vec<Arc<Fact>>, repeat: Repeat },
    /// Everything was as it wished already.
    Unchanged(Basis),
    /// It was applied when it first came, and the log has forgotten its events since.
    Forgotten { now: Basis, repeat: Repeat },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    No,
    Yes,
}

/// Handles commands. One a process.
pub(crate) struct Handler {
    log: Arc<dyn EventLog>,
    pub(crate) tips: Arc<Tips>,
    pub(crate) lookup: Lookup,
    hearing: Hearing,
    in_flight: InFlight,
}

impl Handler {
    pub(crate) fn new(log: Arc<dyn EventLog>, tips: Arc<Tips>, lookup: Lookup, hearing: Hearing) -> Self {
        Self { log, tips, lookup, hearing, in_flight: InFlight::default() }
    }

    /// Whether commands may be decided at all, for those that no event comes of.
    ///
    /// # Errors
    /// 503 `log-unavailable`; nothing was done.
    pub(crate) fn hears(&self) -> Result<(), Problem> {
        self.hearing.required()
    }

    /// Carries the command out. `decide` may run several times, each time on fresher tips; no draft means that
    /// nothing would change.
    ///
    /// # Errors
    /// A rule's no; 409 `conflict` after [`CONFLICTS_MAX`]; 409 `idempotency-in-flight`; 422 `idempotency-mismatch`;
    /// 503 and 507 of the log.
    pub(crate) async fn handle(
        &self,
        command: Command<'_>,
        decide: impl Fn(&Basis) -> Result<Vec<Draft>, Refusal>,
    ) -> Result<Outcome, Problem> {
        let outcome = self.carry_out(&command, decide).await;
        let told = match &outcome {
            Ok(Outcome::Applied { repeat: Repeat::No, .. } | Outcome::Forgotten { repeat: Repeat::No, .. }) => {
                "applied"
            }
            Ok(Outcome::Applied { repeat: Repeat::Yes, .. } | Outcome::Forgotten { repeat: Repeat::Yes, .. }) => {
                "repeated"
            }
            Ok(Outcome::Unchanged(_)) => "unchanged",
            Err(problem) => problem.code.as_str(),
        };
        metrics::counter!("commands_total", "command" => command.name, "outcome" => told).increment(1);
        outcome
    }

    async fn carry_out(
        &self,
        command: &Command<'_>,
        decide: impl Fn(&Basis) -> Result<Vec<Draft>, Refusal>,
    ) -> Result<Outcome, Problem> {
        self.hearing.required()?;
        let _in_flight = self.in_flight.enter(command.stamp)?;
        if let Some(outcome) = self.posted_before(command).await? {
            return Ok(outcome);
        }
        let mut basis = self.remembered(command).await?;
        let mut is_latest = false;
        let mut conflicts = 0;
        loop {
            let drafts = match decide(&basis) {
                Err(Refusal::Other(problem)) => return Err(*problem),
                Ok(drafts) if !drafts.is_empty() => drafts,
                // An instance that remembers "not a member" from a moment before the joining elsewhere would refuse
                // for ever: a refusal appends nothing that could expose the old tip.
                Ok(_) | Err(Refusal::Rule(_) | Refusal::Field(_)) if !is_latest => {
                    basis = self.latest(command).await?;
                    is_latest = true;
                    continue;
                }
                Ok(_) => return Ok(self.own_event(command, &basis).await?.unwrap_or(Outcome::Unchanged(basis))),
                Err(Refusal::Field(problem)) => return Err(*problem),
                Err(Refusal::Rule(rejection)) => {
                    return self.own_event(command, &basis).await?.ok_or_else(|| rejection.into());
                }
            };
            let Some(stream) = drafts.first().filter(|_| drafts.iter().all(Draft::is_storable)).map(Draft::stream)
            else {
                tracing::error!(command = command.name, "a text was decided on that was never parsed");
                return Err(Problem::internal());
            };
            match self.append(command.stamp, drafts).await {
                Ok(facts) => return Ok(Outcome::Applied { facts, repeat: Repeat::No }),
                Err(AppendError::Conflict) if conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    metrics::counter!("command_conflicts_total", "command" => command.name).increment(1);
                    pause_after(conflicts).await;
                    basis = self.latest(command).await?;
                    is_latest = true;
                }
                Err(AppendError::AlreadyStored { seq }) => return self.stored(command, stream, seq).await,
                Err(error) => return Err(refused(error)),
            }
        }
    }

    /// Appends the drafts as one unit; the tips follow from it.
    async fn append(&self, stamp: &Stamp, drafts: Vec<Draft>) -> Result<Vec<Arc<Fact>>, AppendError> {
        let unit: Vec<NewEvent> = drafts.into_iter().enumerate().map(|(n, draft)| draft.stamped(stamp, n)).collect();
        let appended = self.log.append(unit.clone()).await.inspect_err(|error| {
            if *error == AppendError::Conflict {
                unit.iter().filter_map(|event| event.envelope.after).for_each(|after| self.tips.forget(after.subject));
            }
        })?;
        let first = appended.last + 1 - unit.len() as u64;
        let facts: Vec<Arc<Fact>> = (first..)
            .zip(unit)
            .map(|(seq, NewEvent { subject, envelope, event })| Arc::new(Fact { seq, subject, envelope, event }))
            .collect();
        for fact in &facts {
            if has_tip(&fact.subject) {
                self.tips.learn(fact);
            }
            self.lookup.remember(fact);
        }
        Ok(facts)
    }

    async fn remembered(&self, command: &Command<'_>) -> Result<Basis, Problem> {
        self.load(command, |subject, age| self.tips.get(subject, age)).await
    }

    async fn latest(&self, command: &Command<'_>) -> Result<Basis, Problem> {
        self.load(command, |subject, _| self.tips.latest(subject)).await
    }

    async fn load<F>(&self, command: &Command<'_>, read: impl Fn(Subject, Age) -> F) -> Result<Basis, Problem>
    where
        F: Future<Output = Result<Tip, event_log::LogError>>,
    {
        let tips = command.needs.iter().map(|(subject, age)| {
            let tip = read(*subject, *age);
            async move { tip.await.map(|tip| (*subject, tip)) }
        });
        let tips = futures::future::try_join_all(tips).await.map_err(log_unavailable)?;
        Ok(Basis::new(tips))
    }
}

/// Whether the last message of the subject carries its state.
fn has_tip(subject: &Subject) -> bool {
    !matches!(subject, Subject::RoomMessages(_) | Subject::RoomReports(_))
}

async fn pause_after(conflicts: u32) {
    let bound = CONFLICT_PAUSE * (1 << conflicts.min(CONFLICTS_MAX));
    tokio::time::sleep(bound.mul_f64(rand::random())).await;
}

fn refused(error: AppendError) -> Problem {
    let soon = Duration::from_secs(1);
    match error {
        AppendError::Conflict => {
            Problem::new(Code::Conflict, "Others change this at the same time. Nothing was done: repeat it.")
        }
        AppendError::Overloaded => Problem::overloaded("Too much waits for the log. Nothing was done."),
        AppendError::Full => Problem::new(Code::StorageFull, "The log has no room left. Nothing was done."),
        AppendError::NotStored(why) => {
            tracing::warn!(why, "not appended");
            Problem::new(Code::LogUnavailable, "The log did not take it. Nothing was done.").after(soon)
        }
        AppendError::Unknown(after) => {
            tracing::warn!(?after, "an append without an answer");
            let detail = "The log did not answer in time, so whether this was applied is unknown. \
                          Repeat it with the same key.";
            Problem::new(Code::LogUnavailable, detail).after(soon)
        }
        AppendError::AlreadyStored { seq } => {
            tracing::error!(seq, "a repeat that was not answered as one");
            Problem::internal()
        }
    }
}

impl Outcome {
    /// A sequence of `CHAT` from which on it is so.
    pub(crate) fn chat_seq(&self) -> u64 {
        match self {
            Self::Applied { facts, .. } => facts.last().map_or(0, |fact| fact.seq),
            Self::Unchanged(basis) | Self::Forgotten { now: basis, .. } => basis.chat_seq(),
        }
    }

    /// The state that it left on this subject, or found there.
    pub(crate) fn state<S: State>(&self, subject: Subject) -> Option<&S> {
        match self {
            Self::Applied { facts, .. } => S::left_by(&facts.iter().rev().find(|fact| fact.subject == subject)?.event),
            Self::Unchanged(basis) | Self::Forgotten { now: basis, .. } => basis.state(subject),
        }
    }

    /// The events that it wrote.
    pub(crate) fn applied(&self) -> &[Arc<Fact>] {
        match self {
            Self::Applied { facts, .. } => facts,
            Self::Unchanged(_) | Self::Forgotten { .. } => &[],
        }
    }

    pub(crate) fn repeat(&self) -> Repeat {
        match self {
            Self::Applied { repeat, .. } | Self::Forgotten { repeat, .. } => *repeat,
            Self::Unchanged(_) => Repeat::No,
        }
    }
}
