//! Which statements did the services run, and how does Postgres plan them? From its log, with their values.

use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};
use testkit::System;
use tokio_postgres::{Client, NoTls};

/// From the sixth time on the plan may be one for any values.
const PLANNED_TIMES: usize = 7;

/// A statement that was run, and the values of its first time, as literals.
pub(crate) struct Statement {
    pub(crate) text: String,
    values: Vec<String>,
}

/// Listens to what is asked.
pub(crate) struct Asked {
    log: PathBuf,
    from: usize,
    operator: Client,
}

pub(crate) async fn connected(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it may connect");
    tokio::spawn(connection);
    client
}

impl Asked {
    pub(crate) async fn listen(system: &System) -> Self {
        let postgres = &system.servers.postgres;
        let superuser = connected(&postgres.superuser_url()).await;
        superuser.batch_execute("alter system set log_statement = 'all'").await.expect("the superuser may");
        superuser.batch_execute("select pg_reload_conf()").await.expect("the superuser may");
        let operator = connected(&postgres.url(servers::Role::Operator)).await;
        let log = postgres.log().to_owned();
        let from = std::fs::read(&log).expect("it has a log").len();
        Self { log, from, operator }
    }

    /// What was asked of the read models so far, each text once.
    pub(crate) async fn statements(&self) -> Vec<Statement> {
        let log = std::fs::read(&self.log).expect("it has a log");
        let log = String::from_utf8_lossy(&log[self.from..]).into_owned();
        // An entry begins with the time; its other lines with a tab.
        let mut entries: Vec<String> = Vec::new();
        for line in log.lines() {
            match (line.strip_prefix('\t'), entries.last_mut()) {
                (Some(more), Some(entry)) => *entry += &format!("\n{more}"),
                _ => entries.push(line.to_owned()),
            }
        }
        let mut found = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let Some((_, executed)) = entry.split_once("LOG:  execute ") else { continue };
            let Some((_, text)) = executed.split_once(": ") else { continue };
            if !text.contains("rm.") && !text.contains("rm_live.") {
                continue;
            }
            let detail = entries.get(at + 1).and_then(|next| next.split_once("DETAIL:  parameters: "));
            let values = detail.map_or_else(Vec::new, |(_, values)| literals(values));
            found.entry(text.to_owned()).or_insert(values);
        }
        found.into_iter().map(|(text, values)| Statement { text, values }).collect()
    }

    /// What this statement reads through, in any of the plans that it gets.
    pub(crate) async fn read_through(&self, statement: &Statement) -> Option<String> {
        let prepare = format!("prepare asked as {}", statement.text);
        self.operator.batch_execute(&prepare).await.unwrap_or_else(|why| panic!("{statement}: {why}"));
        let values = match statement.values.as_slice() {
            [] => String::new(),
            values => format!("({})", values.join(", ")),
        };
        let mut fault = None;
        for _ in 0..PLANNED_TIMES {
            let explain = format!("explain (format json) execute asked {values}");
            let rows = self.operator.simple_query(&explain).await;
            let rows = rows.unwrap_or_else(|why| panic!("{statement} {values}: {why}"));
            let text = rows.iter().find_map(|row| match row {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            let plan: Value = serde_json::from_str(text.expect("a plan")).expect("JSON");
            let mut tables = Vec::new();
            through(&plan[0]["Plan"], &mut tables);
            if !tables.is_empty() {
                fault.get_or_insert(format!("{tables:?} in {statement} {values}"));
            }
        }
        self.operator.batch_execute("deallocate asked").await.expect("it was prepared");
        fault
    }
}

/// The tables that a plan reads from one end to the other. Checkpoints and generations have a row or a few.
fn through(plan: &Value, tables: &mut Vec<String>) {
    let is_whole = match plan["Node Type"].as_str() {
        Some("Seq Scan") => true,
        Some("Index Scan" | "Index Only Scan" | "Bitmap Index Scan") => plan["Index Cond"].is_null(),
        _ => false,
    };
    let table = plan["Relation Name"].as_str().or(plan["Index Name"].as_str()).unwrap_or_default();
    if is_whole && !["checkpoint", "generations"].iter().any(|few| table.starts_with(few)) {
        tables.push(table.to_owned());
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        through(part, tables);
    }
}

/// `$1 = 'a', $2 = NULL` as it was logged: the values alone.
fn literals(logged: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = logged;
    while let Some((_, value)) = rest.split_once(" = ") {
        let end = match value.strip_prefix('\'') {
            None => value.find(',').unwrap_or(value.len()),
            Some(quoted) => {
                // A quote within is doubled.
                let mut at = 0;
                while let Some(quote) = quoted[at..].find('\'') {
                    at += quote + 1;
                    if !quoted[at..].starts_with('\'') {
                        break;
                    }
                    at += 1;
                }
                at + 1
            }
        };
        values.push(value[..end].to_owned());
        rest = &value[end..];
    }
    values
}

#[test]
fn logged_values_are_literals_again() {
    assert_eq!(literals("$1 = 'it''s, $2 = 1', $2 = NULL, $3 = '{a,b}'"), ["'it''s, $2 = 1'", "NULL", "'{a,b}'"]);
}
