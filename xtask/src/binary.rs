//! Which binary is tried? A debug one as `cargo test` has built it, or a release build.

use anyhow::{Context, Result, ensure};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Where cargo builds, wherever it was told to.
pub(crate) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}

/// Builds it, and says where it is.
pub(crate) fn built(root: &Path, release: bool) -> Result<PathBuf> {
    // With the features of one package alone all that the tests stand on would be built once more.
    let (folder, what): (_, &[&str]) = if release {
        ("release", &["--package", "chatroom", "--release"])
    } else {
        ("debug", &["--workspace", "--bins", "--tests"])
    };
    let mut build = Command::new("cargo");
    let status =
        build.current_dir(root).args(["build", "--locked"]).args(what).status().context("cargo does not start")?;
    ensure!(status.success(), "{build:?}: {status}");
    Ok(target(root).join(folder).join("chatroom"))
}
