//! Which rules of the house does the tree break?

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One rule that is broken: where, and what to do.
struct Finding {
    path: PathBuf,
    line: usize,
    what: String,
}

/// A rule about lines: in these folders, these texts do not stand.
struct Rule {
    folders: &'static [&'static str],
    texts: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        folders: &["command-service/src/domain"],
        texts: &["sqlx::", "tokio::", "axum::", "async_nats::", "std::time", "Utc::now", "rand::", "platform::"],
        why: "the core decides and never waits: no I/O, no clock, no randomness",
    },
    Rule {
        folders: &["events/src"],
        texts: &["tokio", "async_nats", "sqlx", "std::fs", "std::net", "Utc::now"],
        why: "the vocabulary has no I/O",
    },
    Rule {
        folders: &[
            "events/src",
            "event-log/src",
            "platform/src",
            "command-service/src",
            "projector/src",
            "query-service/src",
            "servers/src",
            "chatroom/src",
            "testkit/src",
        ],
        texts: &["unbounded_channel(", "mpsc::unbounded(", "todo!(", "unimplemented!(", "#[allow("],
        why: "every queue has a limit, nothing is left half done, a lint is expected with a reason",
    },
];

/// What each crate may stand on. Services never stand on each other.
const ARROWS: &[(&str, &[&str])] = &[
    ("events", &[]),
    ("event-log", &["events"]),
    ("platform", &["events"]),
    ("command-service", &["events", "event-log", "platform"]),
    ("projector", &["events", "event-log", "platform"]),
    ("query-service", &["events", "event-log", "platform"]),
    ("servers", &[]),
];

const OURS: &[&str] = &[
    "events",
    "event-log",
    "platform",
    "command-service",
    "projector",
    "query-service",
    "servers",
    "chatroom",
    "testkit",
    "e2e",
    "xtask",
];

/// Folders that nobody should look for a thing in.
const NO_NOUNS: &[&str] = &["utils", "util", "helpers", "helper", "common", "types", "manager", "misc"];

pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace lies above xtask")?;
    let mut findings = Vec::new();
    for file in sources(root)? {
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let path = file.strip_prefix(root).unwrap_or(&file).to_owned();
        check_file(&path, &text, &mut findings);
    }
    check_arrows(root, &mut findings)?;
    for Finding { path, line, what } in &findings {
        eprintln!("{}:{line}: {what}", path.display());
    }
    if !findings.is_empty() {
        bail!("{} places break a rule of the house", findings.len());
    }
    println!("tidy: every rule of the house holds");
    Ok(())
}

fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = OURS.iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn check_file(path: &Path, text: &str, findings: &mut Vec<Finding>) {
    let mut find = |line, what: String| findings.push(Finding { path: path.to_owned(), line, what });
    if !text.starts_with("//! ") {
        find(1, "opens with no `//!` sentence that says which question it answers".to_owned());
    }
    if path.file_stem().is_some_and(|stem| NO_NOUNS.iter().any(|name| stem == *name)) {
        find(1, "is named after nothing: a file has a noun of the field".to_owned());
    }
    // The list of forbidden texts is itself a text.
    if path.starts_with("xtask") {
        return;
    }
    for rule in RULES.iter().filter(|rule| rule.folders.iter().any(|folder| path.starts_with(folder))) {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if let Some(found) = rule.texts.iter().find(|found| line.contains(**found)) {
                find(number + 1, format!("{found:?}: {}", rule.why));
            }
        }
    }
}

fn check_arrows(root: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    for (name, allowed) in ARROWS {
        let path = Path::new(name).join("Cargo.toml");
        let manifest = fs::read_to_string(root.join(&path)).with_context(|| format!("reading {}", path.display()))?;
        let dependencies = manifest
            .lines()
            .enumerate()
            .skip_while(|(_, line)| *line != "[dependencies]")
            .skip(1)
            .take_while(|(_, line)| !line.starts_with('['));
        for (number, line) in dependencies {
            let crate_name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if OURS.contains(&crate_name) && !allowed.contains(&crate_name) {
                let what = format!("{name} may not stand on {crate_name}: see the arrows in ARCHITECTURE.md");
                findings.push(Finding { path: path.clone(), line: number + 1, what });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check_file(Path::new(path), text, &mut findings);
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_rule_that_waits_is_found() {
        let text = "//! Who may post?\nuse tokio::time::Instant;\n";
        assert_eq!(findings("command-service/src/domain/message.rs", text).len(), 1);
        assert!(findings("command-service/src/handle.rs", text).is_empty());
    }

    #[test]
    fn a_file_without_its_sentence_or_noun_is_found() {
        assert_eq!(findings("platform/src/utils.rs", "use std::fmt;\n").len(), 2);
        assert!(findings("platform/src/pool.rs", "//! How does a role reach Postgres?\n").is_empty());
    }
}
