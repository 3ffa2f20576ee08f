//! Who may sign in to the servers: one login a service, on NATS and on Postgres alike.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// A login with the least rights that its holder needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `chatroom migrate` and its like: creates streams, buckets and tables. The only one that may.
    Operator,
    Command,
    Projector,
    Query,
    /// Reads `CHAT` and the read models, writes nothing.
    Analyst,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Operator, Role::Command, Role::Projector, Role::Query, Role::Analyst];

    /// The user on NATS.
    pub fn nats_user(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Command => "command",
            Role::Projector => "projector",
            Role::Query => "query",
            Role::Analyst => "analyst",
        }
    }

    /// The role on Postgres; the operator owns the database.
    pub fn postgres_user(self) -> &'static str {
        match self {
            Role::Operator => "chatroom_migrate",
            Role::Command => "chatroom_command",
            Role::Projector => "chatroom_projector",
            Role::Query => "chatroom_query",
            Role::Analyst => "chatroom_analyst",
        }
    }

    /// Replies come below this prefix and no other role may read them: whoever may read `_INBOX.>`
    /// reads everybody's answers.
    pub fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.nats_user())
    }
}

/// What a NATS client needs to sign in. Not part of the URL, because async-nats ignores it there.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
    /// To be given to the client as its inbox prefix: under any other it hears no reply.
    pub inbox_prefix: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A password a role. It is kept in a file of mode 0600, never logged.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Passwords(BTreeMap<Role, String>);

impl Passwords {
    pub(crate) fn generate() -> Passwords {
        Passwords(Role::ALL.into_iter().map(|role| (role, secret())).collect())
    }

    pub(crate) fn of(&self, role: Role) -> &str {
        self.0.get(&role).map_or("", String::as_str)
    }

    /// For NATS.
    pub(crate) fn credentials(&self, role: Role) -> Credentials {
        Credentials { user: role.nats_user().into(), password: self.of(role).into(), inbox_prefix: role.inbox_prefix() }
    }

    /// A file written before a role existed lacks its password.
    pub(crate) fn complete(mut self) -> Passwords {
        for role in Role::ALL {
            self.0.entry(role).or_insert_with(secret);
        }
        self
    }
}

/// 128 random bits in hex behind a letter: safe unquoted in a URL, in SQL and in a NATS configuration,
/// where a value of digits would be read as a number.
pub(crate) fn secret() -> String {
    format!("p{:032x}", rand::random::<u128>())
}
