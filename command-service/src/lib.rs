//! Decides: sign-in and chat commands become events in the log.

mod app;
mod canary;
mod config;
pub mod domain;
mod follow;
mod handle;
mod hearing;
mod http;
mod lookup;
mod memory;
pub mod operator;
mod passwords;
mod presence;
mod relay;
mod service;
mod stamp;
mod sweeps;
mod throttle;
mod tips;
mod tokens;

pub use config::{
    BCRYPT_COST_MIN, Config, PRESENCE_GRACE_MS, PasswordArgs, PhoneKeyArgs, PresenceArgs, SWEEP_EVERY_MS, SecretArgs,
    SweepArgs,
};
pub use http::openapi;
pub use service::{Service, run};
