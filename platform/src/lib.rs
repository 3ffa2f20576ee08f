//! What every role stands on: settings, telemetry, shutdown, health, problems, limits, the accept loop, callers, pools.
//!
//! The crate knows no domain: of the vocabulary it uses the ids of users and sessions only, because
//! an access token carries both.

pub mod address;
pub mod auth;
pub mod config;
pub mod extract;
pub mod health;
pub mod idempotency;
pub mod limits;
pub mod pool;
pub mod problem;
pub mod serve;
pub mod shell;
pub mod shutdown;
pub mod telemetry;

pub use auth::{Authenticator, Caller};
pub use problem::{Code, FieldError, Problem};
pub use shutdown::Shutdown;
