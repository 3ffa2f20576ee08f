//! What do these tests stand on? A real Postgres whose tables are as the projector leaves them, and the routes on it.

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, FromArgMatches};
use events::{Epoch, Membership, Position, RoomId, SessionId, UserId, UserKind};
use platform::{
    Authenticator, Caller, Shutdown,
    auth::{self, Revocations, Signer, Verifier},
    config::Secret,
    health::Health,
    limits::{RateLimitArgs, RateLimits},
    pool::{self, Purpose},
};
use query_service::{
    app::App,
    cache::{CacheArgs, Caches},
    rights::{SeenAfter, Shown},
    wait::Checkpoint,
};
use serde_json::Value;
use servers::{Postgres, Role};
use sqlx::{Executor, PgPool};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::ServiceExt;
use uuid::Uuid;

const EPOCH: Epoch = Epoch(7);

/// What the hub would have seen: told by the test.
#[derive(Default)]
pub(crate) struct Hub {
    seen: Mutex<HashMap<(RoomId, UserId), (u64, Membership)>>,
    /// What it says of changes; absent: it does not follow, and nothing is kept.
    follows: Mutex<Option<Followed>>,
}

/// How far the hub is, and the last change of each thing.
#[derive(Default)]
struct Followed {
    at: u64,
    changes: HashMap<Thing, u64>,
}

/// What may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Thing {
    /// Anything in it.
    Room(Uuid),
    /// Their name, or their place in any room.
    User(Uuid),
    /// What kinds of rooms and lounges there are.
    Rooms,
}

impl SeenAfter for Hub {
    fn right_after(&self, room: RoomId, user: UserId, checkpoint: u64) -> Option<Membership> {
        let seen = self.seen.lock().expect("no test panics in here");
        seen.get(&(room, user)).filter(|(at, _)| *at > checkpoint).map(|(_, after)| after.clone())
    }

    fn behind(&self, _: u64) -> bool {
        false
    }

    fn unchanged_to(&self, shown: Shown<'_>, at: Position) -> Option<Position> {
        let follows = self.follows.lock().expect("no test panics in here");
        let followed = follows.as_ref()?;
        let things: Vec<Thing> = match shown {
            Shown::Standing => vec![],
            Shown::Page { room, authors } => {
                authors.iter().map(|user| Thing::User(user.0)).chain([Thing::Room(room.0)]).collect()
            }
            Shown::Lounges => vec![Thing::Rooms],
            Shown::Rooms { rooms } => rooms.iter().map(|room| Thing::Room(room.0)).chain([Thing::Rooms]).collect(),
            Shown::Stranger(user) => vec![Thing::User(user.0)],
        };
        let changed = things.iter().any(|thing| followed.changes.get(thing).is_some_and(|last| *last > at.seq));
        (!changed).then_some(Position { seq: followed.at.max(at.seq), ..at })
    }
}

/// A person with a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) caller: Caller,
    token: String,
}

impl Person {
    pub(crate) fn id(&self) -> Uuid {
        self.caller.user.0
    }
}

/// The system under test.
pub(crate) struct System {
    router: Router,
    hub: Arc<Hub>,
    pub(crate) checkpoint: Checkpoint,
    /// As the projector.
    writer: PgPool,
    signer: Signer,
    pub(crate) authenticator: Arc<Authenticator>,
    shutdown: Shutdown,
    postgres: Postgres,
}

/// An answer: its status, code of a problem, and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The problem's code; empty where there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl System {
    /// A Postgres of its own, with tables and rights as `chatroom migrate` makes them.
    pub(crate) async fn start() -> Result<Self> {
        let postgres = Postgres::temporary().await?;
        let operator = PgPool::connect(&postgres.url(Role::Operator)).await?;
        sqlx::migrate!("../migrations").run(&operator).await?;
        operator.close().await;
        let writer = PgPool::connect(&postgres.url(Role::Projector)).await?;
        let url = Secret::from(postgres.url(Role::Query).as_str());
        let (private, public) = auth::generate("test");
        let revocations = Arc::new(Revocations::default());
        let authenticator = Arc::new(Authenticator::new(Verifier::parse(&public)?, revocations));
        let shutdown = Shutdown::new();
        let checked = pool::checked(&url, Purpose::requests("test"), 4)?;
        let hub = Arc::new(Hub::default());
        let checkpoint = Checkpoint::watch(checked.clone(), Health::new(), &shutdown);
        let app = App {
            authenticator: Arc::clone(&authenticator),
            limits: RateLimits::new(&lifted()?),
            checkpoint: checkpoint.clone(),
            checked,
            direct: pool::direct(&url, Purpose::requests("test"), 2)?,
            seen: Arc::clone(&hub) as Arc<dyn SeenAfter>,
            presences: Arc::default(),
            caches: Arc::new(Caches::new(&CacheArgs::default())),
        };
        let router = query_service::router(app);
        let signer = Signer::parse(&private)?;
        let system = Self { router, hub, checkpoint, writer, signer, authenticator, shutdown, postgres };
        system
            .write(
                "insert into rm.checkpoint (projection, part, generation, epoch, seq, event_id, chain, event_time)
                 values ('chat', 0, 1, 7, 1, gen_random_uuid(), '', now())",
            )
            .await?;
        Ok(system)
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.writer.close().await;
        self.shutdown.cancel();
        self.shutdown.wait(Duration::from_secs(10)).await?;
        self.postgres.stop().await;
        Ok(())
    }

    /// Rows, as the projector would write them.
    pub(crate) async fn write(&self, sql: &str) -> Result<()> {
        self.writer.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))).await.context("writing rows")?;
        Ok(())
    }

    /// Moves the checkpoint and tells it, in one transaction as the projector does.
    pub(crate) async fn reaches(&self, seq: u64) -> Result<()> {
        let sql = format!(
            "begin; update rm.checkpoint set seq = {seq} where projection = 'chat';
             select pg_notify('rm_checkpoint', '{seq}'); commit"
        );
        self.write(&sql).await
    }

    pub(crate) fn position(&self, seq: u64) -> String {
        self.at(seq).to_string()
    }

    pub(crate) fn at(&self, seq: u64) -> Position {
        Position { epoch: EPOCH, seq }
    }

    /// What the hub has seen of this person after the read model.
    pub(crate) fn hub_sees(&self, seq: u64, room: Uuid, person: &Person, after: Membership) {
        let mut seen = self.hub.seen.lock().expect("no test panics in here");
        seen.insert((RoomId(room), person.caller.user), (seq, after));
    }

    /// The hub has read the log up to here.
    pub(crate) fn hub_is_at(&self, seq: u64) {
        self.hub.follows.lock().expect("no test panics in here").get_or_insert_default().at = seq;
    }

    /// The hub is here, and here something changed.
    pub(crate) fn hub_sees_change(&self, seq: u64, of: Thing) {
        self.hub_is_at(seq);
        let mut follows = self.hub.follows.lock().expect("no test panics in here");
        follows.get_or_insert_default().changes.insert(of, seq);
    }

    pub(crate) async fn person(&self, name: &str, kind: UserKind) -> Result<Person> {
        let caller = Caller {
            user: UserId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            kind,
            credential: 1,
            expires_at: Utc::now() + TimeDelta::minutes(10),
        };
        let token = self.signer.sign(&caller, Utc::now());
        self.write(&format!(
            "insert into rm.users (id, display_name, kind, standing, credential, created_at, position)
             values ('{}', '{name}', '{}', 'active', 1, now(), 1)",
            caller.user,
            kind.as_str(),
        ))
        .await?;
        Ok(Person { caller, token })
    }

    pub(crate) async fn user(&self, name: &str) -> Result<Person> {
        self.person(name, UserKind::Registered).await
    }

    pub(crate) async fn lounge(&self, owner: &Person, name: &str) -> Result<Uuid> {
        let id = Uuid::now_v7();
        self.write(&format!(
            "insert into rm.lounges (id, name, owner_id, active, created_at, position)
             values ('{id}', '{name}', '{}', true, clock_timestamp(), 1)",
            owner.id(),
        ))
        .await?;
        Ok(id)
    }

    pub(crate) async fn room(&self, lounge: Uuid, name: &str, visibility: &str) -> Result<Uuid> {
        let id = Uuid::now_v7();
        self.write(&format!(
            "insert into rm.rooms (id, lounge_id, name, language, visibility, guests, active, owners, created_at, position)
             values ('{id}', '{lounge}', '{name}', 'en', '{visibility}', true, true, '{{}}', clock_timestamp(), 1);
             insert into rm.room_head (room_id, seq, position) values ('{id}', 1, 1)"
        ))
        .await?;
        Ok(id)
    }

    /// Lets somebody in with this role, or without one out; `ban` is the end of a ban as SQL.
    pub(crate) async fn member(
        &self,
        room: Uuid,
        person: &Person,
        role: Option<&str>,
        ban: Option<&str>,
    ) -> Result<()> {
        let role = role.map_or("null".to_owned(), |role| format!("'{role}'"));
        self.write(&format!(
            "insert into rm.members (room_id, user_id, role, joined_at, joined_seq, muted, banned, banned_until, position)
             values ('{room}', '{}', {role}, now(), 1, false, {}, {}, 1)",
            person.id(),
            ban.is_some(),
            ban.unwrap_or("null"),
        ))
        .await
    }

    /// Somebody is `online`, `away`, `dnd` or `offline`.
    pub(crate) async fn is(&self, person: &Person, state: &str) -> Result<()> {
        self.write(&format!(
            "insert into rm_live.presence (user_id, state, last_seen, position) values ('{}', '{state}', now(), 1)",
            person.id(),
        ))
        .await
    }

    /// A message at this `room_seq`, a second later than the one before; raises the head to it.
    pub(crate) async fn message(
        &self,
        room: Uuid,
        seq: u64,
        author: &Person,
        text: &str,
        status: &str,
    ) -> Result<Uuid> {
        let id = Uuid::now_v7();
        let at = DateTime::<Utc>::from_timestamp(1_790_000_000 + i64::try_from(seq)?, 0).context("in range")?;
        self.write(&format!(
            "insert into rm.messages (id, room_id, room_seq, position, author_id, text, language, mentions, created_at, status)
             values ('{id}', '{room}', {seq}, {seq}, '{}', '{text}', 'en', '{{}}', '{at}', '{status}');
             update rm.room_head set seq = {seq} where room_id = '{room}'",
            author.id(),
        ))
        .await?;
        Ok(id)
    }

    pub(crate) async fn get(&self, who: Option<&Person>, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = Request::get(path);
        if let Some(person) = who {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty())?).await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// The body of an answer that has to be good.
    pub(crate) async fn reads(&self, who: &Person, path: &str) -> Result<Value> {
        let Answer { status, body, .. } = self.get(Some(who), path, &[]).await?;
        ensure!(status == 200, "{path}: {status} {body}");
        Ok(body)
    }
}

fn lifted() -> Result<RateLimitArgs> {
    let command = RateLimitArgs::augment_args(clap::Command::new("test"));
    Ok(RateLimitArgs::from_arg_matches(&command.try_get_matches_from(["test", "--no-rate-limits"])?)?)
}
