//! Does the log take what this instance writes? Its last append tells, or after ten seconds without one the canary.

use event_log::Canary;
use platform::Shutdown;
use platform::health::{Health, State};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is asked; an append of late is answer enough and costs nothing.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What `/readyz` calls it.
const CHECK: &str = "log-appends";

/// Starts to ask. Reading would not tell: a stream that a full disk has frozen is read as before.
pub(crate) fn start(canary: Canary, health: Health, shutdown: &Shutdown) {
    health.set(CHECK, State::failing("log-unavailable", "nothing has been appended yet"));
    let ending = shutdown.clone();
    shutdown.spawn("canary", async move {
        tokio::select! {
            () = ending.drained() => Ok(()),
            () = ask(canary, health) => Ok(()),
        }
    });
}

async fn ask(canary: Canary, health: Health) {
    let mut times = interval(ASK_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let state = match canary.check().await {
            Ok(()) => State::Ok,
            Err(error) => State::failing("log-unavailable", error.to_string()),
        };
        health.set(CHECK, state);
    }
}
