//! Whoever dies takes both servers along, even killed with -9.

use anyhow::{Context as _, Result};
use servers::{Options, Servers};
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const DIR: &str = "SERVERS_TEST_HOLD";

#[test]
fn killing_the_parent_leaves_no_orphan_and_the_next_start_finds_the_data() -> Result<()> {
    // The parent is this very test, run again by itself.
    if let Some(dir) = env::var_os(DIR) {
        return hold(Path::new(&dir));
    }
    let dir = env::temp_dir().join(format!("servers-orphans-{}", std::process::id()));
    let mut urls = Vec::new();
    for _ in 0..2 {
        let mut parent = Command::new(env::current_exe()?)
            .args(["killing_the_parent_leaves_no_orphan_and_the_next_start_finds_the_data"])
            .args(["--exact", "--nocapture"])
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(parent.stdout.take().context("it is piped")?);
        let line = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("holding ").map(|(_, held)| held.to_owned()))
            .context("the parent has started both")?;
        let mut words = line.split(' ');
        urls.push(words.next().context("a URL")?.to_owned());
        let pids: Vec<_> = words.map(str::to_owned).collect();
        assert_eq!(pids.len(), 2);
        assert!(pids.iter().all(|pid| runs(pid)));
        parent.kill()?;
        parent.wait()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        // They are no children of ours, so there is nothing to await.
        while pids.iter().any(|pid| runs(pid)) {
            assert!(Instant::now() < deadline, "an orphan of {pids:?} is left");
            std::thread::yield_now();
        }
    }
    assert_eq!(urls[0], urls[1], "the same ports");
    if let Ok(outside) = fs::read_link(dir.join("postgres")) {
        fs::remove_dir_all(outside)?;
    }
    fs::remove_dir_all(dir)?;
    Ok(())
}

fn hold(dir: &Path) -> Result<()> {
    // Threads of a runtime come and go; the servers must not go with the one that started them.
    let start = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        anyhow::Ok(runtime.block_on(Servers::start(dir, Options::default()))?)
    };
    let servers = std::thread::scope(|scope| scope.spawn(start).join()).expect("no panic")?;
    let (nats, postgres) = (servers.nats.pid(), servers.postgres.pid());
    println!("holding {} {nats} {postgres}", servers.nats.url());
    loop {
        std::thread::park();
    }
}

fn runs(pid: &str) -> bool {
    // A zombie that its new parent has not collected yet does not run.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
