//! How does somebody's own NATS client get in? By the context file that the `nats` tool and others read.

use anyhow::{Context, Result, ensure};
use clap::Args;
use platform::config::NatsArgs;
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

/// Writes a context for `nats --context NAME`, with the address, the login and the private inbox prefix that it needs: under
/// any other prefix a client of ours hears no answer, and a request that is refused looks like a timeout.
#[derive(Debug, Clone, Args)]
pub struct NatsContextArgs {
    /// What it is called.
    #[arg(long, value_name = "NAME", default_value = "chatroom")]
    name: String,

    /// The file. [default: `nats/context/NAME.json` below XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    nats: NatsArgs,
}

/// Writes it, for nobody else to read.
///
/// # Errors
/// A login without a password; a place that cannot be written.
pub fn run(args: &NatsContextArgs) -> Result<()> {
    let path = args.path()?;
    let login = args.nats.credentials()?;
    let (user, password) = login.as_ref().map_or(("", ""), |(user, password)| (user.as_str(), password.expose()));
    let context = json!({
        "description": format!("Chatroom, as {}", if user.is_empty() { "nobody" } else { user }),
        "url": args.nats.nats_url,
        "user": user,
        "password": password,
        "inbox_prefix": args.nats.inbox_prefix(),
    });
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let writing = || format!("writing {}", path.display());
    // It holds a password: another file than the one that may be there, so that nobody has it open already.
    match fs::remove_file(&path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why).with_context(writing),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).with_context(writing)?;
    file.write_all((serde_json::to_string_pretty(&context)? + "\n").as_bytes()).with_context(writing)?;
    println!("{}", path.display());
    Ok(())
}

impl NatsContextArgs {
    fn path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.out {
            return Ok(path.clone());
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        ensure!(!self.name.is_empty() && self.name.chars().all(is_plain), "{:?} is no name of a context", self.name);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
        let config = config.context("neither XDG_CONFIG_HOME nor HOME is set: name a file with --out")?;
        Ok(config.join("nats/context").join(format!("{}.json", self.name)))
    }
}
