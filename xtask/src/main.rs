//! Checks that a machine can make: `cargo xtask tidy` holds the house's own rules.

mod analytics;
mod tidy;
mod web;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
    Analytics {
        /// Conversations, as `chatroom load` takes them.
        file: PathBuf,
        /// Write them with the times at which they were said, into the log itself.
        #[arg(long)]
        plant: bool,
        /// Keep the answers to the questions and their plots in this folder.
        #[arg(long)]
        results: Option<PathBuf>,
        /// With a release build.
        #[arg(long)]
        release: bool,
    },
    /// Checks and tests the TypeScript client and the page; needs Node, npm and Debian's chromium.
    Web,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Tidy => tidy::run(),
        Task::Analytics { file, plant, results, release } => analytics::run(&file, plant, results.as_deref(), release),
        Task::Web => web::run(),
    }
}
