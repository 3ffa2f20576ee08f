//! Does every walk over a history show each message once, in both directions?

use super::*;
use crate::{
    resource::{Author, Message},
    rights::Standing,
    wait::AsOf,
};
use events::{Epoch, Position, UserId, UserKind};
use uuid::Uuid;

const ROOM: RoomId = RoomId(Uuid::from_u128(1));

fn id(seq: u64) -> MessageId {
    MessageId(Uuid::from_u128(u128::from(seq) + 1_000))
}

fn stored(seq: u64) -> Stored {
    let author = Author { id: UserId(Uuid::from_u128(2)), display_name: "Ada".into(), kind: UserKind::Guest };
    let message = Message {
        id: id(seq),
        room_id: ROOM,
        seq,
        author,
        text: Some(seq.to_string()),
        reply_to: None,
        mentions: Vec::new(),
        created_at: Time::UNIX_EPOCH + chrono::TimeDelta::seconds(seq as i64),
        edited_at: None,
        status: MessageStatus::Visible,
        reactions: Vec::new(),
    };
    Stored { message, own_reactions: Vec::new() }
}

/// The statement's rule, over messages in memory.
fn read(room: &[u64], head: u64, window: Window) -> Found {
    let step = u64::from(window.after);
    let bound = match window.anchor {
        Anchor::Seq(seq) => Some(seq + step),
        Anchor::Message(message) => room.iter().find(|seq| id(**seq) == message).map(|seq| seq + step),
        Anchor::Time(at) => {
            let first = room.iter().find(|seq| stored(**seq).message.created_at >= at);
            Some(first.map_or(i64::MAX as u64, |seq| seq + step))
        }
        Anchor::End => Some(i64::MAX as u64),
    };
    let split = room.partition_point(|seq| bound.is_some_and(|bound| *seq < bound));
    let from = split.saturating_sub(window.below_max as usize);
    let to = room.len().min(split + window.above_max as usize);
    Found {
        as_of: AsOf { position: Position { epoch: Epoch(1), seq: 9 }, generation: 1 },
        changed: 9,
        reactors: None,
        visibility: None,
        caller: Standing::default(),
        head,
        bound,
        messages: room[from..to].iter().copied().map(stored).collect(),
    }
}

fn page(room: &[u64], wish: &Wish) -> (Vec<u64>, Neighbours) {
    let asked = wish.read(ROOM).expect("a good wish");
    let mut found = read(room, room.last().map_or(3, |last| last + 2), asked.window());
    let neighbours = asked.cut(ROOM, &mut found).expect("the anchor is there");
    (found.messages.iter().map(|stored| stored.message.seq).collect(), neighbours)
}

fn wish(limit: u32) -> Wish {
    Wish { limit: Some(limit), ..Wish::default() }
}

/// A room where every third event is no message.
fn room() -> Vec<u64> {
    (2..=180).filter(|seq| seq % 3 != 0).collect()
}

#[test]
fn pages_walk_back_and_forth_with_no_gap_and_no_repeat() {
    let room = room();
    for limit in [1, 7, 49, 50] {
        let (mut all, mut neighbours) = page(&room, &wish(limit));
        while neighbours.has_more_before {
            let (items, before) = page(&room, &Wish { before: neighbours.prev, ..wish(limit) });
            assert!(items.len() == limit as usize || !before.has_more_before);
            assert!(before.has_more_after);
            all.splice(0..0, items);
            neighbours = before;
        }
        assert_eq!(all, room, "backwards by {limit}");
        let mut all = vec![room[0]];
        let mut next = Some(id(room[0]).0.to_string());
        loop {
            let (items, after) = page(&room, &Wish { after: next, ..wish(limit) });
            assert!(after.has_more_before);
            all.extend(items);
            next = after.next;
            if !after.has_more_after {
                break;
            }
        }
        assert_eq!(all, room, "forwards by {limit}");
    }
}

#[test]
fn the_end_stays_the_place_where_the_next_message_comes() {
    let mut room = room();
    let (_, end) = page(&room, &wish(10));
    assert!(!end.has_more_after);
    let (nothing, still) = page(&room, &Wish { after: end.next, ..wish(10) });
    assert!(nothing.is_empty() && still.has_more_before);
    room.push(200);
    let (news, _) = page(&room, &Wish { after: still.next, ..wish(10) });
    assert_eq!(news, [200]);
    let (none, empty) = page(&[], &wish(10));
    assert!(none.is_empty() && !empty.has_more_before && !empty.has_more_after);
    let (first, _) = page(&[5], &Wish { after: empty.next, ..wish(10) });
    assert_eq!(first, [5]);
}

#[test]
fn a_page_around_a_message_holds_it_and_both_sides() {
    let room = room();
    let (items, neighbours) = page(&room, &Wish { around: Some(id(92).to_string()), ..wish(5) });
    assert_eq!(items, [89, 91, 92, 94, 95]);
    assert!(neighbours.has_more_before && neighbours.has_more_after);
    let (items, neighbours) = page(&room, &Wish { around: Some(id(2).to_string()), ..wish(5) });
    assert_eq!(items, [2, 4, 5]);
    assert!(!neighbours.has_more_before && neighbours.has_more_after);
    let (one, _) = page(&room, &Wish { around: Some(id(92).to_string()), ..wish(1) });
    assert_eq!(one, [92]);
}

#[test]
fn a_page_at_a_time_begins_with_its_first_message() {
    let room = room();
    let (items, neighbours) = page(&room, &Wish { at: Some("1970-01-01T00:01:30Z".into()), ..wish(3) });
    assert_eq!(items, [91, 92, 94]);
    assert!(neighbours.has_more_before && neighbours.has_more_after);
    let (items, neighbours) = page(&room, &Wish { at: Some("2970-01-01T00:00:00Z".into()), ..wish(3) });
    assert!(items.is_empty() && neighbours.has_more_before && !neighbours.has_more_after);
}

#[test]
fn a_message_of_another_room_is_not_found() {
    let asked = Wish { before: Some(id(999).to_string()), ..wish(5) }.read(ROOM).expect("a good wish");
    let mut found = read(&room(), 200, asked.window());
    assert_eq!(asked.cut(ROOM, &mut found).expect_err("no such message").code, Code::NotFound);
}

#[test]
fn wishes_that_cannot_be_read_are_invalid_requests() {
    let id = Some(id(5).to_string());
    let seven: u64 = 7;
    let foreign = seven.cursor(List::Messages(RoomId(Uuid::from_u128(9)), None));
    let bad = [
        Wish { before: id.clone(), after: id.clone(), ..wish(5) },
        Wish { around: id.clone(), at: Some("2026-01-01T00:00:00Z".into()), ..wish(5) },
        Wish { before: Some(foreign), ..wish(5) },
        Wish { before: Some(String::new()), ..wish(5) },
        Wish { after: Some("*".into()), ..wish(5) },
        Wish { at: Some("yesterday".into()), ..wish(5) },
        Wish { at: Some("+262000-01-01T00:00:00Z".into()), ..wish(5) },
        Wish { status: Some("gone".into()), ..wish(5) },
        wish(0),
        wish(51),
    ];
    for wish in bad {
        assert_eq!(wish.read(ROOM).expect_err("invalid").code, Code::InvalidRequest, "{wish:?}");
    }
}
