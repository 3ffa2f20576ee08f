//! How does each role reach the servers? As our own servers' logins say, else as the environment says.

use servers::{Nats, Postgres, Role};
use std::collections::BTreeMap;

use crate::settings::Settings;

/// What each role is told of the log and of the database.
#[derive(Clone)]
pub struct Access(BTreeMap<Role, Settings>);

impl Access {
    /// To these servers of ours; where one is foreign, every role hears of it from the environment.
    pub fn to(nats: Option<&Nats>, postgres: Option<&Postgres>) -> Self {
        let of = |role| match (nats.map(|nats| to_nats(nats, role)), postgres) {
            (Some(log), Some(postgres)) => log.with("DATABASE_URL", postgres.url(role)),
            (Some(log), None) => log.and(&foreign("DATABASE_URL")),
            (None, Some(postgres)) => foreign("NATS_URL").with("DATABASE_URL", postgres.url(role)),
            (None, None) => foreign("NATS_URL").and(&foreign("DATABASE_URL")),
        };
        Self(Role::ALL.into_iter().map(|role| (role, of(role))).collect())
    }

    /// What this role is told.
    pub fn of(&self, role: Role) -> Settings {
        self.0.get(&role).cloned().unwrap_or_default()
    }
}

fn to_nats(nats: &Nats, role: Role) -> Settings {
    let login = nats.credentials(role);
    Settings::default()
        .with("NATS_URL", nats.url())
        .with("NATS_USER", login.user)
        .with("NATS_PASSWORD", login.password)
        .with("NATS_INBOX_PREFIX", login.inbox_prefix)
        .with("NATS_MONITORING_URL", nats.monitoring_url())
}

fn foreign(variable: &'static str) -> Settings {
    std::env::var(variable).map_or_else(|_| Settings::default(), |value| Settings::default().with(variable, value))
}
