//! Which access tokens are void before they are over? Those of ended sessions, suspended users and old passwords.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use chrono::{DateTime, TimeDelta, Utc};
use events::{SessionId, UserId};

use super::{ACCESS_TOKEN_TTL, Caller};

/// How far the clocks of instances may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);
/// Old entries are dropped once in so many new ones.
const ENTRIES_BETWEEN_PRUNINGS: usize = 1_024;

/// What has been revoked in the life of an access token, as the role's follower of the log tells it.
///
/// An entry matters only to tokens that were issued before it, and those are over after
/// [`ACCESS_TOKEN_TTL`]: it is dropped then (and a minute for the clocks). Memory is bounded by what
/// is revoked in sixteen minutes; at its start a role reads the log's last fifteen.
#[derive(Debug, Default)]
pub struct Revocations {
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    sessions: HashMap<SessionId, DateTime<Utc>>,
    users: HashMap<UserId, DateTime<Utc>>,
    credentials: HashMap<UserId, (u32, DateTime<Utc>)>,
    since_pruning: usize,
}

impl Revocations {
    /// The session has ended: signed out, closed from another, its refresh token reused, or over.
    pub fn close_session(&self, session: SessionId) {
        self.write().sessions.insert(session, Utc::now());
    }

    /// The user is suspended, erased, or as a guest expired.
    pub fn suspend_user(&self, user: UserId) {
        self.write().users.insert(user, Utc::now());
    }

    /// The user is no longer suspended.
    pub fn reinstate_user(&self, user: UserId) {
        self.write().users.remove(&user);
    }

    /// Credentials of the user with a lower number than this are no longer valid. Never goes back.
    pub fn credential_number(&self, user: UserId, lowest: u32) {
        let mut entries = self.write();
        let entry = entries.credentials.entry(user).or_insert((lowest, Utc::now()));
        if entry.0 < lowest {
            *entry = (lowest, Utc::now());
        }
    }

    /// Whether this caller's token is void.
    #[must_use]
    pub fn revoked(&self, caller: &Caller) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.sessions.contains_key(&caller.session)
            || entries.users.contains_key(&caller.user)
            || entries.credentials.get(&caller.user).is_some_and(|(lowest, _)| caller.credential < *lowest)
    }

    /// Drops what no token that is still valid can be older than. New entries do this now and then.
    pub fn prune(&self, now: DateTime<Utc>) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).prune(now);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.since_pruning += 1;
        if entries.since_pruning >= ENTRIES_BETWEEN_PRUNINGS {
            entries.prune(Utc::now());
        }
        entries
    }
}

impl Entries {
    fn prune(&mut self, now: DateTime<Utc>) {
        let oldest = now - ACCESS_TOKEN_TTL - CLOCK_SKEW;
        keep_since(&mut self.sessions, oldest, |at| *at);
        keep_since(&mut self.users, oldest, |at| *at);
        keep_since(&mut self.credentials, oldest, |(_, at)| *at);
        self.since_pruning = 0;
    }
}

fn keep_since<K: Eq + Hash, V>(entries: &mut HashMap<K, V>, oldest: DateTime<Utc>, at: impl Fn(&V) -> DateTime<Utc>) {
    entries.retain(|_, value| at(value) >= oldest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::UserKind;
    use uuid::Uuid;

    fn caller() -> Caller {
        Caller {
            user: UserId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            kind: UserKind::Guest,
            credential: 3,
            expires_at: Utc::now() + ACCESS_TOKEN_TTL,
        }
    }

    #[test]
    fn a_revocation_outlives_every_token_before_it_and_no_longer() {
        let revocations = Revocations::default();
        let eve = caller();
        revocations.close_session(eve.session);
        revocations.prune(Utc::now() + ACCESS_TOKEN_TTL);
        assert!(revocations.revoked(&eve));
        revocations.prune(Utc::now() + ACCESS_TOKEN_TTL + CLOCK_SKEW + TimeDelta::seconds(1));
        assert!(!revocations.revoked(&eve));
    }

    #[test]
    fn the_lowest_credential_never_goes_back() {
        let revocations = Revocations::default();
        let ada = caller();
        revocations.credential_number(ada.user, 3);
        assert!(!revocations.revoked(&ada));
        revocations.credential_number(ada.user, 4);
        revocations.credential_number(ada.user, 2);
        assert!(revocations.revoked(&ada));
    }
}
