//! Decides: sign-in and chat commands become events in the log.

mod app;
mod config;
pub mod domain;
mod follow;
mod handle;
mod hearing;
mod http;
mod lookup;
mod memory;
mod passwords;
mod relay;
mod service;
mod stamp;
mod throttle;
mod tips;
mod tokens;

pub use config::{BCRYPT_COST_MIN, Config, PasswordArgs, SecretArgs};
pub use http::openapi;
pub use service::{Service, run};
