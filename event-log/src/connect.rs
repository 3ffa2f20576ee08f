//! How does a role reach nats-server? One client a process, which reconnects for ever.

use async_nats::{Client, ConnectOptions, Event};
use std::time::Duration;

/// Who connects.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// Longest pause between two attempts to reconnect.
const RECONNECT_EVERY_MAX: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(5);

/// Connects, and from then on reconnects for ever, with jitter. `urls` are those of one cluster, separated by commas: any
/// of them will do, and the others are tried when it is gone.
///
/// # Errors
/// When no server can be reached now, or refuses the login.
pub async fn connect(
    urls: &str,
    login: Option<Login>,
    inbox_prefix: String,
    name: &str,
) -> Result<Client, async_nats::ConnectError> {
    let mut options = ConnectOptions::new()
        .name(name)
        .custom_inbox_prefix(inbox_prefix)
        .max_reconnects(None)
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|attempt| {
            let bound = Duration::from_millis(50 << attempt.min(6)).min(RECONNECT_EVERY_MAX);
            bound.mul_f64(rand::random_range(0.5..=1.0))
        })
        .event_callback(async |event| match event {
            Event::Connected | Event::LameDuckMode => tracing::info!(%event, "nats"),
            event => tracing::warn!(%event, "nats"),
        });
    if let Some(Login { user, password }) = login {
        options = options.user_and_password(user, password);
    }
    options.connect(urls.split(',').collect::<Vec<_>>()).await
}
