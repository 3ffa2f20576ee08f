//! What may an operator do to an account? Find it by its number, suspend it, reinstate it: never through the API.

use crate::domain::identity::standing;
use crate::domain::names::About;
use crate::domain::phone::Phone as PhoneNumber;
use crate::domain::{Fault, Rejection};
use crate::stamp::Stamp;
use crate::tips::State;
use crate::tokens::phone_tag;
use anyhow::{Context, Result, anyhow, bail};
use event_log::{AppendError, Appended, EventLog, Freshness};
use events::identity::{Account, AccountEvent, Phone};
use events::system::Relay;
use events::{Actor, Change, Condition, NewEvent, Subject, UserId};
use platform::config::Secret;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After so many conflicts somebody else is busy with the account.
const CONFLICTS_MAX: u32 = 5;
/// How long an operator waits until what he did is public.
const PUBLIC_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An account as the private stream has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub user: UserId,
    pub account: Account,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is public: every instance that hears the log keeps to it.
    InForce,
    /// It is written, and in force as soon as a command service runs.
    Written,
    /// It was so already.
    Unchanged,
}

/// The account that holds this number in E.164.
///
/// # Errors
/// What is no number; a log that cannot be read.
pub async fn find(log: &dyn EventLog, phone_key: &Secret, phone: &str) -> Result<Option<Found>> {
    let number = PhoneNumber::parse(phone).map_err(|fault| said("the number", &fault))?;
    let phone: Option<Phone> = tip(log, Subject::Phone(phone_tag(phone_key, &number))).await?.1;
    let Some(user) = phone.and_then(|phone| phone.holder) else { return Ok(None) };
    let account = tip(log, Subject::Account(user)).await?.1.context("a number whose holder has no account")?;
    Ok(Some(Found { user, account }))
}

/// Suspends an account.
///
/// # Errors
/// A reason that is none; no such account, or one that is over; a log that does not answer.
pub async fn suspend(log: &dyn EventLog, user: UserId, reason: Option<&str>) -> Result<Done> {
    let reason = reason.map(About::parse).transpose().map_err(|fault| said("the reason", &fault))?;
    let decide =
        |account: Option<&Account>| Ok(standing::suspend(account, user, reason.as_ref())?.map(AccountEvent::from));
    change(log, user, decide).await
}

/// Reinstates an account that was suspended.
///
/// # Errors
/// No such account, or one that is over; a log that does not answer.
pub async fn reinstate(log: &dyn EventLog, user: UserId) -> Result<Done> {
    change(log, user, |account| Ok(standing::reinstate(account, user)?.map(AccountEvent::from))).await
}

fn said(what: &str, fault: &Fault) -> anyhow::Error {
    anyhow!("{what}: {}", fault.detail)
}

async fn change(
    log: &dyn EventLog,
    user: UserId,
    decide: impl Fn(Option<&Account>) -> Result<Option<AccountEvent>, Rejection>,
) -> Result<Done> {
    let subject = Subject::Account(user);
    for _ in 0..=CONFLICTS_MAX {
        let (seq, account) = tip::<Account>(log, subject).await?;
        let event = match decide(account.as_ref()) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Done::Unchanged),
            Err(Rejection::NotFound) => bail!("there is no account {user}"),
            Err(_) => bail!("the account {user} is over for good"),
        };
        let mut envelope = Stamp::new(Actor::Operator, "chatroom user").envelope(0);
        envelope.after = Some(Condition { subject, seq });
        let event = Change::<AccountEvent, Account>::of(account, event).into();
        match log.append(vec![NewEvent { subject, envelope, event }]).await {
            // Stored already is as good: its ack was lost, and it was sent again.
            Ok(Appended { last }) | Err(AppendError::AlreadyStored { seq: last }) => {
                return Ok(if is_public(log, last).await? { Done::InForce } else { Done::Written });
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error).context("nothing is certain: say it again, which does no harm"),
        }
    }
    bail!("somebody else changes the account {user} all the time")
}

/// Waits until the relay has passed this place of the private stream.
async fn is_public(log: &dyn EventLog, seq: u64) -> Result<bool> {
    let until = Instant::now() + PUBLIC_WITHIN;
    loop {
        let relay: Option<Relay> = tip(log, Subject::Relay).await?.1;
        if relay.is_some_and(|relay| relay.source_seq >= seq) {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn tip<S: State>(log: &dyn EventLog, subject: Subject) -> Result<(u64, Option<S>)> {
    let Some(record) = log.last(subject, Freshness::Leader).await? else { return Ok((0, None)) };
    let fact = record.fact().with_context(|| format!("reading the tip of {subject}"))?;
    Ok((fact.seq, S::left_by(&fact.event).cloned()))
}
