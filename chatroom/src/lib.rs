//! The one binary's parts: a role per subcommand, the system that a newcomer starts, and the tools around it.

pub mod audit;
pub mod bench;
pub mod chaos;
pub mod cli;
pub mod client;
pub mod dev;
pub mod docs;
pub mod doctor;
pub mod lag;
pub mod listen;
pub mod load;
pub mod migrate;
pub mod nats_context;
pub mod origin;
pub mod page;
pub mod parked;
mod progress;
pub mod rebuild;
pub mod replay;
pub mod settings;
pub mod stack;
pub mod user;
