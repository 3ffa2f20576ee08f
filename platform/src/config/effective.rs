//! Which settings are in force, and where does each come from? Every argument of a command, without its secrets.

use std::fmt;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag, without its dashes.
    pub flag: String,
    /// The environment variable.
    pub variable: Option<String>,
    /// The value, `***` for a secret, `None` when it is not set.
    pub value: Option<String>,
    pub source: Source,
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Flag,
    Environment,
    Default,
    Unset,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Default => "default",
            Self::Unset => "unset",
        })
    }
}

/// The settings of `command` (a subcommand with its arguments) as `matches` (its own) hold them.
/// An argument with `hide_env_values` is a secret: it shows that it is set, not to what.
#[must_use]
pub fn effective(command: &Command, matches: &ArgMatches) -> Vec<Setting> {
    command
        .get_arguments()
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        .filter_map(|argument| {
            let id = argument.get_id().as_str();
            // An argument that another subcommand defined is none of these matches.
            let raw = matches.try_get_raw(id).ok()?;
            let value = raw.map(|values| {
                if argument.is_hide_env_values_set() {
                    return "***".to_owned();
                }
                values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
            });
            let source = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => Source::Flag,
                Some(ValueSource::EnvVariable) => Source::Environment,
                Some(_) => Source::Default,
                None => Source::Unset,
            };
            Some(Setting {
                flag: argument.get_long().unwrap_or(id).to_owned(),
                variable: argument.get_env().map(|name| name.to_string_lossy().into_owned()),
                value,
                source,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NatsArgs, PostgresArgs};
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct Role {
        #[command(flatten)]
        _nats: NatsArgs,
        #[command(flatten)]
        _postgres: PostgresArgs,
    }

    #[test]
    fn settings_show_their_value_and_source_and_secrets_neither() {
        let command = Role::command();
        let args =
            ["chatroom", "--nats-user", "query", "--database-url", "postgres://u:secret@h/d", "--trust-nats-sync"];
        let matches = command.clone().get_matches_from(args);
        let settings = effective(&command, &matches);
        let shown = |flag: &str| {
            let setting = settings.iter().find(|setting| setting.flag == flag).expect("it is an argument");
            (setting.value.as_deref(), setting.source)
        };
        assert_eq!(shown("nats-user"), (Some("query"), Source::Flag));
        assert_eq!(shown("database-url"), (Some("***"), Source::Flag));
        assert_eq!(shown("database-pool"), (Some("20"), Source::Default));
        assert_eq!(shown("trust-nats-sync").1, Source::Flag);
        assert!(!format!("{settings:?}").contains("secret@"));
    }
}
