//! The one binary: a role per subcommand.

use clap::Parser;
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Under load glibc's took a quarter of the command service's time: ADR 8.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match chatroom::cli::Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("chatroom: {why:#}");
            chatroom::cli::exit_code(&why)
        }
    }
}
