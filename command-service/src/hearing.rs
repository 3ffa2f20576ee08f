//! Does this instance still hear the log? One that has not for a second decides nothing: it may not know who was shut out.

use crate::relay::Passed;
use event_log::{EventLog, Freshness, LogError};
use events::Subject;
use platform::health::{Health, State};
use platform::{Code, Problem, Shutdown};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// After so long without hearing the log, commands are refused.
const DEAF_AFTER: Duration = Duration::from_secs(1);
/// How often it is tried.
const LISTEN_EVERY: Duration = Duration::from_millis(300);
/// How long one try may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(700);
/// What `/readyz` calls it.
const CHECK: &str = "log";

/// When the log was last heard. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Hearing(watch::Receiver<Option<Instant>>);

impl Hearing {
    /// Whether commands may be decided.
    ///
    /// # Errors
    /// 503 `log-unavailable`; nothing was done.
    pub(crate) fn required(&self) -> Result<(), Problem> {
        let heard = *self.0.borrow();
        if heard.is_some_and(|heard| heard.elapsed() < DEAF_AFTER) {
            return Ok(());
        }
        let detail = "The log cannot be read at the moment. Nothing was done.";
        Err(Problem::new(Code::LogUnavailable, detail).after(DEAF_AFTER))
    }

    /// Waits until the log is heard for the first time: everything that was revoked before is known then.
    pub(crate) async fn begun(&mut self) -> anyhow::Result<()> {
        self.0.wait_for(Option::is_some).await?;
        Ok(())
    }
}

/// Starts to listen. Every revocation is followed by the relay's mark in the same batch, so whoever has followed up
/// to the mark's tip has heard them all.
pub(crate) fn start(log: Arc<dyn EventLog>, passed: Passed, health: Health, shutdown: &Shutdown) -> Hearing {
    let (told, hearing) = watch::channel(None);
    health.set(CHECK, State::failing("log-unavailable", "the log has not been heard yet"));
    let ending = shutdown.clone();
    shutdown.spawn("hearing", async move {
        let mut tries = interval(LISTEN_EVERY);
        tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = ending.drained() => return Ok(()), _ = tries.tick() => {} }
            // What is heard was so at the latest when the question began.
            let asked = Instant::now();
            let why = match timeout(ANSWER_WITHIN, listen(&*log, &passed)).await {
                Ok(Ok(())) => {
                    told.send_replace(Some(asked));
                    health.set(CHECK, State::Ok);
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer, or nothing heard, within {ANSWER_WITHIN:?}"),
            };
            if told.borrow().is_none_or(|heard| heard.elapsed() >= DEAF_AFTER) {
                health.set(CHECK, State::failing("log-unavailable", why));
            }
        }
    });
    Hearing(hearing)
}

async fn listen(log: &dyn EventLog, passed: &Passed) -> Result<(), LogError> {
    let mark = log.last(Subject::Relay, Freshness::Leader).await?.map_or(0, |record| record.seq);
    passed.heard(mark).await;
    Ok(())
}
