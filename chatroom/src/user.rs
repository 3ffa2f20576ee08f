//! What may an operator do to an account? Find it by its number, suspend it, reinstate it.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use command_service::{
    PhoneKeyArgs,
    operator::{self, Done, Found},
};
use event_log::JetStream;
use events::UserId;
use platform::config::NatsArgs;

use crate::migrate::connect;

/// What is to be done.
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Clone, Subcommand)]
enum Deed {
    /// Say whose a phone number is.
    Find(FindArgs),
    /// Refuse a person everywhere, within a second.
    Suspend(SuspendArgs),
    /// Let a suspended person in again.
    Reinstate(ReinstateArgs),
}

/// Whose is it?
#[derive(Debug, Clone, Args)]
pub struct FindArgs {
    /// The number in E.164, as +4915112345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    #[command(flatten)]
    key: PhoneKeyArgs,
    #[command(flatten)]
    nats: NatsArgs,
}

/// Who, and why?
#[derive(Debug, Clone, Args)]
pub struct SuspendArgs {
    /// The person's id.
    user: UserId,
    /// For the record; nobody is shown it. Up to 500 characters.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    nats: NatsArgs,
}

/// Who?
#[derive(Debug, Clone, Args)]
pub struct ReinstateArgs {
    /// The person's id.
    user: UserId,
    #[command(flatten)]
    nats: NatsArgs,
}

/// Does it, as operator.
///
/// # Errors
/// A log that cannot be reached; no such account, or one that is over for good.
pub async fn run(args: &UserArgs) -> Result<()> {
    match &args.deed {
        Deed::Find(find) => {
            let found = operator::find(&log(&find.nats).await?, &find.key.phone_key()?, &find.phone).await?;
            println!("{}", card(&found.context("nobody holds this number")?));
        }
        Deed::Suspend(suspend) => {
            let done = operator::suspend(&log(&suspend.nats).await?, suspend.user, suspend.reason.as_deref()).await?;
            println!("{}", told(suspend.user, "suspended", done));
        }
        Deed::Reinstate(reinstate) => {
            let done = operator::reinstate(&log(&reinstate.nats).await?, reinstate.user).await?;
            println!("{}", told(reinstate.user, "reinstated", done));
        }
    }
    Ok(())
}

async fn log(nats: &NatsArgs) -> Result<JetStream> {
    crate::doctor::refuse_unfit_log(nats).await?;
    Ok(JetStream::new(connect(nats).await?))
}

fn card(Found { user, account }: &Found) -> String {
    let (kind, standing) = (account.kind.as_str(), account.standing.as_str());
    format!("{user} {kind} {standing} since {} {:?}", account.created_at.to_rfc3339(), account.display_name)
}

fn told(user: UserId, what: &str, done: Done) -> String {
    match done {
        Done::InForce => format!("{user} is {what}"),
        Done::Written => format!("{user} is {what} as soon as a command service runs"),
        Done::Unchanged => format!("{user} was {what} already"),
    }
}
