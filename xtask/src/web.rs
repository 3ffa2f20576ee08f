//! Do the client and the page hold? Types, the committed JavaScript, and tests against a real system in a real browser.

use crate::binary;
use anyhow::{Context, Result, bail, ensure};
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

const CHROMIUM: &str = "/usr/bin/chromium";
/// With fonts of the scripts that the tests write, and of emojis.
const PACKAGES: &[&str] = &["chromium", "fonts-noto-core", "fonts-noto-color-emoji"];
/// Somebody else may hold apt's lock, and a mirror may stumble.
const PATIENT: &[&str] = &["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
const CLIENT: &str = "clients/ts";
const PAGE: &str = "web";
/// Where the client is compiled to be compared: `npm ci` clears it, git does not see it.
const COMPILED: &str = "node_modules/.compiled";

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
    // What the binary embeds and browsers run is what the sources say. Compiled beside it: written anew, the same bytes
    // would make cargo build the binary once more.
    must(&client, "npm", &["run", "--silent", "build", "--", "--outDir", COMPILED])?;
    must(&client, "git", &["diff", "--no-index", "--exit-code", "--stat", "dist", COMPILED])
        .context("clients/ts/dist is not what src says: `npm run build` there, and commit it")?;
    must(&client, "npm", &["run", "--silent", "check"])?;
    must(&page, "npm", &["run", "--silent", "check"])?;
    let binary = binary::built(root, false)?;
    tests(&client, &binary)?;
    tests(&page, &binary)?;
    println!("web: client and page hold");
    Ok(())
}

/// The tests start the binary that was just built, unless another one is named.
fn tests(folder: &Path, binary: &Path) -> Result<()> {
    println!("web: npm test in {}", folder.display());
    let mut command = Command::new("npm");
    command.args(["run", "--silent", "test"]).env("CHATROOM_BIN", binary).current_dir(folder).stdin(Stdio::null());
    let status = command.status().context("npm is needed and does not start")?;
    ensure!(status.success(), "the tests in {}: {status}", folder.display());
    Ok(())
}

/// The page's tests need a browser: the one that CHROMIUM names, else Debian's.
fn browser() -> Result<()> {
    if env::var_os("CHROMIUM").is_some() || Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    let anywhere = Path::new("/");
    println!("web: {CHROMIUM} is missing and will be installed: {}", PACKAGES.join(" "));
    ensure!(output(anywhere, "id", &["-u"])?.trim() == "0", "only root can install them: do that, then come again");
    // Lists that are there already may do: whether they did is known by what was installed.
    if let Err(why) = must(anywhere, "apt-get", &[&["update"], PATIENT].concat()) {
        println!("web: {why:#}");
    }
    must(anywhere, "apt-get", &[&["install", "--yes", "--no-install-recommends"], PATIENT, PACKAGES].concat())?;
    ensure!(Path::new(CHROMIUM).exists(), "the package chromium of this system brings no {CHROMIUM}: set CHROMIUM");
    Ok(())
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
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.status().with_context(|| format!("{program} is needed and does not start"))?;
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
