//! What does a stored body say in today's words? The newest version of its type.

use crate::{DecodeError, Event, EventType, Subject};
use std::borrow::Cow;

/// A fact in the version that is written today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcast<'b> {
    pub event_type: EventType,
    /// As stored where the version is today's: so a field that a newer release has added is not lost.
    pub body: Cow<'b, [u8]>,
    pub event: Event,
}

/// Reads a stored body, and says it again in the newest version of its type.
///
/// # Errors
/// As of [`Event::decode`].
pub fn upcast<'b>(subject: &Subject, event_type: &str, body: &'b [u8]) -> Result<Upcast<'b>, DecodeError> {
    let event = Event::decode(subject, event_type, body)?;
    let newest = event.event_type();
    let is_newest = newest.to_string() == event_type;
    let body = if is_newest { Cow::Borrowed(body) } else { Cow::Owned(event.body()) };
    Ok(Upcast { event_type: newest, body, event })
}
