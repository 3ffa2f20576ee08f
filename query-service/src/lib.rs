//! Answers: pages over HTTP, live frames over WebSockets.

pub mod app;
pub mod cache;
pub mod cursor;
pub mod feed;
mod history;
mod http;
pub mod live;
pub mod page;
pub mod presence;
pub mod read;
pub mod resource;
pub mod rights;
mod search;
mod service;
pub mod wait;

pub use http::{openapi, router};
pub use live::asyncapi;
pub use service::{Config, Service, run, run_beside};
