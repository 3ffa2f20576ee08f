//! Which binary is tried? A debug one as `cargo test` has built it, or a release build.

use anyhow::{Context, Result, ensure};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What cargo tells a program of its package.
const OF_XTASK: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// Where cargo builds, wherever it was told to.
pub(crate) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}

/// Builds it, unless `CHATROOM_BIN` names one, and says where it is.
pub(crate) fn built(root: &Path, release: bool) -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHATROOM_BIN") {
        return Ok(named.into());
    }
    // With the features of one package alone all that the tests stand on would be built once more.
    let (folder, what): (_, &[&str]) = if release {
        ("release", &["--package", "chatroom", "--release"])
    } else {
        ("debug", &["--workspace", "--bins", "--tests"])
    };
    let mut build = Command::new("cargo");
    build.current_dir(root).args(["build", "--locked"]).args(what);
    // The `cargo run` that started us tells of xtask; where build scripts look at that (ring's does), it would all be stale.
    let told = env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| OF_XTASK.iter().any(|of| name.to_string_lossy().starts_with(of))) {
        build.env_remove(name);
    }
    let status = build.status().context("cargo does not start")?;
    ensure!(status.success(), "{build:?}: {status}");
    Ok(target(root).join(folder).join("chatroom"))
}
