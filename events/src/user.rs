//! What everybody may know of a person: the public facts, and the state they leave.

use crate::{Evolve, Kept, SessionId, Time, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Public facts of one person, relayed from the private stream without its secrets.
    UserEvent {
        Appeared(UserAppeared) = "user.appeared" 1,
        ProfileChanged(UserProfileChanged) = "user.changed" 1,
        Upgraded(UserUpgraded) = "user.upgraded" 1,
        Suspended(UserSuspended) = "user.suspended" 1,
        Reinstated(UserReinstated) = "user.reinstated" 1,
        Erased(UserErased) = "user.erased" 1,
        Expired(GuestExpired) = "user.expired" 1,
        CredentialChanged(CredentialChanged) = "user.credential" 1,
        SessionClosed(SessionClosed) = "user.session_closed" 1,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    Registered,
    Guest,
}

impl UserKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Guest => "guest",
        }
    }
}

/// Whether an account may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Active,
    Suspended,
    /// A guest's time is over.
    Expired,
    /// Final.
    Erased,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Erased => "erased",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserAppeared {
    pub user: UserId,
    pub display_name: String,
    pub kind: UserKind,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserProfileChanged {
    pub user: UserId,
    pub display_name: String,
}

/// A guest became a registered user: same id, same memberships, same messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserUpgraded {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserSuspended {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserReinstated {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestExpired {
    pub user: UserId,
}

/// Access tokens of a lower number are over, and so are the sessions that carry one, but for the one that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialChanged {
    pub user: UserId,
    pub number: u32,
    /// The session that goes on: its open connections stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionClosed {
    pub user: UserId,
    pub session: SessionId,
}

/// A person as everybody may see him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    pub display_name: String,
    pub kind: UserKind,
    pub standing: Standing,
    /// The lowest credential number that is still good.
    pub credential: u32,
    pub created_at: Time,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for User {
    type Event = UserEvent;

    fn evolve(state: &mut Option<Self>, event: &UserEvent) {
        let Some(user) = state else {
            if let UserEvent::Appeared(appeared) = event {
                *state = Some(Self {
                    display_name: appeared.display_name.clone(),
                    kind: appeared.kind,
                    standing: Standing::Active,
                    credential: 0,
                    created_at: appeared.at,
                    kept: Kept::default(),
                });
            }
            return;
        };
        match event {
            UserEvent::Appeared(_) | UserEvent::SessionClosed(_) => {}
            UserEvent::ProfileChanged(changed) => user.display_name.clone_from(&changed.display_name),
            UserEvent::Upgraded(_) => user.kind = UserKind::Registered,
            UserEvent::Suspended(_) => user.standing = Standing::Suspended,
            UserEvent::Reinstated(_) => user.standing = Standing::Active,
            UserEvent::Expired(_) => user.standing = Standing::Expired,
            UserEvent::CredentialChanged(changed) => user.credential = user.credential.max(changed.number),
            UserEvent::Erased(_) => {
                user.standing = Standing::Erased;
                user.display_name.clear();
            }
        }
    }
}
