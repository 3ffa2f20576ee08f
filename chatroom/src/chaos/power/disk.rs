//! A disk that can lose its power: an ext4 file system on a loop device, whose image is what the disk has received.
//!
//! What a program writes stays in the page cache above until it is synced, or until the kernel writes it after half a
//! minute. A copy of the image has none of it, as a disk has none of it after a power cut. What the disk itself might
//! lose of what it has received, because its own cache lies, is not played, nor a write that is torn in the middle.

use anyhow::{Context, Result, bail};
use std::{
    ffi::OsStr,
    fmt,
    fs::{self, DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};
use tokio::process::Command;

/// Room for more messages than a play writes. Holes take none.
const IMAGE_BYTES: u64 = 512 << 20;
/// Seconds between two commits of the file system's own. Longer than a play from cut to cut: only what is synced is
/// written.
const MOUNT_OPTIONS: &str = "loop,noatime,commit=300";
/// How long a program of the system may take.
const DONE_WITHIN: Duration = Duration::from_secs(60);
/// The kernel may write while the image is copied. Then it is copied again.
const COPIES_MAX: u32 = 20;
/// Of what is written and never synced.
const UNSYNCED_BYTES: usize = 64 << 10;
const PREFIX: &str = "chatroom-power-";

/// Why no disk can be had here.
#[derive(Debug)]
pub enum NoDisk {
    NotRoot,
    NoProgram(&'static str),
    /// The system says no: no loop devices, or no right to mount.
    Refused(String),
}

impl fmt::Display for NoDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a power cut cannot be played here: ")?;
        match self {
            Self::NotRoot => f.write_str("only root may mount a disk image"),
            Self::NoProgram(program) => write!(f, "there is no {program}"),
            Self::Refused(why) => write!(f, "no loop device can be mounted: {why}"),
        }
    }
}

impl std::error::Error for NoDisk {}

/// Mounted where nats-server keeps its store. Dropped, it is gone.
pub(super) struct Disk {
    dir: PathBuf,
    image: PathBuf,
    is_mounted: bool,
    /// How often it was written to without a sync.
    unsynced: u32,
}

impl Disk {
    pub(super) async fn make() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(NoDisk::NotRoot.into());
        }
        let below = std::env::temp_dir().canonicalize().context("the directory for temporary files")?;
        sweep(&below).await?;
        let dir = below.join(format!("{PREFIX}{}-{:08x}", std::process::id(), rand::random::<u32>()));
        DirBuilder::new().mode(0o700).create(&dir).with_context(|| format!("making {}", dir.display()))?;
        let mut disk = Self { image: dir.join("image"), dir, is_mounted: false, unsynced: 0 };
        fs::create_dir(disk.store()).context("making the mount point")?;
        File::create(&disk.image).and_then(|image| image.set_len(IMAGE_BYTES)).context("making the image")?;
        // Lazily, the kernel would go on writing to it for a while.
        let at_once = "lazy_itable_init=0,lazy_journal_init=0";
        let image = disk.image.as_os_str();
        run("mkfs.ext4", ["-q".as_ref(), "-F".as_ref(), "-m0".as_ref(), "-E".as_ref(), at_once.as_ref(), image])
            .await?;
        disk.mount().await.map_err(|why| NoDisk::Refused(format!("{why:#}")))?;
        Ok(disk)
    }

    /// Where nats-server is started. Its store is a directory in there, and the disk.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn store(&self) -> PathBuf {
        self.dir.join("nats")
    }

    /// Everything that was written until now.
    pub(super) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(File::open(self.store())?).context("syncing the disk")
    }

    /// A file that the next power cut has to take. A new one: what replaces another is synced by ext4 itself.
    pub(super) fn writes_unsynced(&mut self) -> Result<()> {
        self.unsynced += 1;
        fs::write(self.unsynced(), [b'x'; UNSYNCED_BYTES]).context("writing to the disk")
    }

    fn unsynced(&self) -> PathBuf {
        self.store().join(format!("unsynced-{}", self.unsynced))
    }

    /// What the disk has received at this instant: a copy during which it received nothing.
    pub(super) async fn copy(&self) -> Result<()> {
        let device = self.device()?;
        for _ in 0..COPIES_MAX {
            let before = Traffic::of(&device)?;
            run("cp", ["--sparse=always".as_ref(), self.image.as_os_str(), self.image_copy().as_os_str()]).await?;
            if before.is_idle() && before == Traffic::of(&device)? {
                return Ok(());
            }
        }
        bail!("the disk was written to during each of {COPIES_MAX} copies")
    }

    /// The power returns: what is mounted is what was copied, and what was not synced is gone.
    pub(super) async fn becomes_its_copy(&mut self) -> Result<()> {
        self.unmount().await?;
        fs::rename(self.image_copy(), &self.image).context("taking the copy")?;
        self.mount().await?;
        match fs::metadata(self.unsynced()) {
            Ok(found) if found.len() > 0 => bail!("this is no power cut: what was never synced is on the disk"),
            // Its name may be there: whatever is synced takes the names of all files along.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) async fn remove(mut self) -> Result<()> {
        self.unmount().await
    }

    fn image_copy(&self) -> PathBuf {
        self.dir.join("copy")
    }

    async fn mount(&mut self) -> Result<()> {
        let (image, store) = (self.image.as_os_str(), self.store());
        run("mount", ["-t".as_ref(), "ext4".as_ref(), "-o".as_ref(), MOUNT_OPTIONS.as_ref(), image, store.as_os_str()])
            .await?;
        self.is_mounted = true;
        Ok(())
    }

    /// The loop device goes with it.
    async fn unmount(&mut self) -> Result<()> {
        run("umount", [self.store().as_os_str()]).await?;
        self.is_mounted = false;
        Ok(())
    }

    /// `loop3`
    fn device(&self) -> Result<String> {
        let (mounts, store) = (fs::read_to_string("/proc/self/mounts")?, self.store());
        let mut mounts = mounts.lines().map(|line| line.split(' '));
        let device = mounts.find_map(|mut mount| {
            let device = mount.next()?.strip_prefix("/dev/")?;
            (mount.next().map(Path::new) == Some(&store)).then(|| device.to_owned())
        });
        device.context("the disk is not mounted")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Nobody is left who could be told; the next one sweeps.
            let _ = std::process::Command::new("umount").arg(self.store()).status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A device's statistics: what it was asked to do so far, and what of it is under way.
#[derive(PartialEq, Eq)]
struct Traffic(Vec<u64>);

impl Traffic {
    fn of(device: &str) -> Result<Self> {
        let text = fs::read_to_string(format!("/sys/block/{device}/stat")).context("looking at the disk's traffic")?;
        Ok(Self(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?))
    }

    fn is_idle(&self) -> bool {
        /// Requests in flight, after four figures of reads and four of writes.
        const IN_FLIGHT: usize = 8;
        self.0.get(IN_FLIGHT) == Some(&0)
    }
}

/// What was killed could not tidy up; the next one does.
async fn sweep(below: &Path) -> Result<()> {
    for entry in fs::read_dir(below).context("looking for what was left behind")?.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        let Some(pid) = pid.filter(|pid| !Path::new(&format!("/proc/{pid}")).exists()) else { continue };
        eprintln!("sweeping up what process {pid} left in {}", entry.path().display());
        // Not mounted any more is just as well.
        let _unmounted = run("umount", [entry.path().join("nats").as_os_str()]).await;
        fs::remove_dir_all(entry.path()).with_context(|| format!("removing {}", entry.path().display()))?;
    }
    Ok(())
}

async fn run<const N: usize>(program: &'static str, args: [&OsStr; N]) -> Result<()> {
    let ran = Command::new(program).args(args).kill_on_drop(true).output();
    let ran = tokio::time::timeout(DONE_WITHIN, ran).await.with_context(|| format!("{program}: no end"))?;
    let Output { status, stderr, .. } = match ran {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Err(NoDisk::NoProgram(program).into()),
        ran => ran.with_context(|| format!("running {program}"))?,
    };
    if !status.success() {
        bail!("{program} ended with {status}: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(())
}
