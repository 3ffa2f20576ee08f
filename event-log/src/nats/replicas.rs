//! On how many servers does a stream lie? The stream says so, and how it is written depends on it.

use super::api::Api;
use events::StreamName;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// It is asked beside a send, which would wait as long for its own answer.
const ASK_WITHIN: Duration = Duration::from_millis(500);
/// An operator may change it any time, and does so rarely.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// After no answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How many units go out as one batch at least. On one server a batch costs four fsyncs, shared by all.
const BATCH_FROM_ON_ONE_SERVER: usize = 8;
/// On several, two singles that look at the same subject are not taken at once: only alone is a single safe there.
const BATCH_FROM_ON_SEVERAL: usize = 2;

/// What a stream lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LiesOn {
    OneServer,
    /// As long as it is not known, this is taken for true: on one server it is right as well, and only slower.
    Several,
}

impl LiesOn {
    pub(super) fn batch_from(self) -> usize {
        match self {
            Self::OneServer => BATCH_FROM_ON_ONE_SERVER,
            Self::Several => BATCH_FROM_ON_SEVERAL,
        }
    }
}

/// What a writer knows of its stream.
pub(super) struct Replicas {
    pub(super) stream_lies_on: LiesOn,
    ask_at: Instant,
}

impl Replicas {
    pub(super) fn unknown() -> Self {
        Self { stream_lies_on: LiesOn::Several, ask_at: Instant::now() }
    }

    /// Asks the stream, if it is time.
    pub(super) async fn learn(&mut self, api: &Api, stream: StreamName) {
        if Instant::now() < self.ask_at {
            return;
        }
        let again_after = match timeout(ASK_WITHIN, api.replicas(stream)).await {
            Ok(Ok(replicas)) => {
                self.stream_lies_on = if replicas == 1 { LiesOn::OneServer } else { LiesOn::Several };
                ASK_EVERY
            }
            Ok(Err(_)) | Err(_) => ASK_AGAIN_AFTER,
        };
        self.ask_at = Instant::now() + again_after;
    }
}
