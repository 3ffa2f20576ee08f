//! Who has sockets here? For each of these people a lease is held, which ends by itself when this process does.

use event_log::{Holder, LeaseKey, Leases};
use events::{PresenceState, UserId};
use futures::future::join_all;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use uuid::Uuid;

/// What a lease is good for: as long as the bucket keeps it.
pub(super) const LEASE: Duration = Duration::from_secs(75);
/// How often it is renewed: one renewal may fail, and the lease goes on.
const RENEWED_EVERY: Duration = Duration::from_secs(30);
/// What failed is tried again: at once when the server is back, that is.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Leases that are written at once.
const AT_ONCE: usize = 64;

/// The people with sockets on this instance. Clones are the same; as many people as there may be sockets.
#[derive(Debug, Clone, Default)]
pub(super) struct Here(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    people: Mutex<People>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct People {
    people: HashMap<UserId, Person>,
    /// When whose lease is written next.
    due: BTreeSet<(Instant, UserId)>,
}

#[derive(Debug)]
struct Person {
    /// What each socket shows.
    sockets: HashMap<u64, PresenceState>,
    due: Instant,
}

impl Person {
    /// The best that any socket shows. Nothing, where all of them say that nobody is there.
    fn shown(&self) -> PresenceState {
        self.sockets.values().copied().max().unwrap_or(PresenceState::Offline)
    }
}

impl Here {
    /// A socket shows this of somebody: it has come, or says something else from now on.
    pub(super) fn shows(&self, user: UserId, socket: u64, state: PresenceState) {
        let now = Instant::now();
        let mut people = self.lock();
        let person = people.people.entry(user).or_insert_with(|| Person { sockets: HashMap::new(), due: now });
        let before = (person.shown(), person.sockets.is_empty());
        person.sockets.insert(socket, state);
        if before != (person.shown(), false) {
            people.is_due(user, now);
            self.0.changed.notify_one();
        }
    }

    /// A socket is gone.
    pub(super) fn goes(&self, user: UserId, socket: u64) {
        let mut people = self.lock();
        let Some(person) = people.people.get_mut(&user) else { return };
        let before = person.shown();
        person.sockets.remove(&socket);
        if person.shown() != before || person.sockets.is_empty() {
            people.is_due(user, Instant::now());
            self.0.changed.notify_one();
        }
    }

    /// Writes the leases, until it is dropped.
    pub(super) async fn hold(&self, leases: &Leases) {
        let instance = Holder::Sockets(Uuid::new_v4());
        loop {
            let next = self.lock().due.first().map(|(at, _)| *at);
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = until(next) => {}
            }
            let due = self.take_due(Instant::now());
            let writing = due.into_iter().map(|(user, state)| async move {
                let key = LeaseKey { user, holder: instance };
                let written = match state {
                    PresenceState::Offline => leases.farewell(&key).await,
                    PresenceState::Away | PresenceState::Online | PresenceState::Dnd => leases.renew(&key, state).await,
                };
                (user, state, written)
            });
            for (user, state, written) in join_all(writing).await {
                if let Err(why) = &written {
                    tracing::debug!(%why, "a lease is written later");
                    metrics::counter!("presence_leases_failed_total").increment(1);
                }
                self.written(user, state, written.is_ok());
            }
        }
    }

    /// Up to [`AT_ONCE`] people whose lease is to be written, with what it is to say.
    fn take_due(&self, now: Instant) -> Vec<(UserId, PresenceState)> {
        let mut people = self.lock();
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE
            && let Some((_, user)) = people.due.first().copied().filter(|(at, _)| *at <= now)
        {
            people.due.pop_first();
            if let Some(person) = people.people.get(&user) {
                taken.push((user, person.shown()));
            }
        }
        taken
    }

    /// What was written, or was not: when is it written again? Of who is not there nothing is: the lease ends by itself.
    fn written(&self, user: UserId, state: PresenceState, is_stored: bool) {
        let mut people = self.lock();
        let Some(person) = people.people.get(&user) else { return };
        if people.due.contains(&(person.due, user)) {
            // Something else is to be said already.
            return;
        }
        if person.sockets.is_empty() {
            people.people.remove(&user);
            return;
        }
        match (state, is_stored) {
            (PresenceState::Offline, true) => {}
            (_, true) => people.is_due(user, Instant::now() + RENEWED_EVERY),
            (_, false) => people.is_due(user, Instant::now() + TRY_AGAIN_AFTER),
        }
    }

    fn lock(&self) -> MutexGuard<'_, People> {
        self.0.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    fn is_due(&mut self, user: UserId, at: Instant) {
        let Some(person) = self.people.get_mut(&user) else { return };
        self.due.remove(&(person.due, user));
        person.due = at;
        self.due.insert((at, user));
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceState::{Away, Dnd, Offline, Online};

    const ADA: UserId = UserId(Uuid::from_u128(1));

    fn due(here: &Here) -> Vec<PresenceState> {
        let due = here.take_due(Instant::now());
        let states = due.iter().map(|(_, state)| *state).collect();
        for (user, state) in due {
            here.written(user, state, true);
        }
        states
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_is_what_the_best_of_his_sockets_shows() {
        let here = Here::default();
        here.shows(ADA, 1, Online);
        assert_eq!(due(&here), [Online]);
        here.shows(ADA, 2, Online);
        here.shows(ADA, 2, Away);
        assert_eq!(due(&here), [], "nothing else is shown");
        here.shows(ADA, 2, Dnd);
        assert_eq!(due(&here), [Dnd]);
        here.goes(ADA, 2);
        assert_eq!(due(&here), [Online]);
        here.shows(ADA, 1, Offline);
        assert_eq!(due(&here), [Offline]);
        here.shows(ADA, 1, Online);
        here.goes(ADA, 1);
        assert_eq!(due(&here), [Offline]);
        assert!(here.lock().people.is_empty() && here.lock().due.is_empty());
    }

    // Red without `is_due` in `written`: a lease would end under somebody who is there.
    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_before_it_ends_and_soon_after_it_could_not_be() {
        let here = Here::default();
        here.shows(ADA, 1, Online);
        assert_eq!(due(&here), [Online]);
        for _ in 0..3 {
            tokio::time::advance(RENEWED_EVERY - Duration::from_millis(1)).await;
            assert_eq!(due(&here), []);
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(due(&here), [Online]);
        }
        tokio::time::advance(RENEWED_EVERY).await;
        let failed = here.take_due(Instant::now());
        here.written(failed[0].0, failed[0].1, false);
        tokio::time::advance(TRY_AGAIN_AFTER).await;
        assert_eq!(due(&here), [Online]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_while_a_lease_is_written_is_written_next() {
        let here = Here::default();
        here.shows(ADA, 1, Online);
        let first = here.take_due(Instant::now());
        here.shows(ADA, 1, Away);
        here.written(first[0].0, first[0].1, true);
        assert_eq!(due(&here), [Away]);
    }
}
