//! How do the three roles run in one system? Together in this process, or each in its own behind a forwarding origin.

use anyhow::Result;
use platform::{Shutdown, serve};
use servers::Role;
use std::path::Path;

use super::{Access, Keys, process::RoleProcess};
use crate::{docs, origin, page, settings, stack};

/// Connections of each role's pool: three roles share a Postgres that has 100.
const POOL: &str = "5";

/// Where the system is reached.
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) admin_url: String,
    /// What else a script may want to know.
    pub(super) more: Vec<(&'static str, String)>,
}

/// What every role of this system is told.
pub struct Settings<'a> {
    pub access: &'a Access,
    pub keys: &'a Keys,
    pub no_rate_limits: bool,
    /// bcrypt's cost, where it is not the default.
    pub bcrypt_cost: Option<u32>,
}

impl Settings<'_> {
    /// What this role is told.
    pub fn of(&self, role: Role) -> settings::Settings {
        let limits = if self.no_rate_limits { "true" } else { "false" };
        let settings = self.access.of(role).with("DATABASE_POOL", POOL).with("NO_RATE_LIMITS", limits);
        match role {
            Role::Command => {
                let settings = settings.and(&self.keys.signing());
                match self.bcrypt_cost {
                    Some(cost) => settings.with("BCRYPT_COST", cost.to_string()).with("ALLOW_WEAK_BCRYPT", "true"),
                    None => settings,
                }
            }
            Role::Query => settings.and(&self.keys.verifying()),
            Role::Projector | Role::Operator | Role::Analyst => settings,
        }
    }
}

/// All roles in this process.
pub(super) async fn together(settings: &Settings<'_>, port: u16, shutdown: &Shutdown) -> Result<Origin> {
    let stack = stack::start(settings, port, shutdown).await?;
    Ok(Origin { url: stack.url, admin_url: stack.admin_url, more: Vec::new() })
}

/// Each role in a process of its own, started again when it dies.
pub(super) async fn isolated(settings: &Settings<'_>, port: u16, dir: &Path, shutdown: &Shutdown) -> Result<Origin> {
    let projector = RoleProcess::start("projector", settings.of(Role::Projector), dir, shutdown).await?;
    let commands = RoleProcess::start("command-service", settings.of(Role::Command), dir, shutdown).await?;
    let queries = RoleProcess::start("query-service", settings.of(Role::Query), dir, shutdown).await?;
    let router = docs::router().merge(page::router()).merge(origin::forwarding(commands.listen, queries.listen));
    let listener = stack::listen(port).await?;
    let address = listener.local_addr()?;
    let token = shutdown.token();
    let limits = serve::ServeLimits::from(&settings.of(Role::Query).parse::<serve::ServeArgs>()?);
    shutdown.spawn("origin", async move { Ok(serve::serve(listener, router, limits, token).await?) });
    let more = [
        ("COMMAND_SERVICE_PID_FILE", &commands.pid_file),
        ("QUERY_SERVICE_PID_FILE", &queries.pid_file),
        ("PROJECTOR_PID_FILE", &projector.pid_file),
    ];
    let more = more.into_iter().map(|(name, path)| (name, path.display().to_string()));
    let admins = [("QUERY_SERVICE_ADMIN_URL", queries.admin), ("PROJECTOR_ADMIN_URL", projector.admin)];
    let admins = admins.into_iter().map(|(name, admin)| (name, format!("http://{admin}")));
    Ok(Origin {
        url: format!("http://{address}"),
        admin_url: format!("http://{}", commands.admin),
        more: more.chain(admins).collect(),
    })
}
