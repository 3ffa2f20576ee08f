//! A record of the log as it was read, and the fact in it.

use async_nats::HeaderMap;
use bytes::Bytes;
use events::{DecodeError, Envelope, Event, EventId, StreamName, Subject, envelope};

/// A record as it was read: nothing is decoded yet, since what cannot be decoded counts too.
#[derive(Debug, Clone)]
pub struct Record {
    pub stream: StreamName,
    pub seq: u64,
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A record that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub seq: u64,
    pub subject: Subject,
    pub envelope: Envelope,
    pub event: Event,
}

impl Record {
    /// One header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    /// The event's id, which the checkpoint keeps; `None` when the record is not one of ours.
    pub fn id(&self) -> Option<EventId> {
        self.header(envelope::ID_HEADER)?.parse().ok()
    }

    /// Decodes subject, envelope and body.
    pub fn fact(&self) -> Result<Fact, DecodeError> {
        let subject =
            self.subject.parse::<Subject>().map_err(|unknown| DecodeError::UnknownType(unknown.to_string()))?;
        let envelope = Envelope::from_headers(|name| self.header(name))?;
        let event_type = self.header(envelope::TYPE_HEADER).unwrap_or_default();
        let event = Event::decode(&subject, event_type, &self.body)?;
        Ok(Fact { seq: self.seq, subject, envelope, event })
    }
}
