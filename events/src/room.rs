//! What happens to a room, and the state it leaves.

use crate::{Evolve, Kept, LoungeId, RoomId, Time, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

family! {
    /// Facts of one room's settings and owners.
    RoomEvent {
        Created(RoomCreated) = "room.created" 1,
        Changed(RoomChanged) = "room.changed" 1,
        Archived(RoomArchived) = "room.archived" 1,
        Reopened(RoomReopened) = "room.reopened" 1,
        OwnerChanged(OwnerChanged) = "room.owner" 1,
    }
}

/// Who sees a room's card and may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody sees the card and may join.
    Public,
    /// Members see it; moderators add people.
    Private,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomCreated {
    pub room: RoomId,
    pub lounge: LoungeId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// BCP 47.
    pub language: String,
    pub visibility: Visibility,
    /// Whether guests may join.
    pub guests: bool,
    pub owner: UserId,
    pub at: Time,
}

/// What is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomChanged {
    pub room: RoomId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomArchived {
    pub room: RoomId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomReopened {
    pub room: RoomId,
}

/// Always in one batch with the membership fact it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerChanged {
    pub room: RoomId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<UserId>,
}

/// A room as its last fact leaves it. The owners stand here, so that one tip guards the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    pub lounge: LoungeId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub language: String,
    pub visibility: Visibility,
    pub guests: bool,
    pub active: bool,
    pub owners: BTreeSet<UserId>,
    pub created_at: Time,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Room {
    fn created(event: &RoomCreated) -> Self {
        Self {
            lounge: event.lounge,
            name: event.name.clone(),
            topic: event.topic.clone(),
            language: event.language.clone(),
            visibility: event.visibility,
            guests: event.guests,
            active: true,
            owners: BTreeSet::from([event.owner]),
            created_at: event.at,
            kept: Kept::default(),
        }
    }

    fn change(&mut self, event: &RoomChanged) {
        fn set<T: Clone>(field: &mut T, to: &Option<T>) {
            if let Some(value) = to {
                field.clone_from(value);
            }
        }
        set(&mut self.name, &event.name);
        set(&mut self.language, &event.language);
        set(&mut self.visibility, &event.visibility);
        set(&mut self.guests, &event.guests);
        if event.topic.is_some() {
            self.topic.clone_from(&event.topic);
        }
    }
}

impl Evolve for Room {
    type Event = RoomEvent;

    fn evolve(state: &mut Option<Self>, event: &RoomEvent) {
        let Some(room) = state else {
            if let RoomEvent::Created(created) = event {
                *state = Some(Self::created(created));
            }
            return;
        };
        match event {
            RoomEvent::Created(_) => {}
            RoomEvent::Changed(changed) => room.change(changed),
            RoomEvent::Archived(_) => room.active = false,
            RoomEvent::Reopened(_) => room.active = true,
            RoomEvent::OwnerChanged(owner) => {
                room.owners.extend(owner.added);
                room.owners.retain(|user| Some(*user) != owner.removed);
            }
        }
    }
}
