//! How does a file come to be? Beside its name first, counted and hashed while it is written, whole under its name.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// A file that is whole, as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Written {
    /// Below the folder of the manifest.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// In hex.
    pub(super) sha256: String,
    pub(super) events: u64,
}

/// What is not whole yet is called by its name and this.
pub(super) const PARTIAL: &str = "partial";

/// A file that is being written.
pub(super) struct Growing {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    at: PathBuf,
    path: String,
}

impl Growing {
    /// Begins `path` below `folder`.
    pub(super) fn begin(folder: &Path, path: String) -> Result<Self> {
        let at = folder.join(&path);
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        }
        let file = File::create(partial(&at)).with_context(|| format!("making {}", partial(&at).display()))?;
        Ok(Self { file: BufWriter::new(file), hash: Sha256::new(), bytes: 0, at, path })
    }

    /// Gives it its name, once it is on the disk.
    pub(super) fn finish(self, events: u64) -> Result<Written> {
        let Self { file, hash, bytes, at, path } = self;
        let writing = || format!("writing {}", at.display());
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(writing)?;
        file.sync_all().with_context(writing)?;
        fs::rename(partial(&at), &at).with_context(writing)?;
        Ok(Written { path, bytes, sha256: hex(&hash.finalize()), events })
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// The size and hash of a file that is there.
pub(super) fn measure(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((bytes, hex(&hash.finalize()))),
            read => {
                hash.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// Writes a small file whole, or not at all.
pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
    let writing = || format!("writing {}", path.display());
    let mut file = File::create(partial(path)).with_context(writing)?;
    file.write_all(text.as_bytes()).with_context(writing)?;
    file.sync_all().with_context(writing)?;
    fs::rename(partial(path), path).with_context(writing)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    name.into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
