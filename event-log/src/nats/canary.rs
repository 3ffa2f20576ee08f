//! Does the log take appends? A ping would not tell: a stream that a full disk has frozen answers reads.

use super::{
    answer::{self, Sent},
    api::Api,
    append::Writer,
    stored::LastStored,
};
use crate::{LogError, streams::CANARY_SUBJECT};
use events::StreamName;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A real append within this is proof enough.
const PROOF_FOR: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Asks the log to store something when nothing real was stored of late.
#[derive(Clone)]
pub struct Canary {
    pub(super) api: Api,
    pub(super) stored: LastStored,
    pub(super) writers: Arc<BTreeMap<StreamName, Writer>>,
}

impl Canary {
    /// Ok when something was stored by this process within the last 10 s, or is now.
    ///
    /// # Errors
    /// When a writer of this process has ended, or the log stores nothing within 2 s.
    pub async fn check(&self) -> Result<(), LogError> {
        let doing = "appending to the canary";
        let unavailable = |why: String| Err(LogError::Unavailable { doing, why });
        if let Some((stream, _)) = self.writers.iter().find(|(_, writer)| writer.has_ended()) {
            return unavailable(format!("the writer of {stream} has ended"));
        }
        if self.stored.within(PROOF_FOR) {
            return Ok(());
        }
        let until = Instant::now() + ANSWER_WITHIN;
        if !self.api.connected(until).await {
            return unavailable("not connected".into());
        }
        let request = async_nats::Request::new().timeout(None);
        match timeout_at(until, self.api.client.send_request(CANARY_SUBJECT, request)).await {
            Err(_) => unavailable(format!("nothing was stored within {ANSWER_WITHIN:?}")),
            Ok(Err(why)) => unavailable(why.to_string()),
            Ok(Ok(reply)) => match answer::read(&reply.payload) {
                Sent::Stored(_) | Sent::Duplicate(_) => {
                    self.stored.now();
                    Ok(())
                }
                other => unavailable(format!("{other:?}")),
            },
        }
    }
}
