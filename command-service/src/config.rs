//! Which settings does the command service have?

use clap::Args;
use event_log::streams::LEASE_TTL_SECS;
use platform::auth::{SigningArgs, VerifyingArgs};
use platform::config::{ConfigError, ListenArgs, NatsArgs, PostgresArgs, Secret};
use platform::limits::{AdmissionArgs, RateLimitArgs};
use platform::serve::ServeArgs;
use platform::shell::ShellArgs;
use std::path::PathBuf;
use std::time::Duration;

/// The least cost of bcrypt outside development.
pub const BCRYPT_COST_MIN: u32 = 12;

/// So many milliseconds lie between two sweeps: what has run out is tidied within a minute or two.
pub const SWEEP_EVERY_MS: u64 = 60_000;

/// So long a change of somebody's presence waits until it is believed, in milliseconds: a page is loaded again sooner.
pub const PRESENCE_GRACE_MS: u64 = 15_000;

/// The settings of the command service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub postgres: PostgresArgs,
    #[command(flatten)]
    pub listen: ListenArgs,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub verifying: VerifyingArgs,
    #[command(flatten)]
    pub secrets: SecretArgs,
    #[command(flatten)]
    pub passwords: PasswordArgs,
    #[command(flatten)]
    pub sweeps: SweepArgs,
    #[command(flatten)]
    pub presence: PresenceArgs,
    #[command(flatten)]
    pub admission: AdmissionArgs,
    #[command(flatten)]
    pub limits: RateLimitArgs,
    #[command(flatten)]
    pub shell: ShellArgs,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Keys that only the command service has. Whoever loses them loses every account, whoever else has them can forge.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Secrets")]
pub struct SecretArgs {
    /// Key that passwords are mixed with before they are hashed. Changed, no password is right any more.
    #[arg(long, env = "PEPPER", value_name = "KEY", hide_env_values = true)]
    pepper: Option<Secret>,

    /// File with the pepper.
    #[arg(long, env = "PEPPER_FILE", value_name = "FILE")]
    pepper_file: Option<PathBuf>,

    #[command(flatten)]
    phone: PhoneKeyArgs,

    /// Keys of refresh tokens: comma-separated `version:base64url` of 32 bytes. The highest version makes new
    /// tokens, the others are still good; remove one when its sessions are over, after 30 days.
    #[arg(long, env = "REFRESH_KEYS", value_name = "KEYS", hide_env_values = true)]
    refresh_keys: Option<Secret>,

    /// File with the keys of refresh tokens.
    #[arg(long, env = "REFRESH_KEYS_FILE", value_name = "FILE")]
    refresh_keys_file: Option<PathBuf>,
}

impl SecretArgs {
    /// # Errors
    /// When it is given nowhere or twice, or its file cannot be read.
    pub fn pepper(&self) -> Result<Secret, ConfigError> {
        given("PEPPER", self.pepper.as_ref(), self.pepper_file.as_ref())
    }

    /// # Errors
    /// As [`PhoneKeyArgs::phone_key`].
    pub fn phone_key(&self) -> Result<Secret, ConfigError> {
        self.phone.phone_key()
    }

    /// # Errors
    /// When they are given nowhere or twice, or their file cannot be read.
    pub fn refresh_keys(&self) -> Result<Secret, ConfigError> {
        given("REFRESH_KEYS", self.refresh_keys.as_ref(), self.refresh_keys_file.as_ref())
    }
}

/// The key of phone numbers: also the operator needs it, to find an account by its number.
#[derive(Debug, Clone, Args)]
pub struct PhoneKeyArgs {
    /// Key that phone numbers are hashed with, 32 characters or more. Changed, no number is found any more.
    #[arg(long, env = "PHONE_KEY", value_name = "KEY", hide_env_values = true)]
    phone_key: Option<Secret>,

    /// File with the key of phone numbers.
    #[arg(long, env = "PHONE_KEY_FILE", value_name = "FILE")]
    phone_key_file: Option<PathBuf>,
}

impl PhoneKeyArgs {
    /// # Errors
    /// When it is given nowhere or twice, or its file cannot be read.
    pub fn phone_key(&self) -> Result<Secret, ConfigError> {
        given("PHONE_KEY", self.phone_key.as_ref(), self.phone_key_file.as_ref())
    }
}

fn given(name: &'static str, value: Option<&Secret>, file: Option<&PathBuf>) -> Result<Secret, ConfigError> {
    Secret::of(name, value, file.map(PathBuf::as_path))?.ok_or(ConfigError::Missing { name })
}

/// How often this instance tidies.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Sweeps")]
pub struct SweepArgs {
    /// Milliseconds between two sweeps of the sessions and guests whose time is over; 0 for none. Nothing needs them
    /// to be refused: a sweep only says in the log that they have ended.
    #[arg(long, env = "SWEEP_EVERY_MS", value_name = "MS", default_value_t = SWEEP_EVERY_MS)]
    pub sweep_every_ms: u64,
}

impl SweepArgs {
    pub(crate) fn every(self) -> Option<Duration> {
        (self.sweep_every_ms > 0).then(|| Duration::from_millis(self.sweep_every_ms))
    }
}

/// When somebody is there, and when he is gone.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Presence")]
pub struct PresenceArgs {
    /// Milliseconds after which a change of somebody's presence is believed: who is back by then was never away.
    #[arg(long, env = "PRESENCE_GRACE_MS", value_name = "MS", default_value_t = PRESENCE_GRACE_MS)]
    pub presence_grace_ms: u64,

    /// Seconds that a heartbeat is good for; the bucket of leases keeps none for longer than 75.
    #[arg(long, env = "PRESENCE_LEASE_SECS", value_name = "SECONDS", default_value_t = LEASE_TTL_SECS, value_parser = clap::value_parser!(u64).range(1..=LEASE_TTL_SECS))]
    pub presence_lease_secs: u64,
}

impl PresenceArgs {
    pub(crate) fn grace(self) -> Duration {
        Duration::from_millis(self.presence_grace_ms)
    }

    pub(crate) fn lease(self) -> Duration {
        Duration::from_secs(self.presence_lease_secs)
    }
}

/// How passwords are hashed.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Passwords")]
pub struct PasswordArgs {
    /// Cost of bcrypt; one more takes twice the time. 12 takes about 0.3 s.
    #[arg(long, env = "BCRYPT_COST", value_name = "N", default_value_t = BCRYPT_COST_MIN, value_parser = clap::value_parser!(u32).range(4..=20))]
    pub bcrypt_cost: u32,

    /// Allow a cost below 12. For development and tests only.
    #[arg(long, env = "ALLOW_WEAK_BCRYPT")]
    pub allow_weak_bcrypt: bool,
}

impl PasswordArgs {
    /// The cost.
    ///
    /// # Errors
    /// When it is below [`BCRYPT_COST_MIN`] and that is not allowed.
    pub fn cost(self) -> Result<u32, ConfigError> {
        if self.bcrypt_cost < BCRYPT_COST_MIN && !self.allow_weak_bcrypt {
            let reason = format!("below {BCRYPT_COST_MIN} passwords are guessed too cheaply");
            return Err(ConfigError::Invalid { name: "BCRYPT_COST", reason });
        }
        Ok(self.bcrypt_cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Role {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn cheap_passwords_are_refused_unless_allowed_and_no_secret_shows() {
        let parsed = |args: &[&str]| Role::parse_from(std::iter::once(&"role").chain(args)).config;
        assert!(parsed(&["--bcrypt-cost", "4"]).passwords.cost().is_err());
        assert_eq!(parsed(&["--bcrypt-cost", "4", "--allow-weak-bcrypt"]).passwords.cost().expect("allowed"), 4);
        let config = parsed(&["--pepper", "hunter2"]);
        assert_eq!(config.secrets.pepper().expect("given").expose(), "hunter2");
        assert!(config.secrets.phone_key().is_err());
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
