//! Does the role itself, on a real log and with its own rights, write what is appended?

use crate::tables::Tables;
use clap::Parser;
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, MembershipEvent, MessageEvent, NewEvent, Role as Rank, RoomId,
    StreamName, Subject, Time, UserId, membership::MemberJoined, message::MessagePosted,
};
use platform::{Shutdown, health::Health};
use projector::Config;
use servers::{Nats, Role};
use sqlx::postgres::PgListener;
use std::time::Duration;
use uuid::Uuid;

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    projector: Config,
}

#[derive(Parser)]
struct Streams {
    #[command(flatten)]
    streams: streams::StreamArgs,
}

/// A server with its streams, and its operator's client.
pub(crate) async fn migrated() -> (Nats, async_nats::Client) {
    let nats = Nats::temporary().await.expect("a nats-server");
    let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
    streams::migrate(&operator, &Streams::parse_from(["streams"]).streams).await.expect("the streams are made");
    (nats, operator)
}

fn event(subject: Subject, after: Condition, id: EventId, event: impl Into<Event>) -> NewEvent {
    let mut envelope = Envelope::new(id, Time::UNIX_EPOCH, Actor::System, "test");
    envelope.after = Some(after);
    NewEvent { subject, envelope, event: event.into() }
}

fn started(nats: &Nats, tables: &Tables) -> Config {
    let login = nats.credentials(Role::Projector);
    let (nats_url, url) = (nats.url(), tables.postgres.url(Role::Projector));
    let flags = [
        ("--nats-url", nats_url.as_str()),
        ("--nats-user", &login.user),
        ("--nats-password", &login.password),
        ("--nats-inbox-prefix", &login.inbox_prefix),
        ("--database-url", &url),
        ("--admin-listen", "127.0.0.1:0"),
    ];
    let flags = flags.into_iter().flat_map(|(flag, value)| [flag, value]);
    Settings::parse_from(std::iter::once("projector").chain(flags)).projector
}

#[tokio::test]
async fn what_is_appended_is_in_the_tables_and_told() {
    let ((nats, _), tables) = tokio::join!(migrated(), Tables::new());
    let mut told = PgListener::connect(&tables.postgres.url(Role::Query)).await.expect("the query service may connect");
    told.listen("rm_checkpoint").await.expect("and listen");

    let (shutdown, health) = (Shutdown::new(), Health::new());
    let role = tokio::spawn(projector::run(started(&nats, &tables), shutdown.clone(), health.clone()));
    let log = JetStream::new(nats.connect(Role::Command).await.expect("the command service may connect"));
    let (room, ada) = (RoomId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    let subject = Subject::Member(room, ada);
    let joined = MembershipEvent::from(MemberJoined { room, user: ada, role: Rank::Member, at: Time::UNIX_EPOCH });
    let joined = event(subject, Condition { subject, seq: 0 }, EventId(Uuid::now_v7()), Change::of(None, joined));
    let joined = log.append(vec![joined]).await.expect("nobody was there").last;
    for n in 0..50 {
        let id = EventId(Uuid::now_v7());
        let text = format!("hello {n}");
        let posted =
            MessagePosted { room, message: id.into(), author: ada, text, reply_to: None, mentions: Vec::new() };
        let condition = Condition { subject, seq: joined };
        let posted = event(Subject::RoomMessages(room), condition, id, MessageEvent::from(posted));
        log.append(vec![posted]).await.expect("she is a member");
    }
    let end = log.extent(StreamName::Chat).await.expect("the log answers").last;
    let reached = async { while told.recv().await.expect("Postgres is up").payload() != end.to_string() {} };
    tokio::time::timeout(Duration::from_secs(30), reached).await.expect("it is told how far the tables are");
    let texts: Vec<String> = sqlx::query_scalar("select text from rm.messages order by room_seq")
        .fetch_all(&mut tables.operator().await)
        .await
        .expect("readable");
    assert_eq!(texts, (0..50).map(|n| format!("hello {n}")).collect::<Vec<_>>());
    assert_eq!(tables.one::<i64>("select seq from rm.room_head").await, 51);
    assert!(health.is_ready());
    shutdown.cancel();
    role.await.expect("no panic").expect("a calm end");
}
