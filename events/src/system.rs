//! What the log says of itself: epochs, the relay's mark, dropped events.

use crate::{Epoch, Evolve, Time, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// The first message of each stream, and again after each restore.
    EpochEvent {
        Started(EpochStarted) = "epoch.started" 1,
    }
}

family! {
    /// How far the public identity facts have come.
    RelayEvent {
        Advanced(RelayAdvanced) = "relay.advanced" 1,
    }
}

family! {
    /// An operator's word that an event which cannot be applied is to be passed over.
    DropEvent {
        Dropped(EventDropped) = "event.dropped" 1,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EpochStarted {
    pub epoch: Epoch,
    pub at: Time,
}

/// Everything up to `source_seq` of `IDENTITY` that is public stands in `CHAT` now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelayAdvanced {
    pub source_seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventDropped {
    /// The sequence in `CHAT`.
    pub seq: u64,
    pub reason: String,
}

/// The relay's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relay {
    pub source_seq: u64,
}

impl Evolve for Relay {
    type Event = RelayEvent;

    fn evolve(state: &mut Option<Self>, event: &RelayEvent) {
        let relay = state.get_or_insert_default();
        match event {
            RelayEvent::Advanced(advanced) => relay.source_seq = relay.source_seq.max(advanced.source_seq),
        }
    }
}
