//! What do all handlers stand on? Made once, shared by all.

use crate::handle::{Handler, Outcome};
use crate::http::error::log_unavailable;
use crate::lookup::Lookup;
use crate::passwords::Passwords;
use crate::relay::{Passed, is_public};
use crate::throttle::Throttle;
use crate::tips::State;
use crate::tokens::Tokens;
use axum::extract::FromRef;
use event_log::Leases;
use events::identity::Phone;
use events::{Epoch, PhoneTag, Position, Subject, UserId, UserKind};
use platform::limits::RateLimits;
use platform::{Authenticator, Problem};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The command service's state. Clones are the same.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// The parts of the command service.
pub(crate) struct Parts {
    pub(crate) handler: Handler,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) limits: RateLimits,
    pub(crate) passed: Passed,
    /// `None` on a log that has no bucket beside it.
    pub(crate) leases: Option<Leases>,
    pub(crate) epoch: Epoch,
    /// How old a room's tip may be for what its condition does not guard: posts decided before an archiving count.
    pub(crate) room_age_max: Duration,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Arc<Authenticator> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.authenticator)
    }
}

impl Parts {
    /// A place in `CHAT` as clients keep it.
    pub(crate) fn position(&self, seq: u64) -> Position {
        Position { epoch: self.epoch, seq }
    }

    /// The position from which on everybody can see what an account command did; `subject` is what it changed.
    ///
    /// # Errors
    /// 503 when the relay has not passed it within 2 s: it was applied, and that is not known everywhere yet.
    pub(crate) async fn published(&self, outcome: &Outcome, subject: Subject) -> Result<Position, Problem> {
        let public = match outcome {
            Outcome::Applied { facts, .. } => {
                facts.iter().rev().find(|fact| is_public(&fact.event)).map(|fact| fact.seq)
            }
            Outcome::Unchanged(basis) | Outcome::Forgotten { now: basis, .. } => Some(basis.tip(subject).seq),
        };
        let seq = self.passed.wait(public.ok_or_else(Problem::internal)?).await?;
        Ok(self.position(seq))
    }

    /// The few questions to the read model.
    pub(crate) fn lookup(&self) -> &Lookup {
        &self.handler.lookup
    }

    /// Who holds this number now.
    pub(crate) async fn holder(&self, number: PhoneTag) -> Result<Option<UserId>, Problem> {
        Ok(self.latest_state::<Phone>(Subject::Phone(number)).await?.and_then(|phone| phone.holder))
    }

    /// The state on a subject, from the leader.
    pub(crate) async fn latest_state<S: State>(&self, subject: Subject) -> Result<Option<S>, Problem> {
        let tip = self.handler.tips.latest(subject).await.map_err(log_unavailable)?;
        Ok(tip.state().cloned())
    }

    /// Counts one post (or edit, or deletion) of this person.
    ///
    /// # Errors
    /// 429 `rate-limited`.
    pub(crate) fn posts(&self, user: &UserId, kind: UserKind) -> Result<(), Problem> {
        match kind {
            UserKind::Registered => self.limits.posts_user.check(&user.0),
            UserKind::Guest => self.limits.posts_guest.check(&user.0),
        }
    }
}
