//! What is wrong with this system, and what is to be done? Checks that an operator runs, and the one that each role starts with.

mod database;
mod log;

use anyhow::{Context, Result, bail};
use clap::Args;
use platform::config::{NatsArgs, PostgresArgs};
use servers::UnreadableSync;
use std::fmt;

/// Checks servers, versions, the sync setting, streams, rights, migrations, locale and pools. Exits 1 when one fails.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
    /// Connections of all roles and instances together, to compare with what Postgres allows.
    #[arg(long, env = "DATABASE_POOLS_TOTAL", value_name = "N", default_value_t = 60)]
    pools_total: u32,
}

/// What one check found.
#[derive(Debug)]
enum Verdict {
    Good,
    /// It works, and will hurt later.
    Doubtful(String),
    /// It does not work. Says what to do.
    Bad(String),
}

#[derive(Debug)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
}

impl Finding {
    fn of(what: &'static str, result: Result<(), String>) -> Self {
        Self { what, verdict: result.map_or_else(Verdict::Bad, |()| Verdict::Good) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Good => write!(f, "ok    {}", self.what),
            Verdict::Doubtful(why) => write!(f, "hm    {}: {why}", self.what),
            Verdict::Bad(why) => write!(f, "BAD   {}: {why}", self.what),
        }
    }
}

/// Prints one line a check.
pub async fn run(args: &DoctorArgs) -> Result<()> {
    let mut findings = log::examine(&args.nats).await;
    findings.extend(database::examine(&args.postgres, args.pools_total).await);
    let bad = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Bad(_))).count();
    for finding in &findings {
        println!("{finding}");
    }
    if bad > 0 {
        bail!("{bad} of {} checks failed", findings.len());
    }
    Ok(())
}

/// Ends a role before it starts when its nats-server would lose what it acknowledges.
pub async fn refuse_unfit_log(nats: &NatsArgs) -> Result<()> {
    let client = crate::migrate::connect(nats).await?;
    let unreadable = if nats.trust_nats_sync { UnreadableSync::Trust } else { UnreadableSync::Refuse };
    servers::check_nats(&client, nats.nats_monitoring_url.as_deref(), unreadable)
        .await
        .map(drop)
        .context("this nats-server cannot hold the log")
}
