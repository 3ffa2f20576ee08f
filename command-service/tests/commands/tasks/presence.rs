//! Is somebody's coming and going told once, whoever watches, and not at all when only the server was away?

use crate::house::{Ask, House, Instance, SOON, user_id};
use event_log::{EventLog, Latest, Lease, Start};
use events::{Event, PresenceState, StreamName, UserId};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::time::Duration;

use PresenceState::{Away, Dnd, Offline, Online};

/// As short as the server can measure.
const LEASE_SECS: u64 = 2;
const GRACE_MS: u64 = 250;
/// Often enough that a lease goes on for ever.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(200);

/// Somebody without a socket.
struct Guest {
    id: UserId,
    tokens: Value,
}

impl Guest {
    async fn comes(to: &Instance, name: &str) -> Self {
        let wish = json!({ "display_name": name });
        let tokens = Ask::new("POST", "/v1/guests", wish).done_once_heard(to).await;
        Self { id: user_id(&tokens), tokens }
    }

    fn beats(&self, state: impl Into<Value>) -> Ask<'_> {
        Ask::new("POST", "/v1/presence/heartbeat", json!({ "state": state.into() })).by(&self.tokens)
    }

    async fn is_heard(&self, by: &Instance, state: PresenceState) {
        let answer = self.beats(json!(state)).done_once_heard(by).await;
        assert_eq!(answer["presence"]["state"], json!(state), "{answer}");
        assert_eq!(answer["presence"]["user_id"], json!(self.id));
    }

    /// Is there for as long as this is polled.
    async fn stays(&self, with: &Instance) {
        loop {
            // While the server is away, nobody hears him; a client goes on.
            self.beats("online").of(with).await;
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    }
}

async fn house() -> House {
    let mut house = House::new().await;
    house.config.presence.presence_lease_secs = LEASE_SECS;
    house.config.presence.presence_grace_ms = GRACE_MS;
    house
}

/// What the log says of everybody's presence, in order, up to the first fact that is this one.
async fn told_until(house: &House, user: UserId, state: PresenceState) -> Vec<(UserId, PresenceState)> {
    let mut facts = house.log.follow(StreamName::Presence, Start::Beginning, vec!["prs.v1.user.*".to_owned()]);
    let mut told = Vec::new();
    while told.last() != Some(&(user, state)) {
        let next = tokio::time::timeout(SOON, facts.try_next()).await;
        let record = next.unwrap_or_else(|_| panic!("{state:?} in time, after {told:?}")).expect("one log");
        let fact = record.expect("for ever").fact().expect("of our vocabulary");
        if let (events::Subject::Presence(user), Event::Presence(change)) = (fact.subject, fact.event) {
            told.push((user, change.after.state));
        }
    }
    told
}

// Red with `true` in place of `shown != logged(presence)` in `change`: then each instance writes its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_client_that_crashes_two_instances_tell_once() {
    let house = house().await;
    let (one, two) = (house.instance().await, house.instance().await);
    let bob = Guest::comes(&one, "Bob").await;
    bob.is_heard(&one, Online).await;
    told_until(&house, bob.id, Online).await;
    // He renews his one lease wherever he asks, and is heard of no more.
    bob.is_heard(&two, Online).await;
    told_until(&house, bob.id, Offline).await;
    bob.is_heard(&two, Dnd).await;
    let all = [Online, Offline, Dnd].map(|state| (bob.id, state));
    assert_eq!(told_until(&house, bob.id, Dnd).await, all);
    one.stops().await;
    two.stops().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_ends_a_lease_before_its_time() {
    let mut house = house().await;
    house.config.presence.presence_lease_secs = 75;
    let one = house.instance().await;
    let bob = Guest::comes(&one, "Bob").await;
    for state in [Away, Online, Dnd] {
        bob.is_heard(&one, state).await;
        told_until(&house, bob.id, state).await;
    }
    let leases = house.log.leases(Duration::from_secs(LEASE_SECS));
    assert_eq!(leases.list().await.len(), 1);
    bob.is_heard(&one, Offline).await;
    assert_eq!(leases.list().await, []);
    assert_eq!(bob.beats("asleep").of(&one).await.status, 422);
    one.stops().await;
    house.stop().await;
}

// Red without `patient_until` in `Board::look_at`: Ada, who is silent for a while after the server is back, goes offline.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_for_longer_than_a_lease_takes_nobody_offline() {
    let house = house().await;
    let (one, two) = (house.instance().await, house.instance().await);
    let (ada, bob, eve) = tokio::join!(Guest::comes(&one, "Ada"), Guest::comes(&one, "Bob"), Guest::comes(&one, "Eve"));
    ada.is_heard(&one, Online).await;
    told_until(&house, ada.id, Online).await;
    let story = async {
        told_until(&house, bob.id, Online).await;
        house.nats.stop().await;
        // The clock of the leases is what this is about: all of them are over when the server is back.
        tokio::time::sleep(Duration::from_secs(LEASE_SECS) + Duration::from_millis(500)).await;
        house.nats.restart().await.expect("it starts again");
        // Somebody new is believed after the grace, which began no earlier for him than for Ada's absence.
        eve.is_heard(&two, Online).await;
        told_until(&house, eve.id, Online).await;
        ada.is_heard(&two, Dnd).await;
        told_until(&house, ada.id, Dnd).await
    };
    let told = tokio::select! {
        () = bob.stays(&two) => unreachable!("he stays for ever"),
        told = story => told,
    };
    let of_ada: Vec<_> = told.iter().filter(|(user, _)| *user == ada.id).collect();
    assert_eq!(of_ada, [&(ada.id, Online), &(ada.id, Dnd)]);
    let of_bob: Vec<_> = told.iter().filter(|(user, _)| *user == bob.id).collect();
    assert_eq!(of_bob, [&(bob.id, Online)], "who stays is told of once");
    one.stops().await;
    two.stops().await;
    house.stop().await;
}

// Red with nothing compared in `Board::compare`: of whom no lease tells, nobody hears.
#[tokio::test(flavor = "multi_thread")]
async fn who_crashed_while_nobody_watched_is_found_at_the_next_start() {
    let house = house().await;
    let one = house.instance().await;
    let bob = Guest::comes(&one, "Bob").await;
    bob.is_heard(&one, Online).await;
    told_until(&house, bob.id, Online).await;
    let mut leases = house.log.leases(Duration::from_secs(LEASE_SECS)).watch();
    one.stops().await;
    let is_his_end = |told: &Latest<Lease>| matches!(told, Latest::Told(lease) if lease.state.is_none());
    let gone = async { while !is_his_end(&leases.next().await.expect("for ever")) {} };
    tokio::time::timeout(SOON, gone).await.expect("his lease ends");
    assert_eq!(house.log.leases(Duration::from_secs(LEASE_SECS)).list().await, []);

    let two = house.instance().await;
    assert_eq!(told_until(&house, bob.id, Offline).await, [Online, Offline].map(|state| (bob.id, state)));
    two.stops().await;
    house.stop().await;
}

// There is no Postgres: red with any query.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_heartbeats_ask_no_database_and_tell_of_each_once() {
    let mut house = house().await;
    house.config.presence.presence_lease_secs = 75;
    let one = house.instance().await;
    // Fewer than the commands that may be in flight at once.
    let mut guests = Vec::new();
    for _ in 0..10 {
        guests.extend(join_all((0..100).map(|_| Guest::comes(&one, "Bob"))).await);
    }
    for _ in 0..2 {
        for some in guests.chunks(100) {
            join_all(some.iter().map(|guest| guest.is_heard(&one, Online))).await;
        }
    }
    let last = Guest::comes(&one, "Eve").await;
    last.is_heard(&one, Online).await;
    let told = told_until(&house, last.id, Online).await;
    assert_eq!(told.len(), 1_001);
    one.stops().await;
    house.stop().await;
}

// Red with the check of the limit taken out of the route.
#[tokio::test(flavor = "multi_thread")]
async fn who_beats_too_often_is_told_when_to_come_back() {
    let mut house = house().await;
    house.config.limits.no_rate_limits = false;
    let one = house.instance().await;
    let bob = Guest::comes(&one, "Bob").await;
    let answers = join_all((0..20).map(|_| async { bob.beats("online").of(&one).await })).await;
    let refused = answers.iter().find(|answer| answer.status == 429).expect("twenty are too many");
    assert_eq!(refused.body["code"], "rate-limited");
    assert!(answers.iter().filter(|answer| answer.status != 429).count() >= 10);
    one.stops().await;
    house.stop().await;
}
