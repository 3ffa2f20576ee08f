//! Which number has an event in its room? Counted from subjects alone, from the room's first event on, as every reader does.

use anyhow::{Context, Result, bail};
use event_log::{Content, JetStream, Record, Slice, Start};
use events::{Family, RoomId, StreamName, Subject};
use futures::{StreamExt, stream::BoxStream};
use std::collections::HashMap;

use super::selection::Selection;

/// The families whose events a room counts.
const COUNTED: [Family; 3] = [Family::Room, Family::Membership, Family::Message];

/// Counts the events of rooms.
pub(super) enum Rooms {
    /// Nobody asked.
    Unasked,
    /// What is read has every counted event of its rooms.
    Inline(HashMap<RoomId, u64>),
    /// It has not: they are read beside it, without their bodies.
    Beside {
        counts: HashMap<RoomId, u64>,
        at: u64,
        records: BoxStream<'static, Result<Record, event_log::FollowError>>,
    },
}

impl Rooms {
    /// Reads beside the slice where it does not begin with the log, or leaves events of its rooms out.
    pub(super) fn new(log: &JetStream, selection: &Selection, from: u64, last: Option<u64>) -> Self {
        if from <= 1 && selection.has_all_of_its_rooms() {
            return Self::Inline(HashMap::new());
        }
        let filters = selection.subjects_of(&COUNTED);
        let slice = Slice { start: Start::Beginning, last, filters, content: Content::Headers };
        Self::Beside { counts: HashMap::new(), at: 0, records: log.slice(StreamName::Chat, slice) }
    }

    /// The number of this record in its room; none of what no room counts. Every record of the slice has to be shown.
    pub(super) async fn number(&mut self, record: &Record) -> Result<Option<u64>> {
        let Some(room) = counted(record) else { return Ok(None) };
        match self {
            Self::Unasked => Ok(None),
            Self::Inline(counts) => Ok(Some(raise(counts, room))),
            Self::Beside { counts, at, records } => {
                while *at < record.seq {
                    let next = records.next().await.context("the subjects of rooms ended before their events")??;
                    *at = next.seq;
                    if let Some(room) = counted(&next) {
                        raise(counts, room);
                    }
                }
                if *at > record.seq {
                    bail!("the event at {} is not among those of its room", record.seq);
                }
                Ok(counts.get(&room).copied())
            }
        }
    }
}

fn counted(record: &Record) -> Option<RoomId> {
    record.subject.parse::<Subject>().ok()?.counted_room()
}

fn raise(counts: &mut HashMap<RoomId, u64>, room: RoomId) -> u64 {
    let count = counts.entry(room).or_default();
    *count += 1;
    *count
}
