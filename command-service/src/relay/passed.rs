//! Has the relay passed this fact? What account commands wait for before they answer.

use platform::{Code, Problem};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long an account command waits.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How far the relay has come, and how far its marks were heard. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    mark: Arc<watch::Sender<Mark>>,
    heard: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    source_seq: u64,
    chat_seq: u64,
}

impl Passed {
    pub(crate) fn new() -> Self {
        Self { mark: Arc::new(watch::Sender::default()), heard: Arc::new(watch::Sender::default()) }
    }

    /// The private stream has been relayed up to `source_seq`, as `CHAT` says at `chat_seq`.
    pub(crate) fn advance(&self, source_seq: u64, chat_seq: u64) {
        self.mark.send_if_modified(|mark| {
            let further = source_seq > mark.source_seq;
            if further {
                *mark = Mark { source_seq, chat_seq };
            }
            further
        });
    }

    /// The follower has applied everything up to the mark at `chat_seq`.
    pub(crate) fn followed_to(&self, chat_seq: u64) {
        self.heard.send_if_modified(|heard| {
            let further = chat_seq > *heard;
            *heard = chat_seq.max(*heard);
            further
        });
    }

    /// Waits until the fact at `source_seq` of the private stream stands in `CHAT`; gives a place there at or
    /// behind it.
    ///
    /// # Errors
    /// 503 `log-unavailable` after 2 s: the command was applied, and that is not known everywhere yet.
    pub(crate) async fn wait(&self, source_seq: u64) -> Result<u64, Problem> {
        let mut marks = self.mark.subscribe();
        let passing = marks.wait_for(|mark| mark.source_seq >= source_seq);
        match tokio::time::timeout(WAIT_MAX, passing).await {
            Ok(Ok(mark)) => Ok(mark.chat_seq),
            Ok(Err(_)) | Err(_) => {
                let detail = "Whether this is public everywhere is unknown yet. Repeat it with the same key.";
                Err(Problem::new(Code::LogUnavailable, detail).after(Duration::from_secs(1)))
            }
        }
    }

    /// Waits until the follower has come to the mark at `chat_seq`.
    pub(crate) async fn heard(&self, chat_seq: u64) {
        let mut heard = self.heard.subscribe();
        // The sender lives as long as this does.
        let _reached = heard.wait_for(|heard| *heard >= chat_seq).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_goes_on_when_the_relay_has_passed_and_not_before() {
        let passed = Passed::new();
        passed.advance(6, 60);
        assert_eq!(passed.wait(7).await.expect_err("not passed").code, Code::LogUnavailable);
        let waiting = tokio::spawn({
            let passed = passed.clone();
            async move { passed.wait(7).await }
        });
        passed.advance(8, 80);
        passed.advance(7, 70);
        assert_eq!(waiting.await.expect("it ran").expect("passed"), 80);
    }
}
