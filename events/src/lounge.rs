//! What happens to a lounge, and the state it leaves.

use crate::{Evolve, Kept, LoungeId, Time, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts of one lounge.
    LoungeEvent {
        Created(LoungeCreated) = "lounge.created" 1,
        Changed(LoungeChanged) = "lounge.changed" 1,
        Archived(LoungeArchived) = "lounge.archived" 1,
        Reopened(LoungeReopened) = "lounge.reopened" 1,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoungeCreated {
    pub lounge: LoungeId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub owner: UserId,
    pub at: Time,
}

/// What is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoungeChanged {
    pub lounge: LoungeId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoungeArchived {
    pub lounge: LoungeId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoungeReopened {
    pub lounge: LoungeId,
}

/// A lounge as its last fact leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lounge {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub owner: UserId,
    pub active: bool,
    pub created_at: Time,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for Lounge {
    type Event = LoungeEvent;

    fn evolve(state: &mut Option<Self>, event: &LoungeEvent) {
        match (state, event) {
            (state @ None, LoungeEvent::Created(created)) => {
                *state = Some(Self {
                    name: created.name.clone(),
                    description: created.description.clone(),
                    owner: created.owner,
                    active: true,
                    created_at: created.at,
                    kept: Kept::default(),
                });
            }
            (Some(lounge), LoungeEvent::Changed(changed)) => {
                lounge.name = changed.name.clone().unwrap_or_else(|| lounge.name.clone());
                lounge.description = changed.description.clone().or_else(|| lounge.description.clone());
            }
            (Some(lounge), LoungeEvent::Archived(_)) => lounge.active = false,
            (Some(lounge), LoungeEvent::Reopened(_)) => lounge.active = true,
            (Some(_), LoungeEvent::Created(_)) => {}
            (None, LoungeEvent::Changed(_) | LoungeEvent::Archived(_) | LoungeEvent::Reopened(_)) => {}
        }
    }
}
