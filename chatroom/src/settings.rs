//! What does each role of one system have to be told? The same settings, as environment of a child or as a role's own type.

use anyhow::{Context, Result};
use clap::{Args, Command, FromArgMatches, builder::Resettable};
use std::collections::BTreeMap;

/// Settings of one role by the names of their environment variables.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// With one more.
    #[must_use]
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(variable, value.into());
        self
    }

    /// With all of the other's, which win.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// One setting.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str)
    }

    /// The pairs, for a child's environment or a file to source.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Reads them as a role in this process takes them. What they do not name may still come from
    /// the environment, except the `_FILE` twins, which would contradict what they name.
    pub fn parse<C: Args + FromArgMatches>(&self) -> Result<C> {
        let command = C::augment_args(Command::new("role").no_binary_name(true));
        let mut flags = Vec::new();
        for argument in command.get_arguments() {
            let value = argument.get_env().and_then(|name| self.get(&name.to_string_lossy()).map(str::to_owned));
            let (Some(value), Some(long)) = (value, argument.get_long()) else { continue };
            if argument.get_action().takes_values() {
                flags.push(format!("--{long}={value}"));
            } else if value == "true" {
                flags.push(format!("--{long}"));
            }
        }
        let command = command.mut_args(|argument| match argument.get_env() {
            Some(name) if self.is_settled(&name.to_string_lossy()) => argument.env(Resettable::Reset),
            _ => argument,
        });
        let matches = command.try_get_matches_from(flags).context("the settings of a role")?;
        C::from_arg_matches(&matches).context("the settings of a role")
    }

    fn is_settled(&self, variable: &str) -> bool {
        self.get(variable).is_some() || variable.strip_suffix("_FILE").is_some_and(|name| self.get(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::config::{ListenArgs, NatsArgs};

    #[test]
    fn a_role_reads_what_it_knows_of_the_settings() {
        let settings = Settings::default()
            .with("NATS_USER", "query")
            .with("NATS_PASSWORD", "-secret with=odd characters")
            .with("TRUST_NATS_SYNC", "true")
            .with("LISTEN", "127.0.0.1:0");
        let nats: NatsArgs = settings.parse().expect("complete");
        let (user, password) = nats.credentials().expect("both").expect("a user");
        assert_eq!((user.as_str(), password.expose()), ("query", "-secret with=odd characters"));
        assert!(nats.trust_nats_sync);
        let listen: ListenArgs = settings.parse().expect("complete");
        assert_eq!(listen.listen.port(), 0);
    }
}
