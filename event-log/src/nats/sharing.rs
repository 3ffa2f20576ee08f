//! Which of the waiting units may go out in one batch, and which at once?

use super::{append::Waiting, unit::Message, unit::Unit};
use events::Subject;
use std::collections::{HashSet, VecDeque};

/// The server allows 1,000.
pub(super) const BATCH_MESSAGES_MAX: usize = 200;
/// A batch's bytes, so that writing it does not hold up the connection.
const BATCH_BYTES_MAX: usize = 2 << 20;

/// Takes from the front what one batch may hold; what may not share with an earlier one waits for the next send,
/// and so does everything behind it on the same subjects.
pub(super) fn take_what_may_share(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut sharing = Sharing::default();
    let (mut together, mut later) = (Vec::new(), VecDeque::new());
    for next in waiting.drain(..) {
        if sharing.admits(&next.unit) { together.push(next) } else { later.push_back(next) }
    }
    *waiting = later;
    together
}

/// Takes from the front what may be under way at once on several servers, each by itself. What is conditioned on a
/// subject waits until what is conditioned on the same is answered: they do not even look at it (10164).
pub(super) fn take_what_may_fly(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut looked_at = HashSet::new();
    let (mut together, mut later) = (Vec::new(), VecDeque::new());
    for next in waiting.drain(..) {
        let conditions = || next.unit.messages.iter().filter_map(|message| message.condition);
        let free = conditions().all(|condition| !looked_at.contains(&condition.subject));
        // Also those of what stays: who comes later on one of them stays behind it.
        looked_at.extend(conditions().map(|condition| condition.subject));
        if free { together.push(next) } else { later.push_back(next) }
    }
    *waiting = later;
    together
}

/// What one batch holds so far.
#[derive(Default)]
struct Sharing {
    messages: usize,
    bytes: usize,
    /// Subjects that a message of the batch writes: no later condition may look at them.
    written: HashSet<Subject>,
    /// Subjects of what was left behind: who comes later on one of them stays behind it.
    left: HashSet<Subject>,
    ids: HashSet<String>,
}

impl Sharing {
    fn admits(&mut self, unit: &Unit) -> bool {
        let bytes: usize = unit.messages.iter().map(Message::size).sum();
        let first = self.messages == 0;
        let fits = self.messages + unit.messages.len() <= BATCH_MESSAGES_MAX && self.bytes + bytes <= BATCH_BYTES_MAX;
        let subjects = || unit.messages.iter().map(|message| message.subject);
        let free = unit.messages.iter().all(|Message { subject, condition, .. }| {
            let condition_is_free = condition
                .is_none_or(|after| !self.written.contains(&after.subject) && !self.left.contains(&after.subject));
            // A rollup has to be the first on its subject.
            let subject_is_free =
                !(self.left.contains(subject) || subject.rolls_up() && self.written.contains(subject));
            condition_is_free && subject_is_free
        });
        let new = unit.messages.iter().all(|message| !self.ids.contains(message.id()));
        // Whatever its size, the first goes out: alone if need be.
        if !(first || fits && free && new) {
            self.left.extend(subjects());
            return false;
        }
        self.messages += unit.messages.len();
        self.bytes += bytes;
        self.written.extend(subjects());
        self.ids.extend(unit.messages.iter().map(|message| message.id().to_owned()));
        true
    }
}
