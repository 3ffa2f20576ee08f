//! Do leases tell who is there, who said farewell, and who was never heard of again? On a real nats-server.

use event_log::{Holder, JetStream, Latest, Lease, LeaseKey, Leases, Login, streams};
use events::{PresenceState, SessionId, UserId};
use futures::{StreamExt, stream::BoxStream};
use servers::{Nats, Role};
use std::time::Duration;
use uuid::Uuid;

/// The shortest life that the server knows.
const TTL: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(20);

async fn server() -> Nats {
    let nats = Nats::temporary().await.expect("a nats-server");
    let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
    let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
    streams::migrate(&operator, &sizes).await.expect("streams are made");
    nats
}

async fn leases(nats: &Nats, role: Role, ttl: Duration) -> Leases {
    let login = nats.credentials(role);
    let (user, password) = (login.user, login.password);
    let login_of_role = Login { user, password };
    let client = event_log::connect(&nats.url(), Some(login_of_role), login.inbox_prefix, "leases").await;
    JetStream::new(client.expect("a role may connect")).leases(ttl)
}

fn socket() -> LeaseKey {
    LeaseKey { user: UserId(Uuid::now_v7()), holder: Holder::Sockets(Uuid::now_v7()) }
}

fn client() -> LeaseKey {
    LeaseKey { user: UserId(Uuid::now_v7()), holder: Holder::Client(SessionId(Uuid::now_v7())) }
}

async fn next(told: &mut BoxStream<'static, Latest<Lease>>) -> Latest<(LeaseKey, Option<PresenceState>)> {
    match tokio::time::timeout(SOON, told.next()).await.expect("something is told").expect("for ever") {
        Latest::Told(lease) => Latest::Told((lease.key, lease.state)),
        Latest::Away => Latest::Away,
        Latest::Whole => Latest::Whole,
    }
}

// Red without `Nats-TTL`: the lease lives as long as the bucket keeps anything.
#[tokio::test]
async fn a_lease_is_told_from_its_beginning_to_its_end() {
    let nats = server().await;
    let ours = leases(&nats, Role::Query, TTL).await;
    let mut told = leases(&nats, Role::Command, TTL).await.watch();
    assert_eq!(next(&mut told).await, Latest::Whole);
    let (one, other) = (socket(), socket());
    ours.renew(&one, PresenceState::Online).await.expect("stored");
    assert_eq!(next(&mut told).await, Latest::Told((one, Some(PresenceState::Online))));
    ours.renew(&one, PresenceState::Dnd).await.expect("stored");
    assert_eq!(next(&mut told).await, Latest::Told((one, Some(PresenceState::Dnd))));
    ours.farewell(&one).await.expect("stored");
    assert_eq!(next(&mut told).await, Latest::Told((one, None)));
    ours.renew(&other, PresenceState::Away).await.expect("stored");
    assert_eq!(next(&mut told).await, Latest::Told((other, Some(PresenceState::Away))));
    // Nobody renews it. A farewell has its time too, at whose end the server tells it once more.
    let mut ended = next(&mut told).await;
    if ended == Latest::Told((one, None)) {
        ended = next(&mut told).await;
    }
    assert_eq!(ended, Latest::Told((other, None)));
    nats.stop().await;
}

#[tokio::test]
async fn who_looks_later_finds_who_is_there_and_nobody_else() {
    let nats = server().await;
    let ours = leases(&nats, Role::Command, Duration::from_secs(60)).await;
    let (one, two, gone) = (client(), client(), client());
    for key in [&one, &two, &gone] {
        ours.renew(key, PresenceState::Online).await.expect("stored");
    }
    ours.renew(&two, PresenceState::Away).await.expect("stored");
    ours.farewell(&gone).await.expect("stored");
    let there = leases(&nats, Role::Query, TTL).await.list().await;
    let there: Vec<_> = there.into_iter().map(|lease| (lease.key, lease.state)).collect();
    assert_eq!(there, [(one, Some(PresenceState::Online)), (two, Some(PresenceState::Away))]);
    nats.stop().await;
}

// Red with a consumer that goes on where the last one was: who ended while the server was away is never heard of.
#[tokio::test]
async fn after_the_server_was_away_the_whole_is_told_again() {
    let nats = server().await;
    let ours = leases(&nats, Role::Command, Duration::from_secs(60)).await;
    let key = client();
    ours.renew(&key, PresenceState::Online).await.expect("stored");
    let mut told = ours.watch();
    let online = Latest::Told((key, Some(PresenceState::Online)));
    assert_eq!([next(&mut told).await, next(&mut told).await], [online.clone(), Latest::Whole]);
    nats.stop().await;
    assert_eq!(next(&mut told).await, Latest::Away);
    let refused = ours.renew(&key, PresenceState::Away).await.expect_err("nobody is there");
    assert!(matches!(refused, event_log::LogError::Unavailable { .. }), "{refused}");
    nats.restart().await.expect("it starts again");
    assert_eq!([next(&mut told).await, next(&mut told).await], [online, Latest::Whole]);
    nats.stop().await;
}

#[tokio::test]
async fn the_query_service_renews_no_lease_of_a_client() {
    let nats = server().await;
    let query = leases(&nats, Role::Query, TTL).await;
    query.renew(&socket(), PresenceState::Online).await.expect("its own");
    query.renew(&client(), PresenceState::Online).await.expect_err("not its own");
    nats.stop().await;
}
