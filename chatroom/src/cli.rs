//! What can be asked of the binary: a subcommand per role and per tool.

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};
use event_log::FollowError;
use platform::{
    Shutdown,
    config::{NatsArgs, Setting, effective},
    health::Health,
    telemetry::{self, TelemetryArgs},
};
use projector::rebuild::Incomplete;
use std::process::ExitCode;

use crate::{
    audit, bench, chaos, dev, docs, doctor, lag, listen, load, migrate, nats_context, parked, rebuild, replay, user,
};

/// `EX_CONFIG` of sysexits: started again as it is, it would end again.
const LOG_DIVERGED: u8 = 78;
/// `EX_TEMPFAIL`: a projection is further behind than was allowed, or what was interrupted can go on.
const BEHIND: u8 = 75;
/// `EX_UNAVAILABLE`: nothing was tried, so nothing is proven.
const UNAVAILABLE: u8 = 69;
/// `EX_DATAERR`: what was read is not what it should be.
const WRONG_DATA: u8 = 65;
/// `EX_CANTCREAT`: something is where the output would be.
const OCCUPIED: u8 = 73;

/// An event-sourced chat backend: commands become events in NATS JetStream, read models in Postgres, frames on sockets.
#[derive(Debug, Parser)]
#[command(name = "chatroom", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start nats-server, Postgres and all three roles behind one origin.
    Dev(dev::DevArgs),
    /// Decide: the REST commands.
    CommandService(Role<command_service::Config>),
    /// Answer: pages and live sockets.
    QueryService(Role<query_service::Config>),
    /// Remember: the log into read models.
    Projector(Role<projector::Config>),
    /// Create or update streams, buckets and tables. Run as operator, before the roles.
    Migrate(migrate::MigrateArgs),
    /// Play a conversation file through the public API and check that nothing is lost.
    Load(load::LoadArgs),
    /// Check servers, streams, rights, migrations and pools, and say what to do.
    Doctor(doctor::DoctorArgs),
    /// Show how far behind the log each read model is.
    Lag(lag::LagArgs),
    /// See events that cannot be applied, let them try again, or drop one. Run as operator.
    Parked(parked::ParkedArgs),
    /// Make the read models anew from the log while the old ones are read, and change places. Run as operator.
    Rebuild(rebuild::RebuildArgs),
    /// Read the whole log and check it, and that the read models hold what it says.
    Audit(audit::AuditArgs),
    /// Write the events of CHAT for analysts, the same bytes each time, and verify what was written.
    Replay(replay::ReplayArgs),
    /// Write the context file with which somebody's own NATS client gets in.
    NatsContext(nats_context::NatsContextArgs),
    /// Play conflicting commands on servers of its own and check that every promise holds.
    Chaos(chaos::ChaosArgs),
    /// Print the frames of rooms as they happen.
    Listen(listen::ListenArgs),
    /// Find an account by its number, suspend or reinstate it. Run as operator.
    User(user::UserArgs),
    /// Measure how fast it is, against what is possible on this machine.
    Bench(bench::BenchArgs),
    /// Print the OpenAPI document of both services.
    Openapi,
    /// Show the settings in force for a subcommand, without the secrets: `chatroom config query-service`.
    Config(ConfigArgs),
}

/// A role and how it speaks.
#[derive(Debug, Args)]
struct Role<C: Args> {
    #[command(flatten)]
    config: C,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The subcommand and its flags, as it would be started.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "SUBCOMMAND")]
    words: Vec<String>,
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever ended it; see [`exit_code`].
    pub async fn run(self) -> Result<()> {
        match self.command {
            Subcommands::Dev(args) => {
                telemetry::install(&args.telemetry)?;
                dev::run(args).await
            }
            Subcommands::CommandService(role) => {
                let (config, shutdown, health) = role.begin(|config| &config.nats).await?;
                command_service::run(config, shutdown, health).await
            }
            Subcommands::QueryService(role) => {
                let (config, shutdown, health) = role.begin(|config| &config.nats).await?;
                query_service::run_beside(config, docs::router(), shutdown, health).await
            }
            Subcommands::Projector(role) => {
                let (config, shutdown, health) = role.begin(|config| &config.nats).await?;
                projector::run(config, shutdown, health).await
            }
            Subcommands::Migrate(args) => migrate::run(&args).await,
            Subcommands::Load(args) => load::run(args).await,
            Subcommands::User(args) => user::run(&args).await,
            Subcommands::Listen(args) => listen::run(&args).await,
            Subcommands::Doctor(args) => doctor::run(&args).await,
            Subcommands::Lag(args) => lag::run(&args).await,
            Subcommands::Parked(args) => parked::run(&args).await,
            Subcommands::Rebuild(args) => rebuild::run(&args).await,
            Subcommands::Audit(args) => audit::run(&args).await,
            Subcommands::Replay(args) => replay::run(&args).await,
            Subcommands::NatsContext(args) => nats_context::run(&args),
            Subcommands::Chaos(args) => chaos::run(&args).await,
            Subcommands::Bench(args) => bench::run(args).await,
            Subcommands::Config(args) => args.show(),
            Subcommands::Openapi => {
                print!("{}", docs::openapi_json());
                Ok(())
            }
        }
    }
}

impl<C: Args> Role<C> {
    /// What every role does first: speak, hear signals, refuse a log that would lose what it acknowledges.
    async fn begin(self, nats: impl Fn(&C) -> &NatsArgs) -> Result<(C, Shutdown, Health)> {
        telemetry::install(&self.telemetry)?;
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        doctor::refuse_unfit_log(nats(&self.config)).await?;
        Ok((self.config, shutdown, Health::new()))
    }
}

impl ConfigArgs {
    fn show(&self) -> Result<()> {
        let command = Cli::command();
        let matches = command.clone().try_get_matches_from(std::iter::once("chatroom").chain(self.words()))?;
        let (name, matches) = matches.subcommand().context("a subcommand is required")?;
        let command = command.find_subcommand(name).context("clap knows what it has matched")?;
        for Setting { flag, variable, value, source } in effective(command, matches) {
            let value = value.unwrap_or_else(|| "-".to_owned());
            println!("{flag:28} {value:40} {source:12} {}", variable.unwrap_or_default());
        }
        Ok(())
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

/// 78 when the log is not the one that was read (nothing may go on until an operator has looked), 75 when a projection is
/// further behind than `chatroom lag` was told to allow or a replay was interrupted, 65 when a replay's files are not what their
/// manifest says, 73 when they would overwrite others, 69 when what was asked for cannot be played or measured on this
/// machine, or no read model can be made of the log before an operator has seen to an event in it, else 1.
#[must_use]
pub fn exit_code(why: &anyhow::Error) -> ExitCode {
    if why.chain().any(|cause| matches!(cause.downcast_ref(), Some(FollowError::Diverged { .. }))) {
        return ExitCode::from(LOG_DIVERGED);
    }
    if why.is::<lag::Behind>() || why.is::<replay::Interrupted>() {
        return ExitCode::from(BEHIND);
    }
    if why.is::<replay::Unfaithful>() || why.is::<replay::Unreadable>() {
        return ExitCode::from(WRONG_DATA);
    }
    if why.is::<replay::Occupied>() {
        return ExitCode::from(OCCUPIED);
    }
    if why.chain().any(|cause| cause.is::<Incomplete>()) {
        return ExitCode::from(UNAVAILABLE);
    }
    if why.is::<chaos::NoDisk>() || why.is::<bench::NoPgbench>() {
        ExitCode::from(UNAVAILABLE)
    } else {
        ExitCode::FAILURE
    }
}
