//! What a server keeps through stop, kill, freeze and restart, and who may start where.

use anyhow::{Context as _, Result};
use async_nats::jetstream;
use servers::{Error, Nats, NatsOptions, Options, Postgres, Role, Servers, UnreadableSync, Version, check_nats};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};
use tokio::time::timeout;
use tokio_postgres::NoTls;

/// A directory of a test that a test's own end removes.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("servers-{name}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(outside) = fs::read_link(self.0.join("postgres")) {
            let _ = fs::remove_dir_all(outside);
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn connect(url: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn remember(nats: &Nats) -> Result<()> {
    let context = jetstream::new(nats.connect(Role::Operator).await?);
    context
        .create_stream(jetstream::stream::Config {
            name: "CHAT".into(),
            subjects: vec!["chat.v1.>".into()],
            ..Default::default()
        })
        .await?;
    context.publish("chat.v1.a", "kept".into()).await?.await?;
    Ok(())
}

async fn remembered(nats: &Nats) -> Result<u64> {
    let context = jetstream::new(nats.connect(Role::Operator).await?);
    Ok(context.get_stream("CHAT").await?.cached_info().state.messages)
}

#[tokio::test]
async fn a_second_start_finds_the_data_and_the_ports_and_fresh_forgets_them() -> Result<()> {
    let scratch = Scratch::new("second");
    let servers = Servers::start(&scratch.0, Options::default()).await?;
    remember(&servers.nats).await?;
    let url = servers.postgres.url(Role::Operator);
    connect(&url).await?.batch_execute("create schema kept").await?;
    let nats_url = servers.nats.url();
    for secret in ["nats.json", "nats.conf", "postgres.json"] {
        let mode = fs::metadata(scratch.0.join(secret))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret} holds passwords");
    }
    let second = Servers::start(&scratch.0, Options::default()).await;
    assert!(matches!(second.err(), Some(Error::InUse(_))), "one owner at a time");
    servers.stop().await;
    drop(servers);

    let servers = Servers::start(&scratch.0, Options::default()).await?;
    assert_eq!(servers.nats.url(), nats_url);
    assert_eq!(servers.postgres.url(Role::Operator), url);
    assert_eq!(remembered(&servers.nats).await?, 1);
    connect(&url).await?.batch_execute("drop schema kept").await?;
    // Dropped without a stop, they are gone all the same.
    drop(servers);

    let fresh = Options { fresh: true, ..Options::default() };
    let servers = Servers::start(&scratch.0, fresh).await?;
    assert!(remembered(&servers.nats).await.is_err(), "the stream is forgotten");
    assert!(connect(&url).await.is_err(), "so is the password");
    servers.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_killed_nats_comes_back_on_its_port_with_what_it_acknowledged() -> Result<()> {
    let nats = Nats::temporary().await?;
    remember(&nats).await?;
    let client = nats.connect(Role::Operator).await?;
    let (ended, url, pid) = (nats.wait_exit(), nats.url(), nats.pid());
    nats.kill().await;
    assert!(!ended.await.success());
    nats.restart().await?;
    assert_eq!(nats.url(), url);
    assert_ne!(nats.pid(), pid);
    assert_eq!(remembered(&nats).await?, 1);
    let mut again = jetstream::new(client);
    again.set_timeout(Duration::from_secs(10));
    again.query_account().await.context("the old client reconnects")?;
    nats.stop().await;
    nats.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_killed_postgres_comes_back_on_its_port_with_what_it_committed() -> Result<()> {
    let postgres = Postgres::temporary().await?;
    let url = postgres.url(Role::Operator);
    let client = connect(&url).await?;
    client.batch_execute("create table kept as select 1 as one").await?;
    let ended = postgres.wait_exit();
    postgres.kill().await;
    assert!(!ended.await.success());
    postgres.restart().await?;
    let row = connect(&url).await?.query_one("select one from kept", &[]).await?;
    assert_eq!(row.get::<_, i32>(0), 1);
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_frozen_server_answers_nobody_until_it_is_thawed_and_can_be_stopped_frozen() -> Result<()> {
    let servers = Servers::temporary().await?;
    let client = connect(&servers.postgres.url(Role::Query)).await?;
    let nats = servers.nats.connect(Role::Query).await?;
    let info = || nats.request("$JS.API.INFO", "".into());
    info().await?;
    servers.postgres.freeze();
    servers.nats.freeze();
    let mut asked = std::pin::pin!(client.query_one("select 1", &[]));
    let mut informed = std::pin::pin!(info());
    let silence = Duration::from_millis(300);
    assert!(timeout(silence, &mut asked).await.is_err());
    assert!(timeout(silence, &mut informed).await.is_err());
    servers.postgres.thaw();
    servers.nats.thaw();
    asked.await?;
    informed.await?;
    servers.postgres.freeze();
    servers.nats.freeze();
    timeout(Duration::from_secs(8), servers.stop()).await.context("stopped, not killed")?;
    Ok(())
}

#[tokio::test]
async fn each_service_signs_in_to_the_one_database_with_its_own_password() -> Result<()> {
    let postgres = Postgres::temporary().await?;
    let facts = postgres.check().await?;
    assert_eq!((facts.encoding.as_str(), facts.ctype.as_str()), ("UTF8", "C.UTF-8"));
    assert!(facts.version >= Version::OLDEST_POSTGRES);
    for role in Role::ALL {
        let client = connect(&postgres.url(role)).await?;
        let row = client.query_one("select current_user::text, current_database()::text", &[]).await?;
        assert_eq!(row.get::<_, &str>(0), role.postgres_user());
        assert_eq!(row.get::<_, &str>(1), "chatroom");
        let makes = client.batch_execute("create schema made").await;
        assert_eq!(makes.is_ok(), role == Role::Operator, "{role:?} owns the database or does not");
    }
    let swapped = postgres.url(Role::Query).replace("chatroom_query:", "chatroom_operator:");
    assert!(connect(&swapped).await.is_err());
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_temporary_is_gone_afterwards() -> Result<()> {
    let nats = Nats::temporary().await?;
    let dir = nats.log().parent().context("the log lies in the directory")?.to_owned();
    assert!(dir.is_dir());
    drop(nats);
    assert!(!dir.exists());
    Ok(())
}

#[tokio::test]
async fn many_servers_start_at_once_without_stealing_each_others_ports() -> Result<()> {
    let all = futures::future::try_join_all((0..6).map(|_| Nats::temporary())).await?;
    let urls: std::collections::HashSet<_> = all.iter().map(Nats::url).collect();
    assert_eq!(urls.len(), all.len());
    Ok(())
}

#[tokio::test]
async fn a_sync_setting_that_cannot_be_read_is_refused_unless_trusted() -> Result<()> {
    let (nats, other) = tokio::try_join!(Nats::temporary(), Nats::temporary())?;
    let client = nats.connect(Role::Query).await?;
    let refused = |url| check_nats(&client, url, UnreadableSync::Refuse);
    let unreadable = refused(None).await.expect_err("nothing to read");
    assert!(unreadable.to_string().contains("NATS_MONITORING_URL"), "{unreadable}");
    let closed = refused(Some("http://127.0.0.1:1")).await.expect_err("nobody listens there");
    assert!(closed.to_string().contains("127.0.0.1:1"), "{closed}");
    let foreign = refused(Some(&other.monitoring_url())).await.expect_err("not the same server");
    assert!(foreign.to_string().contains("another server"), "{foreign}");
    let trusted = check_nats(&client, None, UnreadableSync::Trust).await?;
    assert!(!trusted.sync_seen);
    assert!(nats.check().await?.sync_seen);
    Ok(())
}

#[tokio::test]
async fn nobody_is_let_in_without_a_password() -> Result<()> {
    let nats = Nats::temporary().await?;
    assert!(async_nats::connect(nats.url()).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_failed_start_quotes_the_servers_own_words() -> Result<()> {
    let scratch = Scratch::new("failed");
    // A file where the store should be.
    fs::create_dir_all(&scratch.0)?;
    fs::write(scratch.0.join("nats"), "in the way")?;
    let error = Nats::start(&NatsOptions::new(Path::new(&scratch.0))).await.err().context("the store is a file")?;
    assert!(matches!(&error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("nats.log ends with:\n["), "{error}");
    Ok(())
}
