//! Is what has run out ended once, as a whole, whoever sweeps, and refused where nobody does?

use crate::house::{Ask, House, LOOK_EVERY, refreshing, user_id};
use chrono::{TimeDelta, Utc};
use event_log::{EventLog, Start};
use events::identity::{
    Account, AccountEvent, GuestStarted, RevocationCause, Session, SessionEvent, SessionRefreshed, SessionStarted,
};
use events::user::Standing;
use events::{Change, Event, SessionId, StreamName, Subject, Time, UserId};
use futures::StreamExt;
use platform::telemetry;
use serde_json::json;
use servers::{Postgres, Role};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

/// Short enough that an instance sweeps many times within a test.
const OFTEN_MS: u64 = 20;

/// A log and the rows that a projector would have written. There is none, so that a row can be older than the log.
struct Hotel {
    house: House,
    postgres: Postgres,
    operator: PgPool,
}

/// Somebody whose time is over.
#[derive(Clone, Copy)]
struct Over {
    user: UserId,
    session: SessionId,
    ended_at: Time,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guest,
    Registered,
}

impl Hotel {
    async fn opens() -> Self {
        let postgres = Postgres::temporary().await.expect("a Postgres");
        let operator = PgPoolOptions::new().max_connections(1).connect(&postgres.url(Role::Operator)).await;
        let operator = operator.expect("the operator may");
        sqlx::migrate!("../migrations").run(&operator).await.expect("the migrations apply");
        let mut house = House::on(&postgres.url(Role::Command)).await;
        house.config.sweeps.sweep_every_ms = OFTEN_MS;
        Self { house, postgres, operator }
    }

    /// Somebody whose session ended so long ago, in the log and in the rows.
    async fn has_had(&self, kind: Kind, seconds_ago: i64) -> Over {
        let (user, session) = (UserId(Uuid::now_v7()), SessionId(Uuid::now_v7()));
        let over = Over { user, session, ended_at: now() - TimeDelta::seconds(seconds_ago), kind };
        let mut unit = Vec::new();
        if kind == Kind::Guest {
            let name = "Bob".to_owned();
            let expires_at = over.ended_at;
            let guest = GuestStarted { user, display_name: name, expires_at, at: now() };
            let change = Change::<AccountEvent, Account>::of(None, guest.into());
            unit.push((Subject::Account(user), 0, change.into()));
        }
        let started = SessionStarted {
            session,
            user,
            credential: u32::from(kind == Kind::Registered),
            key: 1,
            device: None,
            idle_until: over.ended_at,
            expires_at: over.ended_at + TimeDelta::days(1),
            at: now(),
        };
        let change = Change::<SessionEvent, Session>::of(None, started.into());
        unit.push((Subject::Session(session), 0, change.into()));
        self.house.append(unit).await;
        self.has_row(&over).await;
        over
    }

    async fn has_row(&self, over: &Over) {
        let (table, credential) = match over.kind {
            Kind::Guest => ("rm_live.guest_sessions", ""),
            Kind::Registered => ("rm_live.sessions", "credential, "),
        };
        let one = if credential.is_empty() { "" } else { "1, " };
        let insert = format!(
            "insert into {table} (id, user_id, {credential}created_at, last_used_at, ends_at, expires_at, position) \
             values ($1, $2, {one}now(), now(), $3, now(), 1)"
        );
        let insert = sqlx::query(sqlx::AssertSqlSafe(insert)).bind(over.session.0).bind(over.user.0);
        insert.bind(over.ended_at).execute(&self.operator).await.expect("a row");
    }

    async fn has_ended(&self, over: &Over) {
        self.house.becomes(Subject::Session(over.session), is_expired).await;
    }

    async fn end_of_the_log(&self) -> u64 {
        self.house.log.extent(StreamName::Identity).await.expect("the log answers").last
    }

    async fn closes(self) {
        self.operator.close().await;
        self.house.nats.stop().await;
        self.postgres.stop().await;
    }
}

fn now() -> Time {
    Time::from_timestamp_millis(Utc::now().timestamp_millis()).expect("today")
}

fn is_expired(event: &Event) -> bool {
    matches!(event, Event::Session(change) if change.after.revoked == Some(RevocationCause::Expired))
}

fn is_over(event: &Event) -> bool {
    matches!(event, Event::Account(change) if change.after.standing == Standing::Expired)
}

// Red with `session.revoked.is_none()` taken out of `expire`: each pass ends each once more, under the new tip.
#[tokio::test(flavor = "multi_thread")]
async fn each_end_is_written_once_however_many_sweep_and_however_often() {
    let hotel = Hotel::opens().await;
    let mut all = Vec::new();
    for n in 0..60 {
        let kind = if n % 2 == 0 { Kind::Guest } else { Kind::Registered };
        // Many at the same moment: pages are cut between equal ends too.
        all.push(hotel.has_had(kind, 1_000 - n / 20).await);
    }
    let before = hotel.end_of_the_log().await;
    let instances = [hotel.house.instance().await, hotel.house.instance().await];
    for over in &all {
        hotel.has_ended(over).await;
    }
    // The rows stay, so both go over them again before they come to somebody who is found later.
    for _ in 0..2 {
        let later = hotel.has_had(Kind::Registered, 1).await;
        hotel.has_ended(&later).await;
    }
    for instance in instances {
        instance.stops().await;
    }
    // Sixty sessions, thirty guests, and two who came later: with their beginning and their end.
    assert_eq!(hotel.end_of_the_log().await - before, 60 + 30 + 2 * 2);
    for over in all.iter().filter(|over| over.kind == Kind::Guest) {
        hotel.house.becomes(Subject::Account(over.user), is_over).await;
    }
    hotel.closes().await;
}

// Red with `session.ends_at() <= now` taken out of `expire`: then the row alone decides.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_refreshed_since_his_row_was_written_stays() {
    let hotel = Hotel::opens().await;
    let stays = hotel.has_had(Kind::Guest, 1_000).await;
    let subject = Subject::Session(stays.session);
    let tip = hotel.house.tip(subject).await.expect("he has a session").fact().expect("of our vocabulary");
    let Event::Session(Change { after, .. }) = tip.event else { panic!("a session") };
    let (idle_until, expires_at) = (now() + TimeDelta::hours(24), after.expires_at);
    let refreshed = SessionRefreshed {
        session: stays.session,
        rotation: 1,
        credential: 0,
        key: 1,
        idle_until,
        expires_at,
        at: now(),
    };
    let change = Change::<SessionEvent, Session>::of(Some(after), refreshed.into());
    hotel.house.append(vec![(subject, tip.seq, change.into())]).await;

    let instance = hotel.house.instance().await;
    let behind_him = hotel.has_had(Kind::Registered, 500).await;
    hotel.has_ended(&behind_him).await;
    let tip = hotel.house.tip(subject).await.expect("he still has it").fact().expect("of our vocabulary");
    assert!(matches!(tip.event, Event::Session(change) if change.after.is_live(now())));
    instance.stops().await;
    hotel.closes().await;
}

// Red with `expired: None` in `ending`. That the two are one batch is the log's promise of a unit.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_leaves_nobody_half_ended_and_another_goes_on() {
    let hotel = Hotel::opens().await;
    let mut guests = Vec::new();
    for _ in 0..250 {
        guests.push(hotel.has_had(Kind::Guest, 1_000).await);
    }
    let begin = hotel.end_of_the_log().await;
    let mut ends = hotel.house.log.follow(StreamName::Identity, Start::Sequence(begin), Vec::new());
    ends.next().await.expect("the last beginning").expect("one log");
    let instance = hotel.house.instance().await;
    ends.next().await.expect("the first end").expect("one log");
    instance.stops().await;

    let mut ended = 0;
    for guest in &guests {
        let session = hotel.house.tip(Subject::Session(guest.session)).await.expect("a session");
        let account = hotel.house.tip(Subject::Account(guest.user)).await.expect("an account");
        let (session, account) = (session.fact().expect("ours").event, account.fact().expect("ours").event);
        assert_eq!(is_expired(&session), is_over(&account));
        ended += usize::from(is_over(&account));
    }
    assert!((1..guests.len()).contains(&ended), "{ended} of 250: it was stopped in the middle");
    let instance = hotel.house.instance().await;
    for guest in &guests {
        hotel.has_ended(guest).await;
    }
    instance.stops().await;
    assert_eq!(hotel.end_of_the_log().await, begin + 2 * 250);
    hotel.closes().await;
}

// Red with a `return` where the sweep could not go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_waits_for_either_server_and_goes_on() {
    let hotel = Hotel::opens().await;
    // Installed before anything is counted.
    let metrics = telemetry::metrics().expect("the process has one recorder");
    let interrupted = async |code: &str| {
        let counted = format!("sweeps_interrupted_total{{code=\"{code}\"}}");
        while !metrics.render().contains(&counted) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let first = hotel.has_had(Kind::Guest, 1_000).await;
    hotel.postgres.kill().await;
    let instance = hotel.house.instance().await;
    interrupted("overloaded").await;
    hotel.postgres.restart().await.expect("it starts again");
    hotel.has_ended(&first).await;

    let second = hotel.has_had(Kind::Guest, 900).await;
    hotel.house.nats.kill().await;
    interrupted("log-unavailable").await;
    hotel.house.nats.restart().await.expect("it starts again");
    hotel.has_ended(&second).await;
    instance.stops().await;
    hotel.closes().await;
}

// Red with `.min(session.ends_at())` taken out of `Tokens::pair`.
#[tokio::test(flavor = "multi_thread")]
async fn whose_time_is_over_is_refused_though_nobody_sweeps() {
    let house = House::new().await;
    let instance = house.instance().await;
    let guest = Ask::new("POST", "/v1/guests", json!({ "display_name": "Bob" })).done_once_heard(&instance).await;
    let session: SessionId = guest["session"]["id"].as_str().expect("an id").parse().expect("an id");
    let user = user_id(&guest);

    // His last hours are over in three seconds, and a token that he gets now, too.
    let subject = Subject::Session(session);
    let tip = house.tip(subject).await.expect("he has a session").fact().expect("of our vocabulary");
    let Event::Session(Change { after, .. }) = tip.event else { panic!("a session") };
    let end = now() + TimeDelta::seconds(3);
    let shortened = SessionRefreshed {
        session,
        rotation: after.rotation,
        credential: 0,
        key: after.key,
        idle_until: end,
        expires_at: end,
        at: now(),
    };
    let change = Change::<SessionEvent, Session>::of(Some(after), shortened.into());
    house.append(vec![(subject, tip.seq, change.into())]).await;
    let last = refreshing(&guest).done_once_heard(&instance).await;
    assert!(last["expires_in"].as_i64().expect("seconds") <= 3);
    let rename = Ask::new("PATCH", "/v1/users/me", json!({ "display_name": "Rob" })).by(&last);
    rename.done_once_heard(&instance).await;

    // The clock is what this is about.
    tokio::time::sleep((end - now()).to_std().unwrap_or_default()).await;
    assert_eq!(rename.of(&instance).await.told(), (401, "token-expired"));
    assert_eq!(refreshing(&last).of(&instance).await.told(), (401, "unauthenticated"));
    let account = house.tip(Subject::Account(user)).await.expect("an account").fact().expect("ours");
    assert!(!is_over(&account.event), "nobody swept");
    instance.stops().await;
    house.nats.stop().await;
}
