//! Finds or fetches nats-server and Postgres, starts, stops and checks them.
//!
//! `chatroom dev`, the test vocabulary and the doctor use this very code, so that what the tests run on
//! is what a newcomer runs on. Every address is `127.0.0.1`, every port a free one, every login has a
//! generated password of its own, and both servers are children that die with their parent.
//!
//! ```no_run
//! # async fn example() -> Result<(), servers::Error> {
//! let servers = servers::Servers::temporary().await?;
//! let client = servers.nats.connect(servers::Role::Query).await?;
//! let url = servers.postgres.url(servers::Role::Query);
//! servers.stop().await;
//! # Ok(()) }
//! ```

mod check;
mod cluster;
mod directory;
mod error;
mod find;
mod initdb;
mod launch;
mod logins;
mod monitoring;
mod nats;
mod nats_conf;
mod orphan;
mod pair;
mod ports;
mod postgres;
mod privileges;
mod process;
mod role;
mod version;
mod wheel;

pub use check::{NatsFacts, PostgresFacts, Unfit, UnreadableSync, check_nats, check_postgres};
pub use cluster::Cluster;
pub use directory::Durability;
pub use error::Error;
pub use find::{NatsServer, PostgresPrograms, find_nats_server, find_postgres};
pub use launch::{child, spawn};
pub use logins::compose_init_sql;
pub use nats::{Nats, NatsOptions};
pub use nats_conf::compose_conf;
pub use pair::{Options, Servers};
pub use postgres::{Postgres, PostgresOptions};
pub use role::{Credentials, Role};
pub use version::Version;
