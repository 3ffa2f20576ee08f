//! `chatroom dev`: real servers, all three roles and one origin, from nothing.

mod access;
mod announce;
mod backing;
mod keys;
mod process;
mod roles;

use anyhow::{Context, Result};
use backing::Backing;
use clap::Args;
use platform::{Shutdown, telemetry::TelemetryArgs};
use std::{path::PathBuf, time::Duration};

pub use access::Access;
pub use keys::Keys;
pub(crate) use process::RoleProcess;
pub use roles::Settings;

/// The port that `dev` takes unless told otherwise.
const PORT: u16 = 8080;
/// How long the roles have to finish what they hold when `dev` ends.
const ROLES_STOP_WITHIN: Duration = Duration::from_secs(15);

/// Starts nats-server, Postgres and all three roles behind one origin.
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    /// Where data, logs and credentials are kept.
    #[arg(long, value_name = "DIR", default_value = ".dev")]
    pub dir: PathBuf,

    /// Port of the public API; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    pub port: u16,

    /// Forget all data and begin anew.
    #[arg(long)]
    pub fresh: bool,

    /// Run each role in a process of its own; one that dies is started again.
    #[arg(long)]
    pub isolated: bool,

    /// Lift every rate limit, for load tests.
    #[arg(long)]
    pub no_rate_limits: bool,

    /// Hash passwords at this cost instead of the services' own, for tests: below that they are guessed too cheaply.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=20))]
    pub bcrypt_cost: Option<u32>,

    #[command(flatten)]
    pub telemetry: TelemetryArgs,
}

/// Runs until a signal, then stops everything in order: roles, then servers.
pub async fn run(args: DevArgs) -> Result<()> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    std::fs::create_dir_all(&args.dir).with_context(|| format!("making {}", args.dir.display()))?;
    announce::forget(&args.dir)?;
    let backing = Backing::start(&args.dir, args.fresh).await?;
    let result = run_roles(&args, &backing, &shutdown).await;
    announce::forget(&args.dir)?;
    announce::say("stopping the servers");
    backing.stop().await;
    result
}

async fn run_roles(args: &DevArgs, backing: &Backing, shutdown: &Shutdown) -> Result<()> {
    crate::migrate::run(&backing.access().of(servers::Role::Operator).parse()?).await?;
    let keys = Keys::load_or_make(&args.dir)?;
    let access = backing.access();
    let (no_rate_limits, bcrypt_cost) = (args.no_rate_limits, args.bcrypt_cost);
    let settings = Settings { access: &access, keys: &keys, no_rate_limits, bcrypt_cost };
    let origin = if args.isolated {
        roles::isolated(&settings, args.port, &args.dir, shutdown).await?
    } else {
        roles::together(&settings, args.port, shutdown).await?
    };
    backing.supervise(shutdown);
    announce::ready(&args.dir, &origin, backing, no_rate_limits)?;
    shutdown.wait(ROLES_STOP_WITHIN).await
}
