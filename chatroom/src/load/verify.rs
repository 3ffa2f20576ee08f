//! Is what arrived what was said? Once each, whole, and in order.

use std::collections::HashMap;
use std::ops::AddAssign;
use uuid::Uuid;

/// A message as far as it is compared: which one, and a digest of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: Uuid,
    pub(super) text: u64,
}

/// What was found, of one room or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Said, and arrived whole.
    pub(super) arrived: u64,
    /// Said, and not arrived, or not with this text.
    pub(super) lost: u64,
    /// Arrived again, or under an id that nobody was told of.
    pub(super) duplicated: u64,
    /// Arrived after something that was said later.
    pub(super) out_of_order: u64,
}

impl Verdict {
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.out_of_order == 0
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.arrived += other.arrived;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
    }
}

/// Compares a room's messages in the order in which they were said with those that arrived, in the order
/// of their arrival.
pub(super) fn compare(said: &[Said], arrived: &[Said]) -> Verdict {
    // The common case costs no table.
    if said == arrived {
        return Verdict { arrived: said.len() as u64, ..Verdict::default() };
    }
    let places: HashMap<Uuid, usize> = said.iter().enumerate().map(|(place, said)| (said.id, place)).collect();
    let mut verdict = Verdict::default();
    let mut seen = vec![false; said.len()];
    let mut furthest = None;
    for message in arrived {
        match places.get(&message.id) {
            Some(place) if !seen[*place] => {
                seen[*place] = true;
                verdict.arrived += u64::from(said[*place].text == message.text);
                verdict.out_of_order += u64::from(furthest > Some(*place));
                furthest = furthest.max(Some(*place));
            }
            _ => verdict.duplicated += 1,
        }
    }
    verdict.lost = said.len() as u64 - verdict.arrived;
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages by number; the text follows from the number.
    fn messages(numbers: &[u8]) -> Vec<Said> {
        numbers.iter().map(|n| Said { id: Uuid::from_u128(u128::from(*n)), text: u64::from(*n) }).collect()
    }

    fn verdict(said: &[u8], arrived: &[u8]) -> (u64, u64, u64, u64) {
        let Verdict { arrived, lost, duplicated, out_of_order } = compare(&messages(said), &messages(arrived));
        (arrived, lost, duplicated, out_of_order)
    }

    #[test]
    fn all_in_order_is_clean() {
        assert_eq!(verdict(&[1, 2, 3], &[1, 2, 3]), (3, 0, 0, 0));
        assert!(compare(&[], &[]).is_clean());
    }

    #[test]
    fn what_did_not_arrive_is_lost() {
        assert_eq!(verdict(&[1, 2, 3], &[1, 3]), (2, 1, 0, 0));
        assert_eq!(verdict(&[1, 2, 3], &[]), (0, 3, 0, 0));
    }

    #[test]
    fn what_arrived_altered_is_lost() {
        let mut altered = messages(&[1, 2, 3]);
        altered[1].text = 99;
        let verdict = compare(&messages(&[1, 2, 3]), &altered);
        assert_eq!((verdict.arrived, verdict.lost, verdict.duplicated), (2, 1, 0));
    }

    #[test]
    fn what_arrived_twice_is_duplicated() {
        assert_eq!(verdict(&[1, 2, 3], &[1, 2, 2, 3]), (3, 0, 1, 0));
        assert_eq!(verdict(&[1, 2, 3], &[1, 2, 3, 1]), (3, 0, 1, 0));
    }

    #[test]
    fn a_second_message_of_one_line_is_duplicated() {
        assert_eq!(verdict(&[1, 2], &[1, 7, 2]), (2, 0, 1, 0));
    }

    #[test]
    fn what_arrived_too_late_is_out_of_order() {
        assert_eq!(verdict(&[1, 2, 3], &[2, 1, 3]), (3, 0, 0, 1));
        assert_eq!(verdict(&[1, 2, 3], &[3, 1, 2]), (3, 0, 0, 2));
    }
}
