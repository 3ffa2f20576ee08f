//! Do the files that analysts get say what the read model says? Asked by others' programs: DuckDB, Polars and a fold in Python.

use crate::binary;
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
/// The login that everything is read with.
const ANALYST: &str = "analyst.env";

/// What is compared, and how it gets into the log.
#[derive(clap::Args)]
pub(crate) struct Asked {
    /// Conversations, as `chatroom load` takes them.
    file: PathBuf,
    /// Write them with the times at which they were said, into the log itself.
    #[arg(long)]
    plant: bool,
    /// And between them what nobody in the file does: edits, deletions, judgements, erasures.
    #[arg(long, conflicts_with = "results")]
    stir: bool,
    /// Keep the answers to the questions and their plots in this folder; with --plant.
    #[arg(long, requires = "plant", value_name = "DIR")]
    results: Option<PathBuf>,
    /// With a release build.
    #[arg(long)]
    release: bool,
}

/// Puts conversations into a system of its own, replays it in both forms and compares; again after a rebuild and its rollback.
pub(crate) fn run(asked: &Asked) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace lies above xtask")?;
    let python = python(root)?;
    let built = binary::built(root, asked.release)?;
    let dir = std::env::temp_dir().join(format!("chatroom-analytics-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    // Its own copy: somebody else may build meanwhile.
    let binary = dir.join("chatroom");
    fs::copy(built, &binary)?;
    let system = System::start(&binary, &dir)?;
    let compared = Comparison { root, binary: &binary, dir: &dir, python: &python, system: &system }.run(asked);
    drop(system);
    fs::remove_dir_all(&dir)?;
    compared
}

struct Comparison<'a> {
    root: &'a Path,
    binary: &'a Path,
    dir: &'a Path,
    python: &'a Path,
    system: &'a System,
}

impl Comparison<'_> {
    fn run(&self, asked: &Asked) -> Result<()> {
        if asked.plant || asked.stir {
            let plant = self
                .script("plant.py", &self.system.operator)
                .arg(&asked.file)
                .args(asked.stir.then_some("--stir"))
                .status()?;
            ensure!(plant.success(), "plant.py: {plant}");
        } else {
            done(self.chatroom(&["load"], &self.system.operator).arg(&asked.file))?;
        }
        let until = Instant::now() + LEVEL_WITHIN;
        while !self
            .chatroom(&["lag", "--max-events", "0"], &self.system.operator)
            .stdout(Stdio::null())
            .status()?
            .success()
        {
            ensure!(Instant::now() < until, "the read model does not come to the log's end");
            sleep(LOOK_EVERY);
        }
        let (lines, tables) = (self.dir.join("lines"), self.dir.join("tables"));
        self.replay(&lines, &[])?;
        self.replay(&tables, &["-o", "parquet"])?;
        let mut ask = self.ask(&tables)?;
        if let Some(results) = &asked.results {
            ask.arg("--results").arg(results);
        }
        done(&mut ask)?;
        self.fold(&lines)?;
        // The views go with the tables when those change places, and come back with them.
        for change in [&["rebuild", "--keep", "1h"][..], &["rebuild", "--rollback", "--keep", "1h"]] {
            done(self.chatroom(change, &self.system.operator).stdout(Stdio::null()))?;
            self.fold(&lines)?;
            done(&mut self.ask(&tables)?)?;
        }
        Ok(())
    }

    /// Twice: the same bytes. And as the manifest says.
    fn replay(&self, folder: &Path, form: &[&str]) -> Result<()> {
        let again = folder.with_extension("again");
        for out in [folder, &again] {
            done(self.chatroom(&["replay", "--out"], &self.system.analyst).arg(out).args(form))?;
            done(self.chatroom(&["replay", "--verify"], &self.system.analyst).arg(out.join("manifest.json")))?;
        }
        done(Command::new("diff").args(["-rq"]).arg(folder).arg(&again))?;
        fs::remove_dir_all(again)?;
        Ok(())
    }

    fn fold(&self, lines: &Path) -> Result<()> {
        done(self.script("fold.py", &self.system.analyst).arg(lines).arg(self.url()?))
    }

    fn ask(&self, tables: &Path) -> Result<Command> {
        let mut ask = self.script("ask.py", &self.system.analyst);
        ask.arg(tables).arg(self.url()?);
        Ok(ask)
    }

    fn url(&self) -> Result<&str> {
        self.system.analyst.get("DATABASE_URL").map(String::as_str).context("the database's address")
    }

    fn script(&self, name: &str, login: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.root.join("analytics").join(name)).env("PYTHONPATH", self.python).envs(login);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn chatroom(&self, words: &[&str], login: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(self.binary);
        command.args(words).envs(login);
        command
    }
}

/// A `chatroom dev` of its own.
struct System {
    process: Child,
    operator: BTreeMap<String, String>,
    analyst: BTreeMap<String, String>,
}

impl System {
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let home = dir.join("dev");
        let log = fs::File::create(dir.join("dev.log"))?;
        let mut command = Command::new(binary);
        command.args(["dev", "--port", "0", "--no-rate-limits", "--dir"]).arg(&home);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().context("starting dev")?;
        let mut system = Self { process, operator: BTreeMap::new(), analyst: BTreeMap::new() };
        let until = Instant::now() + READY_WITHIN;
        // The last that is written.
        while !home.join(ANALYST).exists() {
            ensure!(
                system.process.try_wait()?.is_none() && Instant::now() < until,
                "dev does not start: {}",
                dir.display()
            );
            sleep(LOOK_EVERY);
        }
        system.operator = environment(&home.join("env"))?;
        system.analyst = environment(&home.join(ANALYST))?;
        Ok(system)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let ended = asked.and_then(|_| self.process.wait());
        if let Err(why) = ended {
            eprintln!("ending dev: {why}");
        }
    }
}

fn environment(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(file)?;
    let pairs = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect())
}

/// What the scripts stand on, of exact versions with their hashes, once.
fn python(root: &Path) -> Result<PathBuf> {
    let wanted = root.join("analytics/requirements.txt");
    let folder = binary::target(root).join("analytics-python");
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
