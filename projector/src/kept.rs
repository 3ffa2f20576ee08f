//! What of an event can Postgres not keep? Said of the event alone, lest it hang on the batch whether Postgres sees it.

use chrono::Datelike;
use event_log::{Fact, Record};
use events::{Event, Membership, MessageEvent, Time};

/// A reaction's emoji is part of a key, and a row of an index has 2,704 bytes.
const EMOJI_BYTES_MAX: usize = 2_048;
/// The words that a message is found by, with their stems, have to fit into 1 MiB.
const TEXT_BYTES_MAX: usize = 256 * 1_024;
/// Postgres begins in 4713 BC.
const YEAR_MIN: i32 = -4_700;

/// What it is, where there is something.
pub(crate) fn refuses(record: &Record, fact: &Fact) -> Option<&'static str> {
    if names_nul(&record.body) || fact.envelope.key.as_deref().is_some_and(|key| key.contains('\0')) {
        Some("U+0000 in a text")
    } else if is_long(&fact.event) {
        Some("a text or an emoji of such a length")
    } else if is_early(fact.envelope.time) || times(&fact.event).into_iter().flatten().any(is_early) {
        Some("a moment before 4713 BC")
    } else {
        None
    }
}

fn is_long(event: &Event) -> bool {
    match event {
        Event::Message(MessageEvent::Posted(posted)) => posted.text.len() > TEXT_BYTES_MAX,
        Event::Message(MessageEvent::Edited(edited)) => edited.text.len() > TEXT_BYTES_MAX,
        Event::Message(MessageEvent::ReactionAdded(reaction)) => reaction.emoji.len() > EMOJI_BYTES_MAX,
        Event::Message(MessageEvent::ReactionRemoved(reaction)) => reaction.emoji.len() > EMOJI_BYTES_MAX,
        Event::Message(MessageEvent::Deleted(_) | MessageEvent::Moderated(_) | MessageEvent::AllRemoved(_)) => false,
        Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_) => false,
        Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Room(_) => false,
        Event::Membership(_) | Event::Report(_) | Event::Presence(_) | Event::Marker(_) => false,
    }
}

fn is_early(time: Time) -> bool {
    time.year() < YEAR_MIN
}

/// The moments in the rows of streams that park. Elsewhere what Postgres refuses halts, however it is cut.
fn times(event: &Event) -> [Option<Time>; 3] {
    let of_member = |member: &Membership| {
        let until =
            |restriction: &Option<events::membership::Restriction>| restriction.as_ref().and_then(|it| it.until);
        [member.joined_at, until(&member.muted), until(&member.banned)]
    };
    match event {
        Event::User(change) => [Some(change.after.created_at), None, None],
        Event::Lounge(change) => [Some(change.after.created_at), None, None],
        Event::Room(change) => [Some(change.after.created_at), None, None],
        Event::Membership(change) => of_member(&change.after),
        Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_) => [None; 3],
        Event::Credential(_) | Event::Session(_) | Event::Message(_) | Event::Report(_) => [None; 3],
        Event::Presence(_) | Event::Marker(_) => [None; 3],
    }
}

/// Whether a text in this JSON holds U+0000.
fn names_nul(body: &[u8]) -> bool {
    // JSON allows it as an escape only, which an escaped backslash before `u0000` is not.
    let Ok(body) = std::str::from_utf8(body) else { return false };
    let escaped = |at: usize| body[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
    body.match_indices("u0000").any(|(at, _)| escaped(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_found_and_its_spelling_is_not() {
        assert!(names_nul(br#"{"text":"a\u0000b"}"#));
        assert!(names_nul(br#"{"text":"a\\\u0000b"}"#));
        assert!(!names_nul(br#"{"text":"a\\u0000b"}"#));
        assert!(!names_nul(br#"{"text":"u0000"}"#));
    }
}
