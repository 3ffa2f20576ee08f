//! Which messages are on a page of a room's history? Where it is, in which direction, and what lies beyond both ends.

use events::{MessageId, RoomId, Time, message::MessageStatus};
use platform::{Code, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    cursor::{List, Place},
    page,
    read::messages::{Anchor, Found, Stored, Window},
};

/// Which page: at most one of `before`, `after`, `around` and `at`; with none, the latest.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// Messages before this one: a message id or a page's `prev`.
    pub(crate) before: Option<String>,
    /// Messages after this one: a message id or a page's `next`.
    pub(crate) after: Option<String>,
    /// Messages around this one, itself included: a message id or a cursor.
    pub(crate) around: Option<String>,
    /// Messages from this time on (RFC 3339).
    pub(crate) at: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    pub(crate) limit: Option<u32>,
    /// Only those of this status: `visible`, `hidden`, `removed` or `deleted`. For moderators.
    pub(crate) status: Option<String>,
}

/// A page that was asked for, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    anchor: Anchor,
    direction: Direction,
    limit: u32,
    pub(crate) status: Option<MessageStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Before,
    After,
    Around,
    /// From the anchor on.
    From,
}

/// Where a page's neighbours are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Neighbours {
    /// For `before=`. Also given where nothing is before (yet).
    pub(crate) prev: Option<String>,
    /// For `after=`. Also given at the end: what is said later comes after it.
    pub(crate) next: Option<String>,
    pub(crate) has_more_before: bool,
    pub(crate) has_more_after: bool,
}

impl Wish {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 `invalid-request`: two that exclude each other, a limit outside 1–50, what is neither a message id
    /// nor a cursor of this room and filter, no time, no status.
    pub(crate) fn read(&self, room: RoomId) -> Result<Asked, Problem> {
        let wrong = |detail: &'static str| Problem::new(Code::InvalidRequest, detail);
        let limit = page::limit(self.limit)?;
        let status = self.status.as_deref().map(status).transpose()?;
        let list = List::Messages(room, status);
        let (anchor, direction) = match (&self.before, &self.after, &self.around, &self.at) {
            (None, None, None, None) => (Anchor::End, Direction::Before),
            (Some(text), None, None, None) => (anchor(text, list)?, Direction::Before),
            (None, Some(text), None, None) => (anchor(text, list)?, Direction::After),
            (None, None, Some(text), None) => (anchor(text, list)?, Direction::Around),
            (None, None, None, Some(text)) => (Anchor::Time(time(text)?), Direction::From),
            _ => return Err(wrong("Of `before`, `after`, `around` and `at`, one at most.")),
        };
        Ok(Asked { anchor, direction, limit, status })
    }
}

impl Asked {
    /// The page that all ask for first: the newest messages, as many as fit, of any status.
    pub(crate) const LATEST: Self =
        Self { anchor: Anchor::End, direction: Direction::Before, limit: page::LIMIT_MAX, status: None };

    /// What to read for it: the page and one message beyond each of its ends.
    #[must_use]
    pub(crate) fn window(&self) -> Window {
        let (after, below_max, above_max) = match self.direction {
            Direction::Before => (false, self.limit + 1, 1),
            Direction::After => (true, 1, self.limit + 1),
            Direction::From => (false, 1, self.limit + 1),
            Direction::Around => (false, self.before_anchor() + 1, self.limit - self.before_anchor() + 1),
        };
        Window { anchor: self.anchor, after, below_max, above_max }
    }

    /// How many of a page around a message stand before it.
    fn before_anchor(&self) -> u32 {
        self.limit / 2
    }

    /// Cuts what was read to the page.
    ///
    /// # Errors
    /// 404 when the message that it was asked by is not in this room.
    pub(crate) fn cut(&self, room: RoomId, found: &mut Found) -> Result<Neighbours, Problem> {
        // What is behind the head is not there yet: a cursor of an empty page points to where it will come.
        let bound = found.bound.ok_or_else(Problem::not_found)?.min(found.head + 1);
        let seq = |stored: &Stored| stored.message.seq;
        let below = found.messages.iter().filter(|stored| seq(stored) < bound).count();
        let above = found.messages.len() - below;
        let (below_max, above_max) = match self.direction {
            Direction::Before => (self.limit as usize, 0),
            Direction::After | Direction::From => (0, self.limit as usize),
            Direction::Around => (self.before_anchor() as usize, (self.limit - self.before_anchor()) as usize),
        };
        let (cut_before, cut_after) = (below.saturating_sub(below_max), above.saturating_sub(above_max));
        found.messages.truncate(found.messages.len() - cut_after);
        found.messages.drain(..cut_before);
        let list = List::Messages(room, self.status);
        let first = found.messages.first().map_or(bound, seq);
        let last = found.messages.last().map_or(bound.saturating_sub(1), seq);
        Ok(Neighbours {
            prev: Some(first.cursor(list)),
            next: Some(last.cursor(list)),
            has_more_before: cut_before > 0,
            has_more_after: cut_after > 0,
        })
    }
}

/// The window that holds one message and nothing else.
#[must_use]
pub(crate) fn only(message: MessageId) -> Window {
    Window { anchor: Anchor::Message(message), after: false, below_max: 0, above_max: 1 }
}

fn anchor(text: &str, list: List) -> Result<Anchor, Problem> {
    // An id has 36 characters, a cursor 19: neither is ever the other.
    match text.parse::<MessageId>() {
        Ok(id) => Ok(Anchor::Message(id)),
        Err(_) => u64::of(list, text).map(Anchor::Seq),
    }
}

fn time(text: &str) -> Result<Time, Problem> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    // Postgres's range ends before chrono's.
    parsed
        .filter(|at| (0..10_000).contains(&chrono::Datelike::year(at)))
        .ok_or_else(|| Problem::new(Code::InvalidRequest, "`at` is a time in RFC 3339: `2026-11-24T15:00:00Z`."))
}

fn status(text: &str) -> Result<MessageStatus, Problem> {
    let all = [MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed, MessageStatus::Deleted];
    let known = all.into_iter().find(|status| status.as_str() == text);
    known.ok_or_else(|| Problem::new(Code::InvalidRequest, "`status` is visible, hidden, removed or deleted."))
}

#[cfg(test)]
mod tests;
