//! The log on JetStream: one client, a writer per stream, requests to the server's own API.

mod answer;
mod api;
mod append;
mod canary;
mod consumer;
mod follow;
mod latest;
mod leases;
mod repeat;
mod replicas;
mod send;
mod sharing;
mod stored;
mod typing;
mod unit;

use crate::{AppendError, Appended, Content, EventLog, Extent, FollowError, Freshness, LogError, Record, Slice, Start};
pub(crate) use api::{Api, READ_WITHIN};
use append::Writer;
pub use canary::Canary;
use consumer::Delivery;
use events::{NewEvent, StreamName, Subject};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
pub use latest::Latest;
pub use leases::{Holder, Lease, LeaseKey, Leases};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use stored::LastStored;
pub use typing::{Typing, TypingSignals};
pub(crate) use unit::{APPEND_WITHIN, CONNECTED_WITHIN, Message, Unit};

/// The log on JetStream. Clones share client and writers.
#[derive(Clone)]
pub struct JetStream {
    api: Api,
    stored: LastStored,
    writers: Arc<BTreeMap<StreamName, Writer>>,
}

impl JetStream {
    /// On this client. Its writers end when the last clone is dropped; what was handed in is sent before.
    pub fn new(client: async_nats::Client) -> Self {
        let api = Api::new(client);
        let stored = LastStored::default();
        let writers = StreamName::ALL.map(|stream| (stream, Writer::start(stream, api.clone(), stored.clone())));
        Self { api, stored, writers: Arc::new(BTreeMap::from(writers)) }
    }

    /// What stands last on each of these subjects of a stream, and what comes after, for ever. For small subjects: each
    /// record carries the state that it leaves.
    pub fn latest(&self, stream: StreamName, filter: String) -> BoxStream<'static, Latest<Record>> {
        let told = latest::latest(self.api.clone(), stream.to_string(), filter);
        told.map(move |told| {
            told.map(|Delivery { seq, subject, headers, body, stored_at: _ }| Record {
                stream,
                seq,
                subject,
                headers,
                body,
            })
        })
        .boxed()
    }

    /// A part of a stream, in order; without a last sequence it follows for ever, as [`EventLog::follow`] does. A slice that
    /// has one ends by itself; it must not be behind the stream's end.
    pub fn slice(&self, stream: StreamName, slice: Slice) -> BoxStream<'static, Result<Record, FollowError>> {
        follow::follow(self.api.clone(), stream, slice).boxed()
    }

    /// The bucket of leases beside the log. What is renewed through this lives for `ttl`, in whole seconds, and no longer
    /// than the bucket keeps anything.
    pub fn leases(&self, ttl: Duration) -> Leases {
        Leases::new(self.api.clone(), ttl)
    }

    /// Who is typing, beside the log.
    pub fn typing(&self) -> TypingSignals {
        TypingSignals { api: self.api.clone() }
    }

    /// Whether the log takes appends, for readiness.
    pub fn canary(&self) -> Canary {
        Canary { api: self.api.clone(), stored: self.stored.clone(), writers: Arc::clone(&self.writers) }
    }
}

impl EventLog for JetStream {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        async move {
            let stream = unit.first().map_or(StreamName::Chat, |event| event.subject.stream());
            self.writers[&stream].append(unit).await
        }
        .boxed()
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.api.last(subject, freshness).boxed()
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.api.read(stream, seq).boxed()
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        self.api.extent(stream).boxed()
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        self.slice(stream, Slice { start, last: None, filters, content: Content::Whole })
    }
}
