//! Where a server keeps its things, and that only one process uses them at a time.

use crate::error::{Error, while_};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How much a power cut may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing that was acknowledged.
    #[default]
    Real,
    /// Postgres does not wait for the disk; NATS does, because its answers change with it.
    /// A killed process loses nothing either way.
    Test,
    /// Whatever NATS acknowledged in the last minutes: it syncs as seldom as it does by default. For the play that shows
    /// what that costs; every role refuses such a server. Postgres is as `Real`.
    Unsynced,
}

/// Held as long as a server of the directory runs.
pub(crate) struct Lock {
    _file: File,
}

pub(crate) fn lock(path: &Path) -> Result<Lock, Error> {
    let file = private(path).map_err(while_(|| format!("opening {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(path.with_extension(""))),
        Err(TryLockError::Error(source)) => Err(Error::Io { doing: format!("locking {}", path.display()), source }),
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// The directory by its one true name, made if it is not there.
pub(crate) fn make(path: &Path) -> Result<PathBuf, Error> {
    let doing = || format!("making the directory {}", path.display());
    fs::create_dir_all(path).map_err(while_(doing))?;
    path.canonicalize().map_err(while_(doing))
}

pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let gone = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::Io { doing: format!("removing {}", path.display()), source: error })
        }
        _ => Ok(()),
    }
}

/// What `write_json` left there, if anything.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let doing = || format!("reading {}", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| while_(doing)(error.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(while_(doing)(error)),
    }
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| while_(|| format!("writing {}", path.display()))(error.into()))?;
    write_private(path, &text)
}

/// All or nothing, and readable by nobody else: it holds passwords.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let beside = path.with_added_extension("new");
        let mut file = private(&beside)?;
        file.set_len(0)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, path)
    };
    write().map_err(while_(|| format!("writing {}", path.display())))
}

/// A directory that goes when its last user goes.
pub(crate) struct Temporary {
    pub(crate) path: PathBuf,
    _lock: Lock,
}

const TEMPORARY_PREFIX: &str = "chatroom-test-";
const LOCK_NAME: &str = "owner.lock";
const MEMORY: &str = "/dev/shm";
/// What statfs(2) calls a filesystem in memory.
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
/// Bytes. The tests of one process have 64 MiB a server, and a few servers at once.
const MEMORY_FREE_MIN: u64 = 8 << 30;
/// Nobody needs this long from making a directory to locking it.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

impl Temporary {
    pub(crate) fn new() -> Result<Temporary, Error> {
        Temporary::below(temporary_root())
    }

    /// For what is forgotten with the process anyhow. A Postgres begins with a thousand files, whose making and removing on a
    /// disk costs the kernel more than the server does.
    pub(crate) fn in_memory() -> Result<Temporary, Error> {
        Temporary::below(roomy_memory().unwrap_or_else(temporary_root))
    }

    fn below(below: PathBuf) -> Result<Temporary, Error> {
        sweep(&below);
        let path = below.join(format!("{TEMPORARY_PREFIX}{:016x}", rand::random::<u64>()));
        // Others may pass through, not look around: as root, Postgres is another user and lives inside.
        DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .map_err(while_(|| format!("making the directory {}", path.display())))?;
        let lock = lock(&path.join(LOCK_NAME))?;
        Ok(Temporary { path, _lock: lock })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, "a temporary directory stays");
        }
    }
}

/// Not `/tmp`, which may be memory and which a service's private view may hide.
pub(crate) fn temporary_root() -> PathBuf {
    let roomy = Path::new("/var/tmp");
    if roomy.is_dir() { roomy.into() } else { std::env::temp_dir() }
}

/// Linux's shared memory, where it is one and has room for what tests put there. Containers often get 64 MiB of it.
fn roomy_memory() -> Option<PathBuf> {
    let found = rustix::fs::statfs(MEMORY).ok()?;
    let free = u64::try_from(found.f_bsize).ok()? * found.f_bavail;
    (found.f_type == TMPFS_MAGIC && free >= MEMORY_FREE_MIN).then(|| MEMORY.into())
}

/// Whether every account may go there.
pub(crate) fn is_temporary(dir: &Path) -> bool {
    dir.starts_with(temporary_root()) || dir.starts_with(MEMORY)
}

/// A process that was killed could not tidy up; the next one does.
fn sweep(below: &Path) {
    let Ok(entries) = fs::read_dir(below) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        let old = entry
            .metadata()
            .and_then(|found| found.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED_AFTER));
        // What cannot be locked is in use, or another user's.
        if ours && old && lock(&entry.path().join(LOCK_NAME)).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
