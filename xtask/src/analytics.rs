//! Do the files that analysts get say what the read model says? Asked by others' programs: DuckDB, Polars and a fold in Python.

use anyhow::{Context, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A debug build on a busy machine takes its time.
const READY_WITHIN: Duration = Duration::from_secs(180);
const LEVEL_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Loads conversations into a system of its own, replays it in both forms, and compares. `--plant` writes them with the times at
/// which they were said, and `results` keeps the answers and plots.
pub(crate) fn run(file: &Path, plant: bool, results: Option<&Path>, release: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace lies above xtask")?;
    let python = python(root)?;
    let mut build = Command::new("cargo");
    build.current_dir(root).args(["build", "--locked", "-p", "chatroom"]).args(release.then_some("--release"));
    done(&mut build)?;
    let binary = root.join("target").join(if release { "release" } else { "debug" }).join("chatroom");
    let dir = std::env::temp_dir().join(format!("chatroom-analytics-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let mut system = System::start(&binary, &dir)?;
    let compared = compare(root, &binary, &dir, &python, &system.environment, file, plant, results);
    system.stop()?;
    fs::remove_dir_all(&dir)?;
    compared
}

#[expect(clippy::too_many_arguments, reason = "steps of one story, which nobody else tells")]
fn compare(
    root: &Path,
    binary: &Path,
    dir: &Path,
    python: &Path,
    environment: &BTreeMap<String, String>,
    file: &Path,
    plant: bool,
    results: Option<&Path>,
) -> Result<()> {
    let script = |name: &str| {
        let mut command = Command::new("python3");
        command.arg(root.join("analytics").join(name)).env("PYTHONPATH", python).envs(environment);
        command
    };
    let chatroom = |words: &[&str]| {
        let mut command = Command::new(binary);
        command.args(words).envs(environment);
        command
    };
    if plant {
        done(script("plant.py").arg(file))?;
    } else {
        done(chatroom(&["load"]).arg(file))?;
    }
    let until = Instant::now() + LEVEL_WITHIN;
    while !chatroom(&["lag", "--max-events", "0"]).stdout(Stdio::null()).status()?.success() {
        ensure!(Instant::now() < until, "the read model does not come to the log's end");
        sleep(LOOK_EVERY);
    }
    let (lines, tables) = (dir.join("lines"), dir.join("tables"));
    done(chatroom(&["replay", "--out"]).arg(&lines))?;
    done(chatroom(&["replay", "-o", "parquet", "--out"]).arg(&tables))?;
    for folder in [&lines, &tables] {
        done(chatroom(&["replay", "--verify"]).arg(folder.join("manifest.json")))?;
    }
    let url = environment.get("DATABASE_URL").context("the database's address")?;
    done(script("fold.py").arg(&lines).arg(url))?;
    let mut ask = script("ask.py");
    ask.arg(&tables).arg(url);
    if let Some(results) = results {
        ask.arg("--results").arg(results);
    }
    done(&mut ask)
}

/// A `chatroom dev` of its own.
struct System {
    process: Child,
    environment: BTreeMap<String, String>,
}

impl System {
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let home = dir.join("dev");
        let log = fs::File::create(dir.join("dev.log"))?;
        let mut command = Command::new(binary);
        command.args(["dev", "--port", "0", "--no-rate-limits", "--dir"]).arg(&home);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().context("starting dev")?;
        let mut system = Self { process, environment: BTreeMap::new() };
        let until = Instant::now() + READY_WITHIN;
        let ready = home.join("env");
        while !ready.exists() {
            ensure!(
                system.process.try_wait()?.is_none() && Instant::now() < until,
                "dev does not start: {}",
                dir.display()
            );
            sleep(LOOK_EVERY);
        }
        let text = fs::read_to_string(ready)?;
        let pairs = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        system.environment =
            pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
        Ok(system)
    }

    fn stop(&mut self) -> Result<()> {
        let pid = self.process.id().to_string();
        done(Command::new("kill").args(["-TERM", &pid]))?;
        self.process.wait()?;
        Ok(())
    }
}

/// What the scripts stand on, of exact versions with their hashes, once.
fn python(root: &Path) -> Result<PathBuf> {
    let wanted = root.join("analytics/requirements.txt");
    let folder = root.join("target/analytics-python");
    let stamp = folder.join("requirements.txt");
    let text = fs::read_to_string(&wanted)?;
    if fs::read_to_string(&stamp).is_ok_and(|there| there == text) {
        return Ok(folder);
    }
    let pip =
        ["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--upgrade", "--target"];
    done(Command::new("python3").args(pip).arg(&folder).arg("-r").arg(&wanted))?;
    fs::write(stamp, text)?;
    Ok(folder)
}

fn done(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {:?}", command.get_program()))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
