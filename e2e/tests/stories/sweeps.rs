//! What becomes of a guest who never came back? Two instances sweep, and everybody reads of his end once.

use chatroom::dev::{Access, Keys, Settings};
use event_log::{EventLog, JetStream, Start};
use events::identity::{Account, AccountEvent, GuestStarted, Session, SessionEvent, SessionStarted};
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, NewEvent, SessionId, StreamName, Subject, Time, UserId,
};
use futures::StreamExt;
use platform::{Shutdown, health::Health};
use servers::{Role, Servers};
use std::time::Duration;
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Often enough that both instances sweep again and again within the test.
const SWEEP_EVERY_MS: &str = "25";
const SOON: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A guest of this name and his one session, which ended an hour ago: one batch, as his coming was.
fn came_and_went(name: &str) -> (UserId, Vec<NewEvent>) {
    let (user, session) = (UserId(Uuid::now_v7()), SessionId(Uuid::now_v7()));
    let now = Time::from_timestamp_millis(chrono::Utc::now().timestamp_millis()).expect("today");
    let (at, ended) = (now - chrono::TimeDelta::hours(25), now - chrono::TimeDelta::hours(1));
    let guest = GuestStarted { user, display_name: name.to_owned(), expires_at: ended, at };
    let (idle_until, expires_at) = (ended, ended);
    let started = SessionStarted { session, user, credential: 0, key: 1, device: None, idle_until, expires_at, at };
    let event = |subject, event| {
        let mut envelope = Envelope::new(EventId::at(now, rand::random()), at, Actor::Guest(user), "came");
        envelope.after = Some(Condition { subject, seq: 0 });
        NewEvent { subject, envelope, event }
    };
    let guest = Change::<AccountEvent, Account>::of(None, guest.into());
    let started = Change::<SessionEvent, Session>::of(None, started.into());
    (user, vec![event(Subject::Account(user), guest.into()), event(Subject::Session(session), started.into())])
}

// Red with no sweep: `SWEEP_EVERY_MS` of 0.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_never_came_back_ends_once_and_leaves_the_read_model() {
    let servers = Servers::temporary().await.expect("real servers");
    let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
    let keys = Keys::generate();
    chatroom::migrate::run(&access.of(Role::Operator).parse().expect("settings")).await.expect("streams and tables");
    let settings = Settings { access: &access, keys: &keys, no_rate_limits: true, bcrypt_cost: Some(4) };
    let (shutdown, health) = (Shutdown::new(), Health::new());
    let projector = settings.of(Role::Projector).parse().expect("settings");
    projector::start(projector, shutdown.clone(), health.clone()).await.expect("a projector");
    for _ in 0..2 {
        let commands = settings.of(Role::Command).with("SWEEP_EVERY_MS", SWEEP_EVERY_MS).parse().expect("settings");
        command_service::Service::start(commands, &shutdown, &health).await.expect("a command service");
    }

    let log = JetStream::new(servers.nats.connect(Role::Operator).await.expect("the operator may connect"));
    let (bob, coming) = came_and_went("Bob");
    log.append(coming).await.expect("he came");
    let (database, connection) =
        tokio_postgres::connect(&servers.postgres.url(Role::Operator), NoTls).await.expect("the operator may connect");
    tokio::spawn(connection);
    let gone = async {
        let query = "select standing, (select count(*) from rm_live.guest_sessions where user_id = $1) \
                     from rm.users where id = $1";
        loop {
            let row = database.query_opt(query, &[&bob.0]).await.expect("readable");
            if row.is_some_and(|row| row.get::<_, &str>(0) == "expired" && row.get::<_, i64>(1) == 0) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("his end reaches the read model");

    // Somebody who comes later ends as well: everything that either instance wrote of the first is in the log by then.
    let (eve, coming) = came_and_went("Eve");
    log.append(coming).await.expect("she came");
    let mut people = log.follow(StreamName::Chat, Start::Beginning, vec!["chat.v1.user.*".to_owned()]);
    let mut said = Vec::new();
    let last = (eve, "user.session_closed");
    while said.last() != Some(&last) {
        let next = tokio::time::timeout(SOON, people.next()).await.expect("in time").expect("for ever");
        let fact = next.expect("one log").fact().expect("of our vocabulary");
        if let (Subject::User(user), Event::User(change)) = (fact.subject, fact.event) {
            said.push((user, change.event.event_type().name));
        }
    }
    let life = ["user.appeared", "user.expired", "user.session_closed"];
    let both: Vec<_> = [bob, eve].into_iter().flat_map(|user| life.map(|name| (user, name))).collect();
    assert_eq!(said, both);
    shutdown.cancel();
    shutdown.wait(SOON).await.expect("every task ends well");
    servers.stop().await;
}
