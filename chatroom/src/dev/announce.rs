//! How does a newcomer, or a script, learn where everything is? A file to source, and words to read.

use anyhow::{Context, Result};
use servers::Role;
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
};

use super::{
    backing::{Backing, STARTED_BY_DEV},
    keys::write_private,
    roles::Origin,
};
use crate::settings::Settings;

const FILE: &str = "env";
/// What an analyst is told, with rights to read and no more.
const ANALYST_FILE: &str = "analyst.env";

/// Removes the file that says that everything is ready: until it is there again, nothing is.
pub(super) fn forget(dir: &Path) -> Result<()> {
    match std::fs::remove_file(dir.join(FILE)) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why).context("removing the old env file"),
        _ => Ok(()),
    }
}

/// Writes the file and tells the reader.
pub(super) fn ready(dir: &Path, origin: &Origin, backing: &Backing, no_rate_limits: bool) -> Result<()> {
    let mut settings = backing
        .access()
        .of(Role::Operator)
        .with(STARTED_BY_DEV, dir.display().to_string())
        .with("CHATROOM_URL", &origin.url)
        .with("CHATROOM_ADMIN_URL", &origin.admin_url);
    for (variable, value) in &origin.more {
        settings = settings.with(variable, value);
    }
    let pids = backing.pids().into_iter().map(|(name, pid)| (name, pid.to_string()));
    settings = pids.fold(settings, |settings, (name, pid)| settings.with(name, pid));
    write_private(&dir.join(FILE), assignments(&settings).as_bytes())?;
    write_private(&dir.join(ANALYST_FILE), assignments(&backing.access().of(Role::Analyst)).as_bytes())?;
    say(words(dir, origin, no_rate_limits).trim_end());
    Ok(())
}

/// Says it to whoever listens: that somebody has closed stderr is no reason to fall over, and to leave servers behind.
pub(super) fn say(words: &str) {
    let _ = io::stderr().write_all(format!("{words}\n").as_bytes());
}

/// `NAME='value'` a line, exported, so that `. .dev/env` is enough for any other subcommand.
fn assignments(settings: &Settings) -> String {
    settings.pairs().fold(String::new(), |mut text, (name, value)| {
        let quoted = value.replace('\'', r"'\''");
        writeln!(text, "export {name}='{quoted}'").expect("writing to a string");
        text
    })
}

fn words(dir: &Path, origin: &Origin, no_rate_limits: bool) -> String {
    let (url, admin, env) = (&origin.url, &origin.admin_url, dir.join(FILE).display().to_string());
    let limits = if no_rate_limits {
        "\n  !!  EVERY RATE LIMIT IS LIFTED (--no-rate-limits): never face strangers like this  !!\n"
    } else {
        ""
    };
    format!(
        r#"
Chatroom is ready.{limits}
  the page     {url}/
  API          {url}/v1           documented at {url}/docs
  live         {url}/v1/ws        (WebSocket, subprotocol chatroom.v1)
  operators    {admin}/readyz     also /livez /metrics /version

A first guest:
  curl -s {url}/v1/guests -H 'content-type: application/json' -d '{{"display_name":"Ada"}}'

Look inside (credentials are in {env}):
  . {env}
  psql "$DATABASE_URL" -c 'select * from rm.checkpoint'
  nats --server "$NATS_URL" --user "$NATS_USER" --password "$NATS_PASSWORD" --inbox-prefix "$NATS_INBOX_PREFIX" stream view CHAT

Ctrl-C stops everything; the data stays in {dir} for the next start.
"#,
        dir = dir.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_survives_the_shell() {
        let text = assignments(&Settings::default().with("NATS_PASSWORD", "it's"));
        assert_eq!(text, "export NATS_PASSWORD='it'\\''s'\n");
    }
}
