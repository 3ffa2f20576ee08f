//! Which of the waiting units may go out in one batch?

use super::{append::Waiting, unit::Message, unit::Unit};
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

/// What one batch holds so far.
#[derive(Default)]
struct Sharing {
    messages: usize,
    bytes: usize,
    /// Subjects that a message of the batch writes: no later condition may look at them.
    written: HashSet<String>,
    /// Subjects of what was left behind: who comes later on one of them stays behind it.
    left: HashSet<String>,
    ids: HashSet<String>,
}

impl Sharing {
    fn admits(&mut self, unit: &Unit) -> bool {
        let bytes: usize = unit.messages.iter().map(Message::size).sum();
        let first = self.messages == 0;
        let fits = self.messages + unit.messages.len() <= BATCH_MESSAGES_MAX && self.bytes + bytes <= BATCH_BYTES_MAX;
        let subjects = || unit.messages.iter().map(|message| message.subjects().1.to_string());
        let free = unit.messages.iter().all(|message| {
            let (condition, subject) = message.subjects();
            let condition_is_free =
                condition.is_none_or(|condition| !self.written.contains(condition) && !self.left.contains(condition));
            // A rollup has to be the first on its subject.
            let written = || self.written.contains(&subject.to_string());
            let subject_is_free = !(self.left.contains(&subject.to_string()) || subject.rolls_up() && written());
            condition_is_free && subject_is_free && !self.ids.contains(message.id())
        });
        // Whatever its size, the first goes out: alone if need be.
        if !(first || fits && free) {
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
