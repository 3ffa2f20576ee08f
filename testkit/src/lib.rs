//! The test vocabulary: a system, users who act in it, sockets that hear. On real servers, through HTTP and WebSocket.

mod ears;
mod system;
mod user;

pub use ears::Ears;
pub use system::System;
pub use user::{Room, User};
