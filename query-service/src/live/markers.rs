//! How far have people read lately? What the read model may not know yet, of this process's last so many markers.

use events::{RoomId, UserId};
use std::collections::{HashMap, VecDeque};

/// Markers that are held.
const MARKERS_MAX: usize = 65_536;

/// The last markers. They never go back.
#[derive(Debug, Default)]
pub(super) struct Markers {
    seqs: HashMap<(UserId, RoomId), u64>,
    /// In the order in which they were first told.
    order: VecDeque<(UserId, RoomId)>,
}

impl Markers {
    /// Takes one; says whether it is news.
    pub(super) fn take(&mut self, user: UserId, room: RoomId, seq: u64) -> bool {
        if let Some(known) = self.seqs.get_mut(&(user, room)) {
            let is_news = seq > *known;
            *known = seq.max(*known);
            return is_news;
        }
        if self.order.len() == MARKERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seqs.remove(&oldest);
        }
        self.seqs.insert((user, room), seq);
        self.order.push_back((user, room));
        true
    }

    /// The greatest that was told; 0 of what is not held.
    pub(super) fn read(&self, user: UserId, room: RoomId) -> u64 {
        self.seqs.get(&(user, room)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));

    fn room(n: usize) -> RoomId {
        RoomId(Uuid::from_u128(n as u128))
    }

    #[test]
    fn a_marker_never_goes_back_and_no_more_are_held_than_fit() {
        let mut markers = Markers::default();
        assert!(markers.take(ADA, room(0), 7));
        assert!(!markers.take(ADA, room(0), 5));
        assert_eq!(markers.read(ADA, room(0)), 7);
        for n in 1..=MARKERS_MAX {
            markers.take(ADA, room(n), 1);
        }
        assert_eq!(
            (markers.read(ADA, room(0)), markers.order.len(), markers.seqs.len()),
            (0, MARKERS_MAX, MARKERS_MAX)
        );
    }
}
