//! How far a person has read a room, and the state it leaves.

use crate::{Evolve, Kept, RoomId, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts of one person's reading of one room.
    MarkerEvent {
        Read(RoomRead) = "room.read" 1,
    }
}

/// Everything up to this `room_seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomRead {
    pub user: UserId,
    pub room: RoomId,
    pub seq: u64,
}

/// The greatest `room_seq` that was read: it never goes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    pub seq: u64,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for Marker {
    type Event = MarkerEvent;

    fn evolve(state: &mut Option<Self>, event: &MarkerEvent) {
        let MarkerEvent::Read(read) = event;
        let marker = state.get_or_insert_default();
        marker.seq = marker.seq.max(read.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    // Red with `marker.seq = read.seq`.
    #[test]
    fn a_marker_never_goes_back() {
        let mut state = None;
        for seq in [3, 9, 4] {
            let read = RoomRead { user: UserId(Uuid::from_u128(1)), room: RoomId(Uuid::from_u128(2)), seq };
            Marker::evolve(&mut state, &read.into());
        }
        assert_eq!(state.map(|marker| marker.seq), Some(9));
    }
}
