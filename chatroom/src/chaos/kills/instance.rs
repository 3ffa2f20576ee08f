//! A command service whose log breaks a rule, as a process of its own: what `chaos kills --sabotage` kills.

use anyhow::{Context, Result};
use clap::Args;
use command_service::{Config, Service};
use platform::{
    Shutdown,
    health::Health,
    serve::{ServeLimits, serve},
    shell::shell,
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

use crate::chaos::{
    pair::connect,
    sabotage::{Armed, Sabotage, Sabotaged},
};

const END_WITHIN: Duration = Duration::from_secs(12);

/// The settings of the role, and the rule.
#[derive(Debug, Clone, Args)]
pub(crate) struct InstanceArgs {
    #[arg(long, value_name = "NAME", value_enum)]
    sabotage: Sabotage,

    #[command(flatten)]
    config: Config,
}

/// Runs until it is killed, or told to end.
pub(crate) async fn run(args: &InstanceArgs) -> Result<()> {
    let InstanceArgs { sabotage, config } = args.clone();
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let listener = TcpListener::bind(config.listen.listen).await.context("listening")?;
    let armed = Armed::default();
    armed.set(true);
    let log = Arc::new(Sabotaged::new(Arc::new(connect(&config.nats).await?), sabotage, armed));
    let (limits, shell_args) = (ServeLimits::from(&config.serve), config.shell.clone());
    let service = Service::on(log, config, &shutdown, &Health::new()).await?;
    let (router, token) = (shell(service.router, &shell_args), shutdown.token());
    shutdown.spawn_listener("public listener", async move { Ok(serve(listener, router, limits, token).await?) });
    shutdown.wait(END_WITHIN).await
}
