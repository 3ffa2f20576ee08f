//! What can Postgres alone do? pgbench, with the statement of our pages prepared as ours is.

use anyhow::{Context, Result, bail, ensure};
use events::{MessageId, RoomId, UserId};
use servers::Role;
use std::{fmt, fs, path::PathBuf};

use super::bed::Bed;

/// Its worker threads: as many as cores that it may have.
const THREADS: &str = "2";

/// There is no pgbench: it comes with the client tools of Postgres.
#[derive(Debug)]
pub struct NoPgbench;

impl fmt::Display for NoPgbench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no pgbench, neither beside Postgres nor on the path: install Postgres's client tools")
    }
}

impl std::error::Error for NoPgbench {}

/// One script a page, each as likely as the others.
pub(super) struct Pgbench {
    program: PathBuf,
    url: String,
    scripts: Vec<PathBuf>,
    variables: Vec<String>,
}

/// A page to read: the messages before one, as this person.
pub(super) type Page = (RoomId, UserId, MessageId);

impl Pgbench {
    pub(super) async fn of(bed: &Bed, pages: &[Page]) -> Result<Self> {
        let program = find().await?;
        let (mut scripts, mut variables) = (Vec::new(), Vec::new());
        for (n, (room, user, message)) in pages.iter().enumerate() {
            let script = bed.dir().join(format!("page-{n}.sql"));
            fs::write(&script, script_of(n)).with_context(|| format!("writing {}", script.display()))?;
            scripts.push(script);
            let values = [("room", room.to_string()), ("caller", user.to_string()), ("message", message.to_string())];
            variables.extend(values.map(|(name, value)| format!("{name}{n}={value}")));
        }
        Ok(Self { program, url: bed.servers.postgres.url(Role::Query), scripts, variables })
    }

    /// So many pages over so many connections; gives how many in a second.
    pub(super) async fn read(&self, connections: usize, pages: u32) -> Result<f64> {
        let each = (pages as usize).div_ceil(connections);
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs", THREADS]);
        command.args(["--client", &connections.to_string(), "--transactions", &each.to_string()]);
        command.args(self.variables.iter().flat_map(|variable| ["--define", variable]));
        for script in &self.scripts {
            command.arg("--file").arg(script);
        }
        let output = command.arg(&self.url).kill_on_drop(true).output().await.context("running pgbench")?;
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "pgbench: {}: {why}", output.status);
        let Some(rate) = said.lines().find_map(|line| line.strip_prefix("tps = ")) else { bail!("pgbench: {said}") };
        rate.split_whitespace().next().unwrap_or_default().parse().context("pgbench's rate")
    }
}

/// Our statement with the parameters of a page before a message: its variables are the statement's parameters, as which
/// pgbench sends them. It cannot send a null, so that the other anchor stands there as such.
fn script_of(n: usize) -> String {
    let parameters = [
        ("$1", format!(":room{n}")),
        ("$2", format!(":caller{n}")),
        ("$3", "0".to_owned()),
        ("$4", format!(":message{n}")),
        ("$5", "null".to_owned()),
        ("$6", "51".to_owned()),
        ("$7", "1".to_owned()),
    ];
    let statement = query_service::read::messages::any_status();
    let statement = parameters.into_iter().fold(statement.to_owned(), |sql, (name, value)| sql.replace(name, &value));
    format!("{};\n", statement.split_whitespace().collect::<Vec<_>>().join(" "))
}

async fn find() -> Result<PathBuf> {
    let beside = servers::find_postgres().await?.bin;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::iter::once(beside).chain(std::env::split_paths(&path)).map(|dir| dir.join("pgbench"));
    places.find(|program| program.is_file()).ok_or_else(|| NoPgbench.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one_line_without_a_parameter_left() {
        let script = script_of(3);
        assert!(!script.contains('$') && script.contains(":message3::uuid") && script.contains("limit 51"), "{script}");
        assert_eq!(script.lines().count(), 1);
    }
}
