//! Checks that a machine can make: `cargo xtask tidy` holds the house's own rules.

mod analytics;
mod binary;
mod tidy;
mod web;

use clap::{Parser, Subcommand};

/// The project's own checks.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks the rules of the house: arrows between crates, first lines, no unbounded channels.
    Tidy,
    /// Compares what analysts get with the read model: a fold in Python, DuckDB and Polars (fetched with pip).
    Analytics(analytics::Asked),
    /// Checks and tests the TypeScript client and the page; needs Node, npm and Debian's chromium.
    Web,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Tidy => tidy::run(),
        Task::Analytics(asked) => analytics::run(&asked),
        Task::Web => web::run(),
    }
}
