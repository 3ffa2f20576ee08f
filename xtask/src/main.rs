//! Checks that a machine can make: `cargo xtask tidy` holds the house's own rules.

mod tidy;

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
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Tidy => tidy::run(),
    }
}
