//! Are the files the ones that were written? Each is read again and compared with its manifest.

use anyhow::Result;
use std::{collections::BTreeSet, fs, path::Path};

use super::{
    error::Unfaithful,
    files,
    manifest::{self, Manifest},
};

/// How many differences are named.
const NAMED_MAX: usize = 20;

/// Compares. Also a file that the manifest does not name is one too many: what reads the whole folder would count it.
///
/// # Errors
/// [`Unfaithful`], with what differs; what cannot be read.
pub(super) fn verify(path: &Path) -> Result<String> {
    let manifest = Manifest::read(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut wrong = Vec::new();
    if !manifest.complete {
        wrong.push("it was cut off: --resume goes on".to_owned());
    }
    let mut named = BTreeSet::new();
    let mut events = 0;
    for file in &manifest.files {
        named.insert(file.path.clone());
        events += file.events;
        match files::measure(&folder.join(&file.path)) {
            Err(why) => wrong.push(format!("{}: {why}", file.path)),
            Ok((bytes, _)) if bytes != file.bytes => {
                wrong.push(format!("{} has {bytes} bytes, not {}", file.path, file.bytes));
            }
            Ok((_, sha256)) if sha256 != file.sha256 => wrong.push(format!("{} has other bytes", file.path)),
            Ok(_) => {}
        }
    }
    let counted: u64 = manifest.counts.values().sum();
    if events != manifest.events || counted != manifest.events {
        wrong.push(format!(
            "its numbers do not add up: {} events, {events} in files, {counted} by type",
            manifest.events
        ));
    }
    let there = files_below(folder, folder)?;
    wrong.extend(there.difference(&named).map(|extra| format!("{extra} is not named in it")));
    if wrong.is_empty() {
        return Ok(format!("{} files, {} events: as the manifest says", manifest.files.len(), manifest.events));
    }
    let more = wrong.len().saturating_sub(NAMED_MAX);
    wrong.truncate(NAMED_MAX);
    wrong.extend((more > 0).then(|| format!("and {more} more")));
    Err(Unfaithful(wrong).into())
}

fn files_below(root: &Path, folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_below(root, &path)?);
        } else if let Ok(below) = path.strip_prefix(root)
            && below != Path::new(manifest::NAME)
        {
            found.insert(below.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
