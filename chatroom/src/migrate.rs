//! How does a system get its streams, buckets and tables? The one step that only the operator may do.

use anyhow::{Context, Result};
use clap::Args;
use platform::config::{NatsArgs, PostgresArgs};
use sqlx::{ConnectOptions, Connection, migrate::Migrator, postgres::PgConnectOptions};
use std::str::FromStr;
use tokio_postgres::NoTls;

/// The schema, step by step.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Creates or updates streams, buckets and tables. Safe to repeat.
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    postgres: PostgresArgs,
    #[command(flatten)]
    streams: event_log::streams::StreamArgs,
    /// Begin another epoch: after a restore of the log. Read models of the older one have to be rebuilt.
    #[arg(long)]
    new_epoch: bool,
}

/// Brings streams and schema to what this release expects.
pub async fn run(args: &MigrateArgs) -> Result<()> {
    crate::doctor::refuse_unfit_log(&args.nats).await?;
    let client = connect(&args.nats).await?;
    event_log::streams::migrate(&client, &args.streams).await.context("creating the streams")?;
    if args.new_epoch {
        event_log::streams::new_epoch(&client).await.context("beginning another epoch")?;
    }
    let url = args.postgres.url()?;
    let mut connection =
        PgConnectOptions::from_str(url.expose())?.connect().await.context("connecting to Postgres as its operator")?;
    MIGRATIONS.run(&mut connection).await.context("applying the migrations")?;
    connection.close().await?;
    Ok(())
}

/// A client of the log as these settings say: of any server of a cluster, whose URLs commas separate.
pub async fn connect(nats: &NatsArgs) -> Result<async_nats::Client> {
    let mut options = async_nats::ConnectOptions::new().custom_inbox_prefix(nats.inbox_prefix());
    if let Some((user, password)) = nats.credentials()? {
        options = options.user_and_password(user, password.expose().to_owned());
    }
    let urls: Vec<&str> = nats.nats_url.split(',').collect();
    options.connect(urls).await.with_context(|| format!("connecting to NATS at {}", nats.nats_url))
}

/// A client of the database as these settings say.
pub async fn database(postgres: &PostgresArgs) -> Result<tokio_postgres::Client> {
    let url = postgres.url()?;
    let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.context("connecting to Postgres")?;
    // Owned by the client: it ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}
