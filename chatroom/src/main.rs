//! The one binary: a role per subcommand.

use clap::Parser;
use std::process::ExitCode;

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
