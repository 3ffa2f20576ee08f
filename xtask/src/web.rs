//! Do the client and the page hold? Types, the committed JavaScript, and tests against a real system in a real browser.

use anyhow::{Context, Result, bail, ensure};
use std::{
    path::Path,
    process::{Command, Stdio},
};

const CHROMIUM: &str = "/usr/bin/chromium";
const CLIENT: &str = "clients/ts";
const PAGE: &str = "web";

pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace lies above xtask")?;
    browser()?;
    let client = root.join(CLIENT);
    let page = root.join(PAGE);
    for folder in [&client, &page] {
        must(folder, "npm", &["ci", "--no-audit", "--no-fund"])?;
    }
    no_registry(&client)?;
    no_registry(&page)?;
    must(&client, "node", &["scripts/rest-types.mjs", "--check"])?;
    // What the binary embeds and browsers run is what the sources say.
    must(&client, "npm", &["run", "--silent", "build"])?;
    must(root, "git", &["diff", "--exit-code", "--stat", "--", "clients/ts/dist"])?;
    let strays = output(root, "git", &["ls-files", "--others", "--exclude-standard", "--", "clients/ts/dist"])?;
    ensure!(strays.is_empty(), "compiled and not committed:\n{strays}");
    must(&client, "npm", &["run", "--silent", "check"])?;
    must(&page, "npm", &["run", "--silent", "check"])?;
    must(root, "cargo", &["build", "--locked", "--package", "chatroom"])?;
    must(&client, "npm", &["run", "--silent", "test"])?;
    must(&page, "npm", &["run", "--silent", "test"])?;
    println!("web: client and page hold");
    Ok(())
}

/// The page's tests need a browser: Debian's.
fn browser() -> Result<()> {
    if Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    let install = ["apt-get install --yes --no-install-recommends chromium fonts-noto-core fonts-noto-color-emoji"];
    println!("web: {CHROMIUM} is missing: {}", install[0]);
    ensure!(output(Path::new("/"), "id", &["-u"])?.trim() == "0", "only root can install it: do that, then come again");
    must(Path::new("/"), "apt-get", &["update", "--quiet"])?;
    must(Path::new("/"), "sh", &["-c", &format!("DEBIAN_FRONTEND=noninteractive {}", install[0])])
}

/// A lock file names packages and their hashes, never where one machine fetched them.
fn no_registry(folder: &Path) -> Result<()> {
    let file = folder.join("package-lock.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    ensure!(!text.contains("\"resolved\""), "{} names a registry: .npmrc says how not to", file.display());
    Ok(())
}

fn must(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    println!("web: {program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    let status = command.args(arguments).current_dir(folder).stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("{program} is needed and does not start"))?;
    if !status.success() {
        bail!("{program} {} in {}: {status}", arguments.join(" "), folder.display());
    }
    Ok(())
}

fn output(folder: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.with_context(|| format!("{program} is needed and does not start"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
