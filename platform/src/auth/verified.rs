//! Which tokens have been verified already? A bounded memory of them, because a signature costs a hundred microseconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Caller;
use crate::problem::Problem;

/// Locks, so that requests seldom wait for each other.
const SHARDS: usize = 16;
/// Tokens remembered in one shard; 65,536 in all, about 12 MB.
const TOKENS_MAX_SHARD: usize = 4_096;

/// Verified tokens by their SHA-256: the tokens themselves are not kept.
pub(super) struct Verified {
    shards: [Mutex<HashMap<[u8; 32], Caller>>; SHARDS],
}

impl Default for Verified {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Verified {
    /// The caller of a token that was verified before, else what `verify` says, which is remembered
    /// when it is good. A token that is over stays until its place is needed: the caller checks.
    pub(super) fn get_or_verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
        verify: impl FnOnce() -> Result<Caller, Problem>,
    ) -> Result<Caller, Problem> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let shard = &self.shards[usize::from(digest[0]) % SHARDS];
        let known = shard.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).copied();
        if let Some(caller) = known {
            return Ok(caller);
        }
        let caller = verify()?;
        let mut tokens = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS_MAX_SHARD {
            tokens.retain(|_, caller| caller.expires_at > now);
        }
        if tokens.len() >= TOKENS_MAX_SHARD {
            // All of them are in use: forgetting them costs each one signature, keeping count of their use costs more.
            tokens.clear();
        }
        tokens.insert(digest, caller);
        Ok(caller)
    }
}
