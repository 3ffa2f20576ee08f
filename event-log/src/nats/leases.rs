//! Who is there at the moment? Leases in a bucket: renewed by whoever is, ended by a farewell or by their time.

use super::{
    answer::{self, Sent},
    api::{Api, READ_WITHIN},
    consumer::Delivery,
    latest::{self, Latest},
};
use crate::{LogError, streams::LEASES};
use async_nats::{HeaderMap, Request};
use bytes::Bytes;
use events::{PresenceState, SessionId, Time, UserId};
use futures::{StreamExt, stream::BoxStream};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, future, str::FromStr, time::Duration};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// The server counts the life of a message in seconds, and from one.
const TTL_MIN: Duration = Duration::from_secs(1);

/// Whose lease it is, and by what he is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseKey {
    pub user: UserId,
    pub holder: Holder,
}

/// By what somebody is there. One lease each: what renews it, replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// His sockets on one instance of the query service, which has this id since it was started.
    Sockets(Uuid),
    /// A client without a socket, by its session: whichever instance it asks, it renews the same lease.
    Client(SessionId),
}

/// What is known of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub key: LeaseKey,
    /// What its holder showed last; `None` when it has ended, by a farewell or by its time. The end may be told twice.
    pub state: Option<PresenceState>,
    /// When that was said, by the server's clock.
    pub at: Time,
}

/// A lease's value.
#[derive(Serialize, Deserialize)]
struct Shown {
    state: PresenceState,
}

/// The bucket of leases. Clones are the same.
#[derive(Clone)]
pub struct Leases {
    api: Api,
    ttl: Duration,
}

impl Leases {
    pub(super) fn new(api: Api, ttl: Duration) -> Self {
        Self { api, ttl: ttl.max(TTL_MIN) }
    }

    /// Begins the lease, or goes on with it for its whole time.
    ///
    /// # Errors
    /// When it is not known to be stored: the same again does no harm.
    pub async fn renew(&self, key: &LeaseKey, state: PresenceState) -> Result<(), LogError> {
        let shown = serde_json::to_vec(&Shown { state }).expect("one word");
        self.put("renewing a lease", key, HeaderMap::new(), shown.into()).await
    }

    /// Ends the lease at once.
    ///
    /// # Errors
    /// As [`Leases::renew`]. It ends by itself, then.
    pub async fn farewell(&self, key: &LeaseKey) -> Result<(), LogError> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        self.put("ending a lease", key, headers, Bytes::new()).await
    }

    /// All leases, then each as it begins, is renewed or ends, for ever.
    pub fn watch(&self) -> BoxStream<'static, Latest<Lease>> {
        let told = latest::latest(self.api.clone(), format!("KV_{LEASES}"), format!("$KV.{LEASES}.>"));
        told.filter_map(|told| future::ready(understood(told))).boxed()
    }

    /// The leases that have not ended, for a look now and then: whoever goes on looking watches. Waits until the bucket
    /// is there; how long is for the caller to say.
    pub async fn list(&self) -> Vec<Lease> {
        let mut leases = BTreeMap::new();
        let mut told = self.watch();
        while let Some(told) = told.next().await {
            match told {
                Latest::Away => leases.clear(),
                Latest::Told(lease) if lease.state.is_none() => drop(leases.remove(&lease.key)),
                Latest::Told(lease) => drop(leases.insert(lease.key, lease)),
                Latest::Whole => break,
            }
        }
        leases.into_values().collect()
    }

    /// The one place where a lease is written. Not the client's own bucket: its `put` drops the time to live.
    async fn put(
        &self,
        doing: &'static str,
        key: &LeaseKey,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), LogError> {
        headers.insert("Nats-TTL", format!("{}s", self.ttl.as_secs()));
        let unavailable = |why: String| LogError::Unavailable { doing, why };
        let until = Instant::now() + READ_WITHIN;
        // A client without a connection would keep it, and renew the lease of somebody who has long gone.
        if !self.api.connected(until).await {
            return Err(unavailable("not connected".to_owned()));
        }
        let request = Request::new().headers(headers).payload(body).timeout(None);
        match timeout_at(until, self.api.client.send_request(format!("$KV.{LEASES}.{key}"), request)).await {
            Ok(Ok(reply)) => match answer::read(&reply.payload) {
                Sent::Stored(_) | Sent::Duplicate(_) => Ok(()),
                Sent::Refused(why) => Err(LogError::Unexpected { doing, why }),
                other => Err(unavailable(format!("{other:?}"))),
            },
            Ok(Err(why)) => Err(unavailable(why.to_string())),
            Err(_) => Err(unavailable(format!("no answer within {READ_WITHIN:?}"))),
        }
    }
}

/// The lease that was told. What is none of ours says nothing of anybody: leases are soft, and a newer release may
/// have other holders.
fn understood(told: Latest<Delivery>) -> Option<Latest<Lease>> {
    match told.map(|message| lease(&message).ok_or(message.subject)) {
        Latest::Told(Ok(lease)) => Some(Latest::Told(lease)),
        Latest::Told(Err(subject)) => {
            tracing::warn!(subject, "a lease that is not understood");
            None
        }
        Latest::Away => Some(Latest::Away),
        Latest::Whole => Some(Latest::Whole),
    }
}

fn lease(message: &Delivery) -> Option<Lease> {
    let key = message.subject.strip_prefix("$KV.")?.strip_prefix(LEASES)?.strip_prefix('.')?.parse().ok()?;
    // A farewell of ours, or the server's mark where the time of a lease was over.
    let ended = ["KV-Operation", "Nats-Marker-Reason"].iter().any(|name| message.headers.get(*name).is_some());
    let state = match ended {
        true => None,
        false => Some(serde_json::from_slice::<Shown>(&message.body).ok()?.state),
    };
    Some(Lease { key, state, at: message.stored_at })
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder {
            Holder::Sockets(instance) => write!(f, "{}.q.{instance}", self.user),
            Holder::Client(session) => write!(f, "{}.c.{session}", self.user),
        }
    }
}

/// A text that is no lease's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a lease")]
pub struct NotAKey;

impl FromStr for LeaseKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut tokens = text.split('.');
        let (Some(user), Some(kind), Some(holder), None) = (tokens.next(), tokens.next(), tokens.next(), tokens.next())
        else {
            return Err(NotAKey);
        };
        let holder = match kind {
            "q" => Holder::Sockets(holder.parse().map_err(|_| NotAKey)?),
            "c" => Holder::Client(holder.parse().map_err(|_| NotAKey)?),
            _ => return Err(NotAKey),
        };
        Ok(Self { user: user.parse().map_err(|_| NotAKey)?, holder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_nothing_else_is_one() {
        let user = UserId(Uuid::from_u128(7));
        for holder in [Holder::Sockets(Uuid::from_u128(8)), Holder::Client(SessionId(Uuid::from_u128(9)))] {
            let key = LeaseKey { user, holder };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let other = format!("{user}.x.{user}");
        let longer = format!("{user}.q.{user}.{user}");
        for text in ["", "a.b.c", "u.q.0", &user.to_string(), &other, &longer] {
            assert_eq!(text.parse::<LeaseKey>(), Err(NotAKey), "{text}");
        }
    }
}
