//! How do all three roles run in one process, behind one listener? For `dev`, and for tests.

use anyhow::{Context, Result, bail};
use platform::{
    Shutdown,
    health::{self, Build, Health},
    serve::{ServeArgs, ServeLimits, serve},
    shell::{ShellArgs, shell},
    telemetry,
};
use servers::Role;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::net::TcpListener;

use crate::{dev::Settings, docs, page};

/// How long the roles may take until all are ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A running system.
pub struct Stack {
    pub url: String,
    pub admin_url: String,
}

/// Starts the projector, both services and one listener for them; all end with the shutdown.
///
/// # Errors
/// When a role cannot start, or is not ready within a minute.
pub async fn start(settings: &Settings<'_>, port: u16, shutdown: &Shutdown) -> Result<Stack> {
    let health = Health::new();
    let projector = settings.of(Role::Projector).parse()?;
    projector::start(projector, shutdown.clone(), health.clone()).await.context("projector")?;
    let commands = settings.of(Role::Command).parse()?;
    let commands = command_service::Service::start(commands, shutdown, &health).await.context("command service")?;
    let queries = settings.of(Role::Query).parse()?;
    let queries = query_service::Service::start(queries, shutdown, &health).await.context("query service")?;

    let shell_args: ShellArgs = settings.of(Role::Query).parse::<ShellSettings>()?.shell;
    let router = shell(commands.router.merge(queries.router).merge(docs::router()).merge(page::router()), &shell_args);
    let limits = ServeLimits::from(&settings.of(Role::Query).parse::<ServeArgs>()?);
    let listener = listen(port).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = shutdown.token();
    shutdown.spawn_listener("api", async move { Ok(serve(listener, router, limits, token).await?) });

    let metrics = telemetry::metrics()?;
    let admin = health::router(health.clone(), metrics.clone(), Build::of("chatroom"));
    let listener = listen(0).await?;
    let admin_url = format!("http://{}", listener.local_addr()?);
    let token = shutdown.token();
    shutdown.spawn("admin", async move { Ok(serve(listener, admin, ServeLimits::admin(), token).await?) });
    shutdown.spawn("metrics", telemetry::report(metrics, shutdown.clone()));
    until_ready(&health, shutdown).await?;
    Ok(Stack { url, admin_url })
}

#[derive(Debug, clap::Args)]
struct ShellSettings {
    #[command(flatten)]
    shell: ShellArgs,
}

async fn until_ready(health: &Health, shutdown: &Shutdown) -> Result<()> {
    let ready = async {
        // The checks are set by tasks of their own; a role that has none yet is not ready.
        while !(health.is_ready() && REQUIRED.iter().all(|check| health.get(check).is_some())) {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => bail!("stopped before everything was ready"),
        answer = tokio::time::timeout(READY_WITHIN, ready) => answer.context("not everything was ready within a minute"),
    }
}

/// What has to have said that it is well.
const REQUIRED: &[&str] = &["projector", "log", "hub"];

/// Listens on this port of the loopback address; 0 takes a free one.
pub(crate) async fn listen(port: u16) -> Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address)
        .await
        .with_context(|| format!("port {port} is taken: choose another with --port, or 0 for a free one"))
}
