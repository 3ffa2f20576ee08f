//! Why did a replay not end well? What a script may tell apart by the exit code.

use std::path::PathBuf;

/// `EX_DATAERR`: a newer release wrote an event, and this one does not know what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} of the event at {seq} is unknown to this release: use a newer one, or --raw to have it as it is stored"
)]
pub struct Unreadable {
    pub(super) seq: u64,
    pub(super) what: String,
}

/// `EX_DATAERR`: the files are not what their manifest says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not what the manifest says: {}", .0.join("; "))]
pub struct Unfaithful(pub(super) Vec<String>);

/// `EX_CANTCREAT`: there is something where the files would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not empty: take another folder, or go on with --resume {}", .0.display(), .0.join("manifest.json").display())]
pub struct Occupied(pub(super) PathBuf);

/// `EX_TEMPFAIL`: a signal ended it before its last event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("interrupted{}", .0.as_ref().map(|path| format!(": go on with --resume {}", path.display())).unwrap_or_default())]
pub struct Interrupted(pub(super) Option<PathBuf>);
