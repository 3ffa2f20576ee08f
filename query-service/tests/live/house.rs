//! A query service on real servers, behind the real projector; the test writes the log, as a command service would.

use crate::{gate::Gate, socket::Socket};
use anyhow::{Context, Result};
use axum::{body::Body, http::Request};
use chrono::{SubsecRound, TimeDelta, Utc};
use clap::{Args, FromArgMatches};
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Change, Condition, Envelope, Epoch, Event, EventId, Lounge, LoungeEvent, LoungeId, Marker, MarkerEvent,
    Membership, MembershipEvent, MessageEvent, MessageId, NewEvent, Position, Presence, PresenceEvent, PresenceState,
    Role as Rank, Room, RoomEvent, RoomId, SessionId, StreamName, Subject, User, UserEvent, UserId, UserKind,
    Visibility,
    lounge::{LoungeChanged, LoungeCreated},
    marker::RoomRead,
    membership::{MemberBanned, MemberJoined, MemberMuted},
    message::MessagePosted,
    presence::PresenceChanged,
    room::RoomCreated,
    user::{UserAppeared, UserProfileChanged},
};
use platform::{
    Caller, Shutdown,
    auth::{self, Signer},
    config::Secret,
    health::Health,
    serve::{self, ServeLimits},
};
use query_service::{Config, Service};
use servers::{Role, Servers};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;
use tower::ServiceExt;
use uuid::Uuid;

const STOP_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) servers: Servers,
    /// Before the log, as the query service sees it.
    pub(crate) gate: Gate,
    log: JetStream,
    /// The last sequence of each subject, and the state there.
    tips: Mutex<HashMap<Subject, u64>>,
    people: Mutex<HashMap<UserId, User>>,
    epoch: Epoch,
    private: Secret,
    public: String,
    projector: Shutdown,
    pub(crate) roof: Roof,
}

/// The query service itself, which may be started again.
pub(crate) struct Roof {
    pub(crate) shutdown: Shutdown,
    router: axum::Router,
    pub(crate) address: SocketAddr,
}

impl House {
    pub(crate) async fn start(settings: &[&str]) -> Result<Self> {
        let servers = Servers::temporary().await?;
        let operator = servers.nats.connect(Role::Operator).await?;
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 64 << 20, other_bytes_max: 16 << 20 };
        streams::migrate(&operator, &sizes).await?;
        let database = PgPool::connect(&servers.postgres.url(Role::Operator)).await?;
        sqlx::migrate!("../migrations").run(&database).await?;
        database.close().await;
        let projector = Shutdown::new();
        let log = Arc::new(JetStream::new(servers.nats.connect(Role::Projector).await?));
        let url = Secret::from(servers.postgres.url(Role::Projector).as_str());
        projector::project(log, &url, &projector, &Health::new())?;
        let (private, public) = auth::generate("test");
        let gate = Gate::before(servers.nats.url().replace("nats://", "")).await?;
        let roof = Roof::raise(&servers, &gate, &public, settings).await?;
        Ok(Self {
            epoch: streams::epoch(&JetStream::new(operator), StreamName::Chat).await?,
            log: JetStream::new(servers.nats.connect(Role::Command).await?),
            servers,
            gate,
            tips: Mutex::default(),
            people: Mutex::default(),
            private,
            public,
            projector,
            roof,
        })
    }

    /// The query service ends, and another begins, whose ring is empty.
    pub(crate) async fn raises_another_roof(&mut self) -> Result<()> {
        self.roof.shutdown.cancel();
        self.roof.shutdown.wait(STOP_WITHIN).await?;
        self.roof = Roof::raise(&self.servers, &self.gate, &self.public, &[]).await?;
        Ok(())
    }

    pub(crate) async fn stop(self) -> Result<()> {
        for shutdown in [&self.roof.shutdown, &self.projector] {
            shutdown.cancel();
            shutdown.wait(STOP_WITHIN).await?;
        }
        self.servers.stop().await;
        Ok(())
    }

    async fn append(&self, actor: UserId, id: Uuid, subject: Subject, on: Subject, event: Event) -> Result<u64> {
        let now = Utc::now().trunc_subsecs(3);
        let mut envelope = Envelope::new(EventId(id), now, Actor::User(actor), "test");
        let tip = self.tips.lock().expect("not poisoned").get(&on).copied().unwrap_or_default();
        envelope.after = Some(Condition { subject: on, seq: tip });
        let seq = self.log.append(vec![NewEvent { subject, envelope, event }]).await?.last;
        self.tips.lock().expect("not poisoned").insert(subject, seq);
        Ok(seq)
    }

    pub(crate) async fn welcomes(&self, name: &str) -> Result<UserId> {
        let user = UserId(Uuid::now_v7());
        let at = Utc::now().trunc_subsecs(3);
        let appeared = UserAppeared { user, display_name: name.into(), kind: UserKind::Registered, at };
        self.tells_of(user, appeared.into()).await?;
        Ok(user)
    }

    pub(crate) async fn renames(&self, user: UserId, name: &str) -> Result<u64> {
        self.tells_of(user, UserProfileChanged { user, display_name: name.into() }.into()).await
    }

    async fn tells_of(&self, user: UserId, event: UserEvent) -> Result<u64> {
        let before = self.people.lock().expect("not poisoned").get(&user).cloned();
        let change = Change::<_, User>::of(before, event);
        self.people.lock().expect("not poisoned").insert(user, change.after.clone());
        self.append(user, Uuid::now_v7(), Subject::User(user), Subject::User(user), change.into()).await
    }

    /// A private room, with these people in it: its first numbers are its creation and their coming.
    pub(crate) async fn opens_room(&self, people: &[UserId]) -> Result<RoomId> {
        self.opens_room_in(LoungeId(Uuid::now_v7()), people).await
    }

    pub(crate) async fn opens_room_in(&self, lounge: LoungeId, people: &[UserId]) -> Result<RoomId> {
        let (room, at) = (RoomId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
        let created = RoomCreated {
            room,
            lounge,
            name: "Green".into(),
            topic: None,
            language: "en".into(),
            visibility: Visibility::Private,
            guests: false,
            owner: people[0],
            at,
        };
        let created = Change::<_, Room>::of(None, RoomEvent::from(created));
        self.append(people[0], room.0, Subject::Room(room), Subject::Room(room), created.into()).await?;
        for user in people {
            let role = if *user == people[0] { Rank::Owner } else { Rank::Member };
            let joined = MembershipEvent::from(MemberJoined { room, user: *user, role, at });
            let (member, joined) = (Subject::Member(room, *user), Change::<_, Membership>::of(None, joined));
            self.append(*user, Uuid::now_v7(), member, member, joined.into()).await?;
        }
        Ok(room)
    }

    pub(crate) async fn bans(&self, owner: UserId, room: RoomId, user: UserId) -> Result<u64> {
        let banned = MembershipEvent::from(MemberBanned { room, user, until: None, reason: None });
        self.changes_member(owner, room, user, banned).await
    }

    /// Of somebody who has only joined.
    async fn changes_member(&self, by: UserId, room: RoomId, user: UserId, event: MembershipEvent) -> Result<u64> {
        let (member, at) = (Subject::Member(room, user), Utc::now().trunc_subsecs(3));
        let joined = MembershipEvent::from(MemberJoined { room, user, role: Rank::Member, at });
        let before = Change::<_, Membership>::of(None, joined).after;
        let change = Change::<_, Membership>::of(Some(before), event);
        self.append(by, Uuid::now_v7(), member, member, change.into()).await
    }

    pub(crate) async fn opens_lounge(&self, owner: UserId) -> Result<LoungeId> {
        let (lounge, at) = (LoungeId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
        let created = LoungeCreated { lounge, name: "Old".into(), description: None, owner, at };
        self.tells_of_lounge(owner, lounge, &[created.into()]).await?;
        Ok(lounge)
    }

    pub(crate) async fn renames_lounge(&self, owner: UserId, lounge: LoungeId, name: &str) -> Result<u64> {
        let at = Utc::now().trunc_subsecs(3);
        let created = LoungeCreated { lounge, name: "Old".into(), description: None, owner, at };
        let changed = LoungeChanged { lounge, name: Some(name.into()), description: None };
        self.tells_of_lounge(owner, lounge, &[created.into(), changed.into()]).await
    }

    /// Appends the last of these.
    async fn tells_of_lounge(&self, owner: UserId, lounge: LoungeId, events: &[LoungeEvent]) -> Result<u64> {
        let mut last = None;
        for event in events {
            last = Some(Change::<_, Lounge>::of(last.map(|change: Change<_, _>| change.after), event.clone()));
        }
        let (subject, change) = (Subject::Lounge(lounge), last.context("there is one")?);
        self.append(owner, Uuid::now_v7(), subject, subject, change.into()).await
    }

    pub(crate) async fn posts(&self, author: UserId, room: RoomId, text: &str) -> Result<u64> {
        let id = Uuid::now_v7();
        let (message, text) = (MessageId(id), text.to_owned());
        let said = MessagePosted { room, message, author, text, reply_to: None, mentions: Vec::new() };
        let event = Event::Message(MessageEvent::Posted(said));
        self.append(author, id, Subject::RoomMessages(room), Subject::Member(room, author), event).await
    }

    /// Somebody is there, or not, from now on.
    pub(crate) async fn shows(&self, user: UserId, state: PresenceState) -> Result<u64> {
        let (subject, at) = (Subject::Presence(user), Utc::now().trunc_subsecs(3));
        let change = Change::<_, Presence>::of(None, PresenceEvent::from(PresenceChanged { user, state, at }));
        self.append(user, Uuid::now_v7(), subject, subject, change.into()).await
    }

    pub(crate) async fn reads(&self, user: UserId, room: RoomId, seq: u64) -> Result<u64> {
        let subject = Subject::Marker(user, room);
        let change = Change::<_, Marker>::of(None, MarkerEvent::from(RoomRead { user, room, seq }));
        self.append(user, Uuid::now_v7(), subject, subject, change.into()).await
    }

    pub(crate) async fn mutes(&self, owner: UserId, room: RoomId, user: UserId) -> Result<u64> {
        let muted = MembershipEvent::from(MemberMuted { room, user, until: None, reason: None });
        self.changes_member(owner, room, user, muted).await
    }

    /// What the bucket says of somebody.
    pub(crate) async fn lease(&self, user: UserId) -> Option<PresenceState> {
        let leases = self.log.leases(Duration::from_secs(75)).list().await;
        leases.into_iter().find(|lease| lease.key.user == user).and_then(|lease| lease.state)
    }

    /// From here on the read model knows nothing new.
    pub(crate) fn stops_projecting(&self) {
        self.projector.cancel();
    }

    pub(crate) async fn writes(&self, sql: &str) -> Result<()> {
        let database = PgPool::connect(&self.servers.postgres.url(Role::Operator)).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&database).await?;
        database.close().await;
        Ok(())
    }

    pub(crate) fn position(&self, seq: u64) -> String {
        Position { epoch: self.epoch, seq }.to_string()
    }

    pub(crate) fn token(&self, user: UserId) -> Result<String> {
        let (session, now) = (SessionId(Uuid::now_v7()), Utc::now());
        let expires_at = now + TimeDelta::minutes(10);
        let caller = Caller { user, session, kind: UserKind::Registered, credential: 1, expires_at };
        Ok(Signer::parse(&self.private)?.sign(&caller, now))
    }

    /// Waits until the read model is there.
    pub(crate) async fn is_projected(&self, user: UserId, seq: u64) -> Result<()> {
        let request = Request::get("/v1/users/me/rooms")
            .header("authorization", format!("Bearer {}", self.token(user)?))
            .header("chat-min-position", self.position(seq));
        let response = self.roof.router.clone().oneshot(request.body(Body::empty())?).await?;
        anyhow::ensure!(response.status() == 200, "{}", response.status());
        Ok(())
    }

    /// A socket that has said hello.
    pub(crate) async fn opens(&self) -> Result<Socket> {
        let mut socket = Socket::open(self.roof.address, Some("chatroom.v1")).await?;
        assert_eq!(socket.hears().await?.t, "hello");
        Ok(socket)
    }

    /// A socket that is known and ready.
    pub(crate) async fn listens(&self, user: UserId, mut identify: serde_json::Value) -> Result<Socket> {
        let mut socket = self.opens().await?;
        identify["token"] = self.token(user)?.into();
        socket.says("identify", identify).await?;
        let ready = socket.hears().await?;
        anyhow::ensure!(ready.t == "ready", "{ready:?}");
        Ok(socket)
    }
}

impl Roof {
    async fn raise(servers: &Servers, gate: &Gate, public: &str, settings: &[&str]) -> Result<Self> {
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let service = Service::start(config(servers, gate, public, settings)?, &shutdown, &health).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (router, token) = (service.router.clone(), shutdown.token());
        shutdown
            .spawn("listener", async move { Ok(serve::serve(listener, router, ServeLimits::admin(), token).await?) });
        let roof = Self { shutdown, router: service.router, address };
        while Socket::open(address, None).await.is_err() {
            tokio::task::yield_now().await;
        }
        Ok(roof)
    }
}

/// Settings as a command line has them.
fn config(servers: &Servers, gate: &Gate, public_keys: &str, settings: &[&str]) -> Result<Config> {
    let login = servers.nats.credentials(Role::Query);
    let flags = [
        ("database-url", servers.postgres.url(Role::Query)),
        ("nats-url", format!("nats://{}", gate.address)),
        ("nats-user", login.user),
        ("nats-password", login.password),
        ("nats-inbox-prefix", login.inbox_prefix),
        ("token-public-keys", public_keys.to_owned()),
    ];
    let flags = flags.into_iter().map(|(name, value)| format!("--{name}={value}"));
    let flags = flags.chain(["--no-rate-limits".to_owned()]).chain(settings.iter().map(|flag| (*flag).to_owned()));
    let command = Config::augment_args(clap::Command::new("test").no_binary_name(true));
    Ok(Config::from_arg_matches(&command.try_get_matches_from(flags)?)?)
}
