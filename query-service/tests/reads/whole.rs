//! Does what is appended to the log read back through the API, behind the real projector and beside the real hub?

use anyhow::{Context, Result, ensure};
use axum::{body::Body, http::Request};
use chrono::{SubsecRound, TimeDelta, Utc};
use clap::{Args, FromArgMatches};
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, LoungeId, Membership, MessageEvent, MessageId, NewEvent,
    Position, Role as Rank, Room, RoomId, SessionId, StreamName, Subject, User, UserId, UserKind, Visibility,
    membership::{MemberJoined, MemberKicked},
    message::MessagePosted,
    room::RoomCreated,
    user::UserAppeared,
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

/// Appends what a command service would have decided, each event under the last sequence of its subject.
struct Writer {
    log: JetStream,
    actor: UserId,
    last: HashMap<Subject, u64>,
}

impl Writer {
    /// Appends one event and gives its sequence. `on` is the subject of its condition.
    async fn append(&mut self, id: Uuid, subject: Subject, on: Subject, event: Event) -> Result<u64> {
        let now = Utc::now().trunc_subsecs(3);
        let mut envelope = Envelope::new(EventId(id), now, Actor::User(self.actor), "test");
        envelope.after = Some(Condition { subject: on, seq: self.last.get(&on).copied().unwrap_or_default() });
        let seq = self.log.append(vec![NewEvent { subject, envelope, event }]).await?.last;
        self.last.insert(subject, seq);
        Ok(seq)
    }
}

#[tokio::test]
async fn what_is_appended_is_read_and_a_kick_is_heard() -> Result<()> {
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

    let (ada, room, now) = (UserId(Uuid::now_v7()), RoomId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
    let log = JetStream::new(servers.nats.connect(Role::Command).await?);
    let mut writer = Writer { log, actor: ada, last: HashMap::new() };
    let appeared = UserAppeared { user: ada, display_name: "Ada".into(), kind: UserKind::Registered, at: now };
    let subject = Subject::User(ada);
    writer.append(Uuid::now_v7(), subject, subject, Change::<_, User>::of(None, appeared.into()).into()).await?;
    let created = RoomCreated {
        room,
        lounge: LoungeId(Uuid::now_v7()),
        name: "Green".into(),
        topic: None,
        language: "en".into(),
        visibility: Visibility::Private,
        guests: false,
        owner: ada,
        at: now,
    };
    let subject = Subject::Room(room);
    writer.append(room.0, subject, subject, Change::<_, Room>::of(None, created.into()).into()).await?;
    let joined = MemberJoined { room, user: ada, role: Rank::Owner, at: now };
    let joined: Change<_, Membership> = Change::of(None, joined.into());
    let member = Subject::Member(room, ada);
    writer.append(Uuid::now_v7(), member, member, joined.clone().into()).await?;
    let mut posted = 0;
    for n in 0..60 {
        let id = Uuid::now_v7();
        let (text, mentions) = (format!("tea {n}"), Vec::new());
        let said = MessagePosted { room, message: MessageId(id), author: ada, text, reply_to: None, mentions };
        let event = Event::Message(MessageEvent::Posted(said));
        posted = writer.append(id, Subject::RoomMessages(room), member, event).await?;
    }

    let caller = Caller {
        user: ada,
        session: SessionId(Uuid::now_v7()),
        kind: UserKind::Registered,
        credential: 1,
        expires_at: now + TimeDelta::minutes(10),
    };
    let token = Signer::parse(&private)?.sign(&caller, now);
    let get = async |path: String, seq: u64| -> Result<(u16, Value)> {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {token}"))
            .header("chat-min-position", Position { epoch, seq }.to_string());
        let response = service.router.clone().oneshot(request.body(Body::empty())?).await?;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
        Ok((status, serde_json::from_slice(&body)?))
    };
    let (status, page) = get(format!("/v1/rooms/{room}/messages"), posted).await?;
    ensure!(status == 200, "{page}");
    let texts: Vec<&str> =
        page["items"].as_array().context("items")?.iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!((texts.len(), texts.last()), (50, Some(&"tea 59")));
    // The room's creation and the joining are numbers one and two.
    assert_eq!((&page["head"], &page["items"][49]["author"]["display_name"]), (&62.into(), &"Ada".into()));

    let (status, feed) = get(format!("/v1/rooms/{room}/feed?after=0&limit=3"), posted).await?;
    ensure!(status == 200, "{feed}");
    let kinds: Vec<&str> = feed["items"].as_array().context("items")?.iter().filter_map(|f| f["t"].as_str()).collect();
    assert_eq!(kinds, ["room.created", "member.joined", "message.posted"]);

    let kicked = MemberKicked { room, user: ada, reason: None };
    let kicked: Change<_, Membership> = Change::of(Some(joined.after), kicked.into());
    let seq = writer.append(Uuid::now_v7(), member, member, kicked.into()).await?;
    let (status, refused) = get(format!("/v1/rooms/{room}/messages"), seq).await?;
    assert_eq!((status, &refused["code"]), (404, &"not-found".into()));

    shutdown.cancel();
    shutdown.wait(Duration::from_secs(10)).await?;
    servers.stop().await;
    Ok(())
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
    let command = Config::augment_args(clap::Command::new("test").no_binary_name(true));
    Ok(Config::from_arg_matches(&command.try_get_matches_from(flags)?)?)
}
