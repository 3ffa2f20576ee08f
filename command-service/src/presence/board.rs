//! Who differs from what the log says of him, and since when? Leases beside the log, and a grace before they are believed.

use crate::domain::presence as rules;
use event_log::{Holder, LeaseKey};
use events::{PresenceState, UserId};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// People who are there, or whom the log takes for there; some 60 MB. More are not seen until others go: each of their
/// renewals tries again. Their graces are as many at most, one each.
const PEOPLE_MAX: usize = 200_000;
/// Leases of one person: ten sockets are on as many instances at most, the rest is sessions without one.
const LEASES_MAX: usize = 64;

/// How long a difference waits before it is believed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For what was seen to change: a tab that is loaded again, a train in a tunnel.
    pub(super) grace: Duration,
    /// For who shows less than the log says, soon after everything was told anew: it was away, and whoever lives renews
    /// within this.
    pub(super) lease: Duration,
}

/// The people of interest.
pub(super) struct Board {
    people: HashMap<UserId, Person>,
    /// When which difference is believed.
    due: BTreeSet<(Instant, UserId)>,
    patience: Patience,
    /// Whether all leases, and all that the log says, have been told. Before, a difference is none.
    leases_told: bool,
    log_told: bool,
    /// Until when nobody is believed to have gone: leases that were over while the log was away may end only now.
    patient_until: Option<Instant>,
}

struct Person {
    leases: Vec<(Holder, PresenceState)>,
    logged: PresenceState,
    due: Option<Instant>,
}

impl Person {
    fn shown(&self) -> PresenceState {
        rules::shown(self.leases.iter().map(|(_, state)| *state))
    }
}

impl Board {
    pub(super) fn new(patience: Patience) -> Self {
        let (people, due) = (HashMap::new(), BTreeSet::new());
        Self { people, due, patience, leases_told: false, log_told: false, patient_until: None }
    }

    /// The leases are not heard any more: all graces begin when they are again.
    pub(super) fn leases_are_away(&mut self) {
        self.leases_told = false;
        self.forget(|person| person.leases.clear());
    }

    /// As [`Board::leases_are_away`], for the log.
    pub(super) fn log_is_away(&mut self) {
        self.log_told = false;
        self.forget(|person| person.logged = PresenceState::Offline);
    }

    pub(super) fn leases_are_told(&mut self, now: Instant) {
        self.leases_told = true;
        self.compare(now);
    }

    pub(super) fn log_is_told(&mut self, now: Instant) {
        self.log_told = true;
        self.compare(now);
    }

    /// A lease shows this, or has ended.
    pub(super) fn lease(&mut self, key: LeaseKey, state: Option<PresenceState>, now: Instant) {
        let Some(person) = self.person(key.user, state.is_some()) else { return };
        person.leases.retain(|(holder, _)| *holder != key.holder);
        if let Some(state) = state
            && person.leases.len() < LEASES_MAX
        {
            person.leases.push((key.holder, state));
        }
        self.look_at(key.user, now);
    }

    /// The log says this of somebody.
    pub(super) fn logged(&mut self, user: UserId, state: PresenceState, now: Instant) {
        let Some(person) = self.person(user, state != PresenceState::Offline) else { return };
        person.logged = state;
        self.look_at(user, now);
    }

    /// What was to be appended was not: it is tried again after a grace, if it is still so.
    pub(super) fn try_again(&mut self, user: UserId, now: Instant) {
        self.look_at(user, now);
    }

    /// When the next difference is believed.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Up to so many people who have differed for the whole grace, with what they show. Each comes once.
    pub(super) fn take_due(&mut self, now: Instant, count_max: usize) -> Vec<(UserId, PresenceState)> {
        let mut taken = Vec::new();
        while taken.len() < count_max
            && let Some((_, user)) = self.due.first().copied().filter(|(at, _)| *at <= now)
        {
            self.due.pop_first();
            if let Some(person) = self.people.get_mut(&user) {
                person.due = None;
                taken.push((user, person.shown()));
            }
        }
        taken
    }

    pub(super) fn people(&self) -> usize {
        self.people.len()
    }

    /// One of both has been told from the beginning; the differences count from when the other is whole as well.
    fn compare(&mut self, now: Instant) {
        self.patient_until = Some(now + self.patience.lease);
        let users: Vec<UserId> = self.people.keys().copied().collect();
        for user in users {
            self.look_at(user, now);
        }
    }

    /// Somebody who differs has a grace from now on, unless he has one; whoever does not, has none.
    fn look_at(&mut self, user: UserId, now: Instant) {
        let Some(person) = self.people.get_mut(&user) else { return };
        let (before, shown) = (person.due, person.shown());
        let fresh = now + self.patience.grace;
        person.due = if shown == person.logged || !(self.leases_told && self.log_told) {
            None
        } else if shown < person.logged {
            self.patient_until.max(Some(before.unwrap_or(fresh)))
        } else {
            Some(before.map_or(fresh, |before| before.min(fresh)))
        };
        if before != person.due {
            before.map(|at| self.due.remove(&(at, user)));
            person.due.map(|at| self.due.insert((at, user)));
        }
        if person.leases.is_empty() && person.logged == PresenceState::Offline {
            self.people.remove(&user);
        }
    }

    /// Somebody, who is made where something is known of him and there is room.
    fn person(&mut self, user: UserId, make: bool) -> Option<&mut Person> {
        if !self.people.contains_key(&user) {
            if !make {
                return None;
            }
            if self.people.len() >= PEOPLE_MAX {
                metrics::counter!("presence_unseen_total").increment(1);
                return None;
            }
        }
        let nobody = || Person { leases: Vec::new(), logged: PresenceState::Offline, due: None };
        Some(self.people.entry(user).or_insert_with(nobody))
    }

    fn forget(&mut self, what: impl Fn(&mut Person)) {
        self.due.clear();
        self.people.retain(|_, person| {
            person.due = None;
            what(person);
            !person.leases.is_empty() || person.logged != PresenceState::Offline
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceState::{Away, Dnd, Offline, Online};
    use events::SessionId;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const PATIENCE: Patience = Patience { grace: Duration::from_secs(15), lease: Duration::from_secs(75) };

    fn key(holder: u128) -> LeaseKey {
        LeaseKey { user: ADA, holder: Holder::Client(SessionId(Uuid::from_u128(holder))) }
    }

    fn at(began: Instant, seconds: u64) -> Instant {
        began + Duration::from_secs(seconds)
    }

    /// A board that was told everything, which was nothing, so long ago that its patience is over.
    fn told(now: Instant) -> Board {
        let mut board = Board::new(PATIENCE);
        board.leases_are_told(now);
        board.log_is_told(now);
        board.patient_until = Some(now);
        board
    }

    /// As [`told`], with Ada there.
    fn with_ada(began: Instant) -> Board {
        let mut board = told(began);
        board.lease(key(1), Some(Online), began);
        board.logged(ADA, Online, began);
        assert_eq!(board.next_due(), None);
        board
    }

    #[test]
    fn a_change_is_believed_after_its_grace_and_once() {
        let began = Instant::now();
        let mut board = told(began);
        board.lease(key(1), Some(Online), began);
        board.lease(key(1), Some(Online), at(began, 10));
        assert_eq!(board.take_due(at(began, 14), 10), []);
        assert_eq!(board.take_due(at(began, 15), 10), [(ADA, Online)]);
        assert_eq!(board.take_due(at(began, 100), 10), []);
        board.try_again(ADA, at(began, 100));
        assert_eq!(board.take_due(at(began, 115), 10), [(ADA, Online)]);
        board.logged(ADA, Online, at(began, 115));
        assert_eq!(board.next_due(), None);
    }

    // Red with `shown == person.logged ||` taken out of `look_at`: who was gone for a moment goes offline.
    #[test]
    fn who_is_back_within_the_grace_was_never_away() {
        let began = Instant::now();
        let mut board = with_ada(began);
        board.lease(key(1), None, at(began, 1));
        assert_eq!(board.next_due(), Some(at(began, 16)));
        board.lease(key(2), Some(Online), at(began, 14));
        assert_eq!(board.next_due(), None);
    }

    #[test]
    fn one_of_several_leases_takes_nobody_offline() {
        let began = Instant::now();
        let mut board = with_ada(began);
        board.lease(key(2), Some(Away), began);
        board.lease(key(1), None, at(began, 1));
        assert_eq!(board.take_due(at(began, 16), 10), [(ADA, Away)]);
        board.logged(ADA, Away, at(began, 16));
        board.lease(key(2), Some(Dnd), at(began, 17));
        assert_eq!(board.take_due(at(began, 32), 10), [(ADA, Dnd)]);
    }

    // Red without `patient_until`: who renews every thirty seconds is gone before he could.
    #[test]
    fn after_an_outage_whoever_is_missing_has_the_time_of_a_lease_to_come_back() {
        let began = Instant::now();
        let mut board = with_ada(began);
        board.lease(key(1), None, at(began, 1));
        board.leases_are_away();
        board.log_is_away();
        assert_eq!(board.take_due(at(began, 1_000), 10), []);
        board.logged(ADA, Online, at(began, 1_000));
        board.log_is_told(at(began, 1_000));
        assert_eq!(board.next_due(), None);
        board.leases_are_told(at(began, 1_001));
        assert_eq!(board.next_due(), Some(at(began, 1_076)));
        board.lease(key(1), Some(Online), at(began, 1_030));
        assert_eq!(board.next_due(), None);
        // Its end may be told behind the whole, and twice.
        for _ in 0..2 {
            board.lease(key(1), None, at(began, 1_031));
            assert_eq!(board.next_due(), Some(at(began, 1_076)));
        }
        // Who comes back as another is not missing, and waits no longer than anybody.
        board.lease(key(1), Some(Dnd), at(began, 1_040));
        assert_eq!(board.next_due(), Some(at(began, 1_055)));
    }

    #[test]
    fn who_came_or_crashed_while_nobody_watched_is_found_at_the_start() {
        let began = Instant::now();
        let mut board = Board::new(PATIENCE);
        let bob = UserId(Uuid::from_u128(2));
        board.logged(bob, Online, began);
        board.lease(key(1), Some(Online), began);
        board.leases_are_told(began);
        board.log_is_told(began);
        assert_eq!(board.take_due(at(began, 15), 10), [(ADA, Online)]);
        assert_eq!(board.take_due(at(began, 74), 10), []);
        assert_eq!(board.take_due(at(began, 75), 10), [(bob, Offline)]);
    }

    #[test]
    fn who_has_gone_is_forgotten_and_nobody_has_more_leases_than_there_is_room_for() {
        let began = Instant::now();
        let mut board = with_ada(began);
        for holder in 0..1_000 {
            board.lease(key(holder), Some(Online), began);
        }
        assert_eq!(board.people[&ADA].leases.len(), LEASES_MAX);
        for holder in 0..1_000 {
            board.lease(key(holder), None, began);
        }
        board.logged(ADA, Offline, began);
        assert_eq!((board.people(), board.next_due()), (0, None));
    }
}
