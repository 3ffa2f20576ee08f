//! Phones, accounts, credentials and sessions: the private facts, and the states they leave.

use crate::{Evolve, Kept, PhoneTag, SessionId, Time, UserId, UserKind, family::family, user::Standing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts of one phone number.
    PhoneEvent {
        Claimed(PhoneClaimed) = "phone.claimed" 1,
        Released(PhoneReleased) = "phone.released" 1,
    }
}

family! {
    /// Facts of one account.
    AccountEvent {
        Registered(UserRegistered) = "account.registered" 1,
        GuestStarted(GuestStarted) = "account.guest_started" 1,
        GuestUpgraded(GuestUpgraded) = "account.guest_upgraded" 1,
        GuestExpired(AccountExpired) = "account.guest_expired" 1,
        ProfileChanged(ProfileChanged) = "account.profile_changed" 1,
        Suspended(AccountSuspended) = "account.suspended" 1,
        Reinstated(AccountReinstated) = "account.reinstated" 1,
        Erased(AccountErased) = "account.erased" 1,
    }
}

family! {
    /// Facts of one account's password.
    CredentialEvent {
        Set(CredentialSet) = "credential.set" 1,
    }
}

family! {
    /// Facts of one sign-in.
    SessionEvent {
        Started(SessionStarted) = "session.started" 1,
        Refreshed(SessionRefreshed) = "session.refreshed" 1,
        Revoked(SessionRevoked) = "session.revoked" 1,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneClaimed {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneReleased {
    pub user: UserId,
}

/// Who holds a number. A released one may be claimed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phone {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<UserId>,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for Phone {
    type Event = PhoneEvent;

    fn evolve(state: &mut Option<Self>, event: &PhoneEvent) {
        let phone = state.get_or_insert_default();
        match event {
            PhoneEvent::Claimed(claimed) => phone.holder = Some(claimed.user),
            PhoneEvent::Released(_) => phone.holder = None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    pub user: UserId,
    pub display_name: String,
    pub phone: PhoneTag,
    /// The last two digits, to tell the owner which number it is.
    pub phone_hint: String,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestStarted {
    pub user: UserId,
    pub display_name: String,
    /// The latest end: no refresh goes beyond it.
    pub expires_at: Time,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestUpgraded {
    pub user: UserId,
    pub phone: PhoneTag,
    pub phone_hint: String,
    /// The session that goes on, with new tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountExpired {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChanged {
    pub user: UserId,
    pub display_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSuspended {
    pub user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountReinstated {
    pub user: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountErased {
    pub user: UserId,
}

/// An account as its last fact leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    pub kind: UserKind,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    pub standing: Standing,
    pub created_at: Time,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Account {
    fn opened(event: &AccountEvent) -> Option<Self> {
        let opened = |kind, name: &str, at| Self {
            kind,
            display_name: name.to_owned(),
            phone: None,
            phone_hint: None,
            expires_at: None,
            standing: Standing::Active,
            created_at: at,
            kept: Kept::default(),
        };
        match event {
            AccountEvent::Registered(user) => Some(Self {
                phone: Some(user.phone),
                phone_hint: Some(user.phone_hint.clone()),
                ..opened(UserKind::Registered, &user.display_name, user.at)
            }),
            AccountEvent::GuestStarted(guest) => Some(Self {
                expires_at: Some(guest.expires_at),
                ..opened(UserKind::Guest, &guest.display_name, guest.at)
            }),
            AccountEvent::GuestUpgraded(_) | AccountEvent::GuestExpired(_) | AccountEvent::ProfileChanged(_) => None,
            AccountEvent::Suspended(_) | AccountEvent::Reinstated(_) | AccountEvent::Erased(_) => None,
        }
    }
}

impl Evolve for Account {
    type Event = AccountEvent;

    fn evolve(state: &mut Option<Self>, event: &AccountEvent) {
        let Some(account) = state else {
            *state = Self::opened(event);
            return;
        };
        match event {
            AccountEvent::Registered(_) | AccountEvent::GuestStarted(_) => {}
            AccountEvent::GuestUpgraded(upgrade) => {
                account.kind = UserKind::Registered;
                account.phone = Some(upgrade.phone);
                account.phone_hint = Some(upgrade.phone_hint.clone());
                account.expires_at = None;
            }
            AccountEvent::GuestExpired(_) => account.standing = Standing::Expired,
            AccountEvent::ProfileChanged(changed) => account.display_name.clone_from(&changed.display_name),
            AccountEvent::Suspended(_) => account.standing = Standing::Suspended,
            AccountEvent::Reinstated(_) => account.standing = Standing::Active,
            AccountEvent::Erased(_) => {
                account.standing = Standing::Erased;
                account.display_name.clear();
                account.phone = None;
                account.phone_hint = None;
            }
        }
    }
}

/// Numbered 1, 2, …: a session carries the number it began with, and ends with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialSet {
    pub user: UserId,
    pub number: u32,
    /// bcrypt. Absent once the account is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The session that goes on, with new tokens, where others end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// The password as the last fact leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    pub number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Evolve for Credential {
    type Event = CredentialEvent;

    fn evolve(state: &mut Option<Self>, event: &CredentialEvent) {
        let credential = state.get_or_insert_default();
        match event {
            CredentialEvent::Set(set) => {
                credential.number = set.number;
                credential.hash.clone_from(&set.hash);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    pub session: SessionId,
    pub user: UserId,
    /// The credential's number at sign-in; 0 for a guest.
    pub credential: u32,
    /// Which server key the first refresh token is made with.
    pub key: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When it ends unless it is refreshed.
    pub idle_until: Time,
    /// When it ends in any case.
    pub expires_at: Time,
    pub at: Time,
}

/// One step of rotation: the token before is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRefreshed {
    pub session: SessionId,
    pub rotation: u32,
    pub credential: u32,
    pub key: u16,
    pub idle_until: Time,
    pub expires_at: Time,
    pub at: Time,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationCause {
    SignedOut,
    Revoked,
    /// A spent refresh token came back: somebody else has it.
    Reuse,
    Password,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRevoked {
    pub session: SessionId,
    pub user: UserId,
    pub why: RevocationCause,
}

/// A session as its last fact leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub user: UserId,
    pub credential: u32,
    /// 0 at sign-in, one more with each refresh: the number in the one good refresh token.
    pub rotation: u32,
    pub key: u16,
    /// The key of the rotation before, to recognise a token that is spent.
    pub previous_key: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub created_at: Time,
    /// The last sign-in or refresh.
    pub last_used_at: Time,
    pub idle_until: Time,
    pub expires_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<RevocationCause>,
    #[serde(flatten)]
    pub kept: Kept,
}

impl Session {
    /// When it ends unless it is refreshed.
    pub fn ends_at(&self) -> Time {
        self.idle_until.min(self.expires_at)
    }

    /// Whether it may be used at `now`.
    pub fn is_live(&self, now: Time) -> bool {
        self.revoked.is_none() && now < self.ends_at()
    }

    fn started(event: &SessionStarted) -> Self {
        Self {
            user: event.user,
            credential: event.credential,
            rotation: 0,
            key: event.key,
            previous_key: event.key,
            device: event.device.clone(),
            created_at: event.at,
            last_used_at: event.at,
            idle_until: event.idle_until,
            expires_at: event.expires_at,
            revoked: None,
            kept: Kept::default(),
        }
    }
}

impl Evolve for Session {
    type Event = SessionEvent;

    fn evolve(state: &mut Option<Self>, event: &SessionEvent) {
        match (state, event) {
            (state @ None, SessionEvent::Started(started)) => *state = Some(Self::started(started)),
            (Some(session), SessionEvent::Refreshed(refreshed)) => {
                session.previous_key = session.key;
                session.key = refreshed.key;
                session.rotation = refreshed.rotation;
                session.credential = refreshed.credential;
                session.last_used_at = refreshed.at;
                session.idle_until = refreshed.idle_until;
                session.expires_at = refreshed.expires_at;
            }
            (Some(session), SessionEvent::Revoked(revoked)) => session.revoked = Some(revoked.why),
            (Some(_), SessionEvent::Started(_)) => {}
            (None, SessionEvent::Refreshed(_) | SessionEvent::Revoked(_)) => {}
        }
    }
}
