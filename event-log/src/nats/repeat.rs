//! Is a unit in the log already, and where? Appended before, by a caller who was told `Unknown` or never heard.

use super::{
    answer::Sent,
    api::Api,
    send::{answer_by, moment, publish},
    unit::{Message, Unit},
};
use crate::{AppendError, Freshness, Record};
use events::Envelope;
use tokio::time::{Instant, timeout_at};

/// Who stands where a message that conflicts wanted to stand?
pub(super) enum Place {
    /// It is stored already, at this sequence.
    Itself(u64),
    /// So it is not stored, and never will be.
    Another,
    /// It cannot be read there. Sent as a batch of one it is asked for by its id, before its condition.
    Unclear,
}

/// Looks up what followed the tip that a message was conditioned on: one read, where a batch costs four fsyncs. It holds
/// for ever, where the server forgets an id within minutes. Every conflict is looked into, whether or not its caller
/// knows that he may be repeating: he may be another process than the one that was told `Unknown`.
pub(super) async fn who_took_its_place(api: &Api, message: &Message) -> Place {
    // What is said in a room stands on another subject than its condition, and is not found by reading.
    let Some(condition) = message.condition.filter(|condition| condition.subject == message.subject) else {
        return Place::Unclear;
    };
    match api.next(condition.subject, condition.seq + 1).await {
        Ok(Some(next)) if is(message, &next) => Place::Itself(next.seq),
        // A subject that forgets may have forgotten what stood between.
        Ok(Some(next)) if stood_under(&next) == Some(condition) => Place::Another,
        Ok(_) | Err(_) => Place::Unclear,
    }
}

fn stood_under(record: &Record) -> Option<events::Condition> {
    Envelope::from_headers(|name| record.header(name)).ok()?.after
}

fn is(message: &Message, record: &Record) -> bool {
    record.id().is_some_and(|id| id.to_string() == message.id())
}

/// At which sequence is a unit that is in the log already? A tip shows it, or the server names it. Not found until the
/// deadline, it is unknown: the same again finds it.
pub(super) async fn find(api: &Api, unit: &Unit) -> AppendError {
    let deadline = unit.deadline();
    let found = async {
        loop {
            if let Some(seq) = seek(api, unit, deadline).await {
                return seq;
            }
            moment().await;
        }
    };
    match timeout_at(deadline, found).await {
        Ok(seq) => AppendError::AlreadyStored { seq },
        Err(_) => unit.unknown(),
    }
}

/// A single with the same id is answered with the original's sequence, whatever its body, as long as its condition
/// holds: the tip's, read from the leader just before.
async fn seek(api: &Api, unit: &Unit, deadline: Instant) -> Option<u64> {
    let first = unit.messages.first()?;
    let tip = api.last(first.subject, Freshness::Leader).await.ok()?;
    if let Some(tip) = &tip
        && let Some(index) = unit.messages.iter().position(|message| is(message, tip))
    {
        return tip.seq.checked_sub(index as u64);
    }
    let again = match first.condition.map(|condition| condition.subject) {
        None => first.clone(),
        Some(subject) => {
            let tip = if subject == first.subject { tip } else { api.last(subject, Freshness::Leader).await.ok()? };
            first.clone().under(tip.map_or(0, |record| record.seq))
        }
    };
    match publish(api, &again, answer_by(deadline)).await {
        Sent::Duplicate(seq) => Some(seq),
        Sent::Stored(seq) => {
            tracing::error!(seq, id = first.id(), "stored again: the window closed between two sends");
            Some(seq)
        }
        // The tip moved in between, or the server is away for a moment.
        Sent::Conflict | Sent::Busy(_) | Sent::Unknown | Sent::NotStored(_) => None,
        Sent::HoldsDuplicate | Sent::Full | Sent::Refused(_) => None,
    }
}
