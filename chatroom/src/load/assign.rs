//! Who listens to which room? Few sockets that hold every room, each room once.

use std::collections::HashMap;

/// Sockets of authors, taken first: real members of few rooms.
const AUTHOR_SOCKETS: usize = 24;
/// Sockets of the owner, who is in every room: below the ten that a user may have.
const OWNER_SOCKETS: usize = 8;

/// A socket to be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ear {
    /// An author, or the owner.
    pub(super) author: Option<u32>,
    pub(super) rooms: Vec<u32>,
}

/// Every room on one ear, at most `rooms_max` on each. The authors with the most rooms come first, then
/// the owner, then, where rooms are left, as many authors as it takes.
pub(super) fn ears<'a>(casts: impl Iterator<Item = &'a [u32]>, rooms_max: usize) -> Vec<Ear> {
    let mut rooms_of = HashMap::<u32, Vec<u32>>::new();
    let mut open: Vec<bool> = Vec::new();
    for (room, authors) in (0_u32..).zip(casts) {
        open.push(true);
        for author in authors {
            rooms_of.entry(*author).or_default().push(room);
        }
    }
    let mut ears = Vec::new();
    while ears.len() < AUTHOR_SOCKETS
        && let Some(ear) = busiest(&rooms_of, &mut open, rooms_max)
    {
        ears.push(ear);
    }
    let left: Vec<u32> = (0..).zip(&open).filter(|(_, open)| **open).map(|(room, _)| room).collect();
    for rooms in left.chunks(rooms_max).take(OWNER_SOCKETS) {
        rooms.iter().for_each(|room| open[*room as usize] = false);
        ears.push(Ear { author: None, rooms: rooms.to_vec() });
    }
    while let Some(ear) = busiest(&rooms_of, &mut open, rooms_max) {
        ears.push(ear);
    }
    ears
}

/// The author with the most rooms that nobody listens to yet takes them.
fn busiest(rooms_of: &HashMap<u32, Vec<u32>>, open: &mut [bool], rooms_max: usize) -> Option<Ear> {
    let count = |rooms: &[u32]| rooms.iter().filter(|room| open[**room as usize]).count().min(rooms_max);
    let (author, rooms) = rooms_of.iter().max_by_key(|(author, rooms)| (count(rooms), **author))?;
    let rooms: Vec<u32> = rooms.iter().copied().filter(|room| open[*room as usize]).take(rooms_max).collect();
    rooms.iter().for_each(|room| open[*room as usize] = false);
    (!rooms.is_empty()).then_some(Ear { author: Some(*author), rooms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_is_heard_once_by_a_member() {
        // 500 rooms: one author is in 90 of them, everybody else in one.
        let casts: Vec<Vec<u32>> =
            (0..500).map(|room| if room < 90 { vec![0, room + 1] } else { vec![room + 1] }).collect();
        for rooms_max in [1, 7, 50, 1_000] {
            let ears = ears(casts.iter().map(Vec::as_slice), rooms_max);
            let mut heard: Vec<u32> = ears.iter().flat_map(|ear| ear.rooms.clone()).collect();
            heard.sort_unstable();
            assert_eq!(heard, (0..500).collect::<Vec<_>>(), "{rooms_max}");
            for ear in &ears {
                assert!(ear.rooms.len() <= rooms_max);
                let is_member = |room: &u32| ear.author.is_none_or(|author| casts[*room as usize].contains(&author));
                assert!(ear.rooms.iter().all(is_member), "{ear:?}");
            }
            assert!(ears.iter().filter(|ear| ear.author.is_none()).count() <= OWNER_SOCKETS);
        }
    }
}
