//! What stands last on each subject of a stream, and what comes after? Told from the whole again where something may have been missed.

use super::{
    api::Api,
    consumer::{Consumer, Delivery, Step},
};
use futures::{Stream, stream};
use serde_json::json;
use std::time::Duration;

/// After a failed attempt to make a consumer, while the server is away.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What is told of the last message on each subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latest<T> {
    /// The stream is not heard any more. What was told before may be out of date; what follows is the whole again.
    Away,
    /// The last message on its subject, as of now.
    Told(T),
    /// Everything that is there has been told. From here on comes what changes.
    Whole,
}

impl<T> Latest<T> {
    pub(super) fn map<U>(self, told: impl FnOnce(T) -> U) -> Latest<U> {
        match self {
            Self::Away => Latest::Away,
            Self::Told(message) => Latest::Told(told(message)),
            Self::Whole => Latest::Whole,
        }
    }
}

struct Watcher {
    api: Api,
    stream: String,
    filter: String,
    consumer: Option<Consumer>,
    /// Whether the end of the whole was told.
    is_whole: bool,
}

pub(super) fn latest(api: Api, stream: String, filter: String) -> impl Stream<Item = Latest<Delivery>> {
    let watcher = Watcher { api, stream, filter, consumer: None, is_whole: false };
    stream::unfold(watcher, async |mut watcher| Some((watcher.next().await, watcher)))
}

impl Watcher {
    async fn next(&mut self) -> Latest<Delivery> {
        loop {
            let Some(consumer) = &mut self.consumer else {
                self.begin().await;
                continue;
            };
            if !self.is_whole && consumer.is_caught_up() {
                self.is_whole = true;
                return Latest::Whole;
            }
            match consumer.step(&self.api).await {
                Step::Message(message) => return Latest::Told(message),
                Step::Nothing => {}
                Step::Broken(why) => {
                    tracing::debug!(stream = self.stream, why, "telling the whole again");
                    self.consumer = None;
                    self.is_whole = false;
                    return Latest::Away;
                }
            }
        }
    }

    async fn begin(&mut self) {
        let from = json!({ "deliver_policy": "last_per_subject" });
        match Consumer::make(&self.api, &self.stream, from, std::slice::from_ref(&self.filter)).await {
            Ok(consumer) => self.consumer = Some(consumer),
            Err(why) => {
                tracing::debug!(stream = self.stream, %why, "the stream is away");
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }
}
