//! Does what is appended to the log read back through the API, behind the real projector and beside the real hub?

use anyhow::{Context, Result, ensure};
use axum::{body::Body, http::Request};
use chrono::{SubsecRound, TimeDelta, Utc};
use clap::{Args, FromArgMatches};
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Change, Condition, Envelope, Epoch, Event, EventId, LoungeId, Membership, MembershipEvent, MessageEvent,
    MessageId, NewEvent, Position, Role as Rank, Room, RoomId, SessionId, StreamName, Subject, User, UserEvent, UserId,
    UserKind, Visibility,
    membership::{MemberJoined, MemberKicked},
    message::MessagePosted,
    room::RoomCreated,
    user::{UserAppeared, UserProfileChanged},
};
use platform::{
    Caller, Shutdown,
    auth::{self, Signer},
    config::Secret,
    health::Health,
};
use query_service::{Config, Service};
use serde_json::Value;
use servers::{Role, Servers};
use sqlx::PgPool;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tower::ServiceExt;
use uuid::Uuid;

/// A log, the projector behind it and the query service beside it, and one person who writes and reads.
pub(crate) struct Whole {
    servers: Servers,
    shutdown: Shutdown,
    service: Service,
    epoch: Epoch,
    log: JetStream,
    pub(crate) ada: UserId,
    token: String,
    last: HashMap<Subject, u64>,
}

impl Whole {
    pub(crate) async fn start() -> Result<Self> {
        let servers = Servers::temporary().await?;
        let operator = servers.nats.connect(Role::Operator).await?;
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 64 << 20, other_bytes_max: 16 << 20 };
        streams::migrate(&operator, &sizes).await?;
        let database = PgPool::connect(&servers.postgres.url(Role::Operator)).await?;
        sqlx::migrate!("../migrations").run(&database).await?;
        database.close().await;

        let (shutdown, health) = (Shutdown::new(), Health::new());
        let log = Arc::new(JetStream::new(servers.nats.connect(Role::Projector).await?));
        projector::project(log, &Secret::from(servers.postgres.url(Role::Projector).as_str()), &shutdown, &health)?;
        let (private, public) = auth::generate("test");
        let service = Service::start(config(&servers, &public)?, &shutdown, &health).await?;
        let epoch = streams::epoch(&JetStream::new(operator), StreamName::Chat).await?;
        let log = JetStream::new(servers.nats.connect(Role::Command).await?);
        let (ada, now) = (UserId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
        let caller = Caller {
            user: ada,
            session: SessionId(Uuid::now_v7()),
            kind: UserKind::Registered,
            credential: 1,
            expires_at: now + TimeDelta::minutes(10),
        };
        let token = Signer::parse(&private)?.sign(&caller, now);
        Ok(Self { servers, shutdown, service, epoch, log, ada, token, last: HashMap::new() })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        self.shutdown.wait(Duration::from_secs(10)).await?;
        self.servers.stop().await;
        Ok(())
    }

    /// Makes a room of hers, which she is in, and gives it with how she is in it.
    pub(crate) async fn room(&mut self, language: &str) -> Result<(RoomId, Change<MembershipEvent, Membership>)> {
        let (room, now) = (RoomId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
        let created = RoomCreated {
            room,
            lounge: LoungeId(Uuid::now_v7()),
            name: "Green".into(),
            topic: None,
            language: language.into(),
            visibility: Visibility::Private,
            guests: false,
            owner: self.ada,
            at: now,
        };
        let subject = Subject::Room(room);
        self.append(room.0, subject, subject, Change::<_, Room>::of(None, created.into()).into()).await?;
        let joined = MemberJoined { room, user: self.ada, role: Rank::Owner, at: now };
        let joined: Change<_, Membership> = Change::of(None, joined.into());
        let member = Subject::Member(room, self.ada);
        self.append(Uuid::now_v7(), member, member, joined.clone().into()).await?;
        Ok((room, joined))
    }

    /// She says something, at this sequence.
    pub(crate) async fn says(&mut self, room: RoomId, text: &str) -> Result<u64> {
        let (id, author) = (Uuid::now_v7(), self.ada);
        let (text, mentions) = (text.to_owned(), Vec::new());
        let said = MessagePosted { room, message: MessageId(id), author, text, reply_to: None, mentions };
        let event = Event::Message(MessageEvent::Posted(said));
        self.append(id, Subject::RoomMessages(room), Subject::Member(room, author), event).await
    }

    /// What she reads, once the read model has this sequence.
    pub(crate) async fn get(&self, path: &str, seq: u64) -> Result<(u16, Value)> {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("chat-min-position", Position { epoch: self.epoch, seq }.to_string());
        let response = self.service.router.clone().oneshot(request.body(Body::empty())?).await?;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
        Ok((status, serde_json::from_slice(&body)?))
    }

    /// Appends one event as a command service would have decided it, under the last sequence of its condition's
    /// subject, and gives its sequence.
    async fn append(&mut self, id: Uuid, subject: Subject, on: Subject, event: Event) -> Result<u64> {
        let now = Utc::now().trunc_subsecs(3);
        let mut envelope = Envelope::new(EventId(id), now, Actor::User(self.ada), "test");
        envelope.after = Some(Condition { subject: on, seq: self.last.get(&on).copied().unwrap_or_default() });
        let seq = self.log.append(vec![NewEvent { subject, envelope, event }]).await?.last;
        self.last.insert(subject, seq);
        Ok(seq)
    }
}

#[tokio::test]
async fn what_is_appended_is_read_and_a_kick_is_heard() -> Result<()> {
    let mut whole = Whole::start().await?;
    let (ada, now) = (whole.ada, Utc::now().trunc_subsecs(3));
    let appeared = UserAppeared { user: ada, display_name: "Ada".into(), kind: UserKind::Registered, at: now };
    let subject = Subject::User(ada);
    let appeared: Change<_, User> = Change::of(None, UserEvent::from(appeared));
    whole.append(Uuid::now_v7(), subject, subject, appeared.clone().into()).await?;
    let (room, joined) = whole.room("en").await?;
    let mut posted = 0;
    for n in 0..60 {
        posted = whole.says(room, &format!("tea {n}")).await?;
    }
    let (status, page) = whole.get(&format!("/v1/rooms/{room}/messages"), posted).await?;
    ensure!(status == 200, "{page}");
    let texts: Vec<&str> =
        page["items"].as_array().context("items")?.iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!((texts.len(), texts.last()), (50, Some(&"tea 59")));
    // The room's creation and the joining are numbers one and two.
    assert_eq!((&page["head"], &page["items"][49]["author"]["display_name"]), (&62.into(), &"Ada".into()));

    let (status, feed) = whole.get(&format!("/v1/rooms/{room}/feed?after=0&limit=3"), posted).await?;
    ensure!(status == 200, "{feed}");
    let kinds: Vec<&str> = feed["items"].as_array().context("items")?.iter().filter_map(|f| f["t"].as_str()).collect();
    assert_eq!(kinds, ["room.created", "member.joined", "message.posted"]);

    // The page is kept ready by now, and the hub hears of each change of it.
    let renamed = UserProfileChanged { user: ada, display_name: "Augusta".into() };
    let renamed = Change::of(Some(appeared.after), UserEvent::from(renamed));
    let seq = whole.append(Uuid::now_v7(), Subject::User(ada), Subject::User(ada), renamed.into()).await?;
    let (_, page) = whole.get(&format!("/v1/rooms/{room}/messages"), seq).await?;
    assert_eq!(page["items"][49]["author"]["display_name"], "Augusta");
    let seq = whole.says(room, "and on").await?;
    for position in [seq, posted] {
        let (_, page) = whole.get(&format!("/v1/rooms/{room}/messages"), position).await?;
        assert_eq!((&page["items"][49]["text"], &page["head"]), (&"and on".into(), &63.into()));
    }

    let kicked = MemberKicked { room, user: ada, reason: None };
    let kicked: Change<_, Membership> = Change::of(Some(joined.after), kicked.into());
    let member = Subject::Member(room, ada);
    let seq = whole.append(Uuid::now_v7(), member, member, kicked.into()).await?;
    let (status, refused) = whole.get(&format!("/v1/rooms/{room}/messages"), seq).await?;
    assert_eq!((status, &refused["code"]), (404, &"not-found".into()));

    whole.stop().await
}

/// Settings as a command line has them.
fn config(servers: &Servers, public_keys: &str) -> Result<Config> {
    let login = servers.nats.credentials(Role::Query);
    let settings = [
        ("database-url", servers.postgres.url(Role::Query)),
        ("nats-url", servers.nats.url()),
        ("nats-user", login.user),
        ("nats-password", login.password),
        ("nats-inbox-prefix", login.inbox_prefix),
        ("token-public-keys", public_keys.to_owned()),
    ];
    let flags = settings.into_iter().map(|(name, value)| format!("--{name}={value}"));
    let flags = flags.chain(["--no-rate-limits".to_owned()]);
    let command = Config::augment_args(clap::Command::new("test").no_binary_name(true));
    Ok(Config::from_arg_matches(&command.try_get_matches_from(flags)?)?)
}
