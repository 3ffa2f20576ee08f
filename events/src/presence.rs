//! Who is there, and the state that each change leaves. Leases decide it; the log keeps the transitions.

use crate::{Evolve, Kept, Time, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts of one person's presence.
    PresenceEvent {
        Changed(PresenceChanged) = "presence.changed" 1,
    }
}

/// How much of a person is there. The order is of what others are shown where several leases differ: the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    Offline,
    Away,
    Online,
    /// There, and not to be disturbed: said by the person, so it outranks what a second device merely shows.
    Dnd,
}

impl PresenceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Online => "online",
            Self::Dnd => "dnd",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PresenceChanged {
    pub user: UserId,
    pub state: PresenceState,
    pub at: Time,
}

/// A person's presence as the last fact leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    pub state: PresenceState,
    /// Since when it is so.
    pub since: Time,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for Presence {
    type Event = PresenceEvent;

    fn evolve(state: &mut Option<Self>, event: &PresenceEvent) {
        let PresenceEvent::Changed(changed) = event;
        match state {
            None => *state = Some(Self { state: changed.state, since: changed.at, kept: Kept::default() }),
            Some(presence) if presence.state == changed.state => {}
            Some(presence) => (presence.state, presence.since) = (changed.state, changed.at),
        }
    }
}
