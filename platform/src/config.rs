//! Which settings do roles share, and how is a secret read? Flags and environment, by clap; secrets also from files.

mod effective;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

pub use effective::{Setting, Source, effective};

/// A value that is never printed and is wiped from memory when dropped.
///
/// A secret setting `--x` (environment `X`) has a twin `--x-file` (`X_FILE`); see [`Secret::of`].
/// Its argument carries `hide_env_values = true`, by which [`effective`] knows it.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value of a secret setting, from itself or from its file (without the newline at the end).
    ///
    /// # Errors
    /// When both are given, or the file cannot be read or is empty.
    pub fn of(name: &'static str, value: Option<&Self>, file: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        match (value, file) {
            (Some(_), Some(_)) => Err(ConfigError::Twice { name }),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, None) => Ok(None),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|source| ConfigError::File {
                    name,
                    file: file.to_owned(),
                    source,
                })?;
                let text = text.trim_end_matches(['\r', '\n']);
                if text.is_empty() {
                    return Err(ConfigError::Empty { name, file: file.to_owned() });
                }
                Ok(Some(Self::from(text)))
            }
        }
    }

    /// The value itself. Each call is a place where it could leak.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(SecretString::from(text))
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Why a setting cannot be used. Says the setting's name, never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{name} and {name}_FILE are both set: keep one")]
    Twice { name: &'static str },
    #[error("reading {name} from {}", file.display())]
    File { name: &'static str, file: PathBuf, source: std::io::Error },
    #[error("{} is empty: {name} is expected in it", file.display())]
    Empty { name: &'static str, file: PathBuf },
    #[error("{name} is not set: give {name} or {name}_FILE, as a flag or in the environment")]
    Missing { name: &'static str },
    #[error("{name}: {reason}")]
    Invalid { name: &'static str, reason: String },
}

/// How a role reaches the log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "NATS")]
pub struct NatsArgs {
    /// NATS server with JetStream, 2.12 or newer; those of a cluster, separated by commas.
    #[arg(long, env = "NATS_URL", value_name = "URL", default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,

    /// User of this role; each role has its own with the least rights.
    #[arg(long, env = "NATS_USER", value_name = "NAME")]
    pub nats_user: Option<String>,

    /// Password of the user.
    #[arg(long, env = "NATS_PASSWORD", value_name = "TEXT", hide_env_values = true)]
    nats_password: Option<Secret>,

    /// File with the password of the user.
    #[arg(long, env = "NATS_PASSWORD_FILE", value_name = "FILE")]
    nats_password_file: Option<PathBuf>,

    /// Prefix of the inboxes replies come to; private to the user. [default: `_INBOX_` and the user, without a user `_INBOX`]
    #[arg(long, env = "NATS_INBOX_PREFIX", value_name = "TEXT")]
    nats_inbox_prefix: Option<String>,

    /// HTTP monitoring address of the NATS server, where its sync setting is read.
    #[arg(long, env = "NATS_MONITORING_URL", value_name = "URL")]
    pub nats_monitoring_url: Option<String>,

    /// Trust that the NATS server syncs every write (`sync_interval: always`) where it cannot be checked.
    #[arg(long, env = "TRUST_NATS_SYNC")]
    pub trust_nats_sync: bool,
}

impl NatsArgs {
    /// User and password, when a user is set.
    ///
    /// # Errors
    /// A user without a password, or a password file that cannot be read.
    pub fn credentials(&self) -> Result<Option<(String, Secret)>, ConfigError> {
        let Some(user) = self.nats_user.clone() else { return Ok(None) };
        let password = Secret::of("NATS_PASSWORD", self.nats_password.as_ref(), self.nats_password_file.as_deref())?
            .ok_or(ConfigError::Missing { name: "NATS_PASSWORD" })?;
        Ok(Some((user, password)))
    }

    /// The same server as another user: for what runs several roles in one process.
    #[must_use]
    pub fn as_user(&self, user: &str, password: Secret) -> Self {
        Self {
            nats_user: Some(user.to_owned()),
            nats_password: Some(password),
            nats_password_file: None,
            nats_inbox_prefix: None,
            ..self.clone()
        }
    }

    /// The prefix of this user's inboxes.
    #[must_use]
    pub fn inbox_prefix(&self) -> String {
        match (&self.nats_inbox_prefix, &self.nats_user) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(user)) => format!("_INBOX_{user}"),
            (None, None) => "_INBOX".to_owned(),
        }
    }
}

/// How a role reaches the read model.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Postgres")]
pub struct PostgresArgs {
    /// Postgres 15 or newer, with this role's user and password in the URL.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<Secret>,

    /// File with the database URL.
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: Option<PathBuf>,

    /// Connections this role may hold, all its pools and COPY together; with several instances, the total divided by them.
    #[arg(long, env = "DATABASE_POOL", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub database_pool: u32,
}

impl PostgresArgs {
    /// Settings made in code: for what runs several roles in one process, and for tests.
    #[must_use]
    pub fn new(url: Secret, pool: u32) -> Self {
        Self { database_url: Some(url), database_url_file: None, database_pool: pool }
    }

    /// The database's URL.
    ///
    /// # Errors
    /// When it is given nowhere or twice, or its file cannot be read.
    pub fn url(&self) -> Result<Secret, ConfigError> {
        Secret::of("DATABASE_URL", self.database_url.as_ref(), self.database_url_file.as_deref())?
            .ok_or(ConfigError::Missing { name: "DATABASE_URL" })
    }
}

/// Where a service listens.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Listeners")]
pub struct ListenArgs {
    /// Address of the public API; port 0 takes a free one.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address of /livez, /readyz, /metrics and /version. Never public.
    #[arg(long, env = "ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub admin_listen: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        nats: NatsArgs,
        #[command(flatten)]
        postgres: PostgresArgs,
        #[command(flatten)]
        listen: ListenArgs,
    }

    fn parsed(args: &[&str]) -> Command {
        Command::parse_from(std::iter::once("chatroom").chain(args.iter().copied()))
    }

    #[test]
    fn a_secret_does_not_show() {
        let command = parsed(&["--nats-user", "query", "--nats-password", "hunter2"]);
        assert!(!format!("{:?}", command.nats).contains("hunter2"));
        let (user, password) = command.nats.credentials().expect("both are set").expect("a user");
        assert_eq!((user.as_str(), password.expose()), ("query", "hunter2"));
        assert_eq!(command.nats.inbox_prefix(), "_INBOX_query");
        assert_eq!(command.listen.listen.port(), 8080);
    }

    #[test]
    fn a_secret_may_lie_in_a_file() {
        let file = std::env::temp_dir().join(format!("chatroom-secret-{}", uuid::Uuid::now_v7()));
        std::fs::write(&file, "postgres://u:p@h/d\n").expect("a writable temporary directory");
        let path = file.to_str().expect("a printable path");
        assert_eq!(
            parsed(&["--database-url-file", path]).postgres.url().expect("readable").expose(),
            "postgres://u:p@h/d"
        );
        let both = parsed(&["--database-url-file", path, "--database-url", "x"]).postgres.url();
        assert!(matches!(both, Err(ConfigError::Twice { name: "DATABASE_URL" })));
        std::fs::remove_file(&file).expect("it is ours");
        assert!(matches!(parsed(&["--database-url-file", path]).postgres.url(), Err(ConfigError::File { .. })));
    }
}
