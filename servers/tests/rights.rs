//! Every right of every role on NATS, and that the others are refused.

use anyhow::{Context as _, Result};
use async_nats::{
    Client,
    jetstream::{self, consumer, kv, stream},
};
use futures::StreamExt as _;
use servers::{Nats, Role};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;

use Role::{Analyst, Command, Projector, Query};

/// A refused request is silent: after this long without an answer it counts as refused.
const SILENCE: Duration = Duration::from_millis(400);
const STREAMS: [(&str, &str); 5] = [
    ("CHAT", "chat.v1.>"),
    ("IDENTITY", "idn.v1.>"),
    ("PRESENCE", "prs.v1.>"),
    ("MARKERS", "mrk.v1.>"),
    ("CANARY", "canary.>"),
];
const SERVICES: [Role; 4] = [Command, Projector, Query, Analyst];

struct System {
    nats: Nats,
    clients: BTreeMap<Role, Client>,
}

impl System {
    async fn start() -> Result<System> {
        let nats = Nats::temporary().await?;
        let operator = jetstream::new(nats.connect(Role::Operator).await?);
        for (name, subjects) in STREAMS {
            let config = stream::Config {
                name: name.into(),
                subjects: vec![subjects.into()],
                allow_direct: true,
                ..Default::default()
            };
            operator.create_stream(config).await?;
            operator.publish(subjects.replace('>', "first"), "{}".into()).await?.await?;
        }
        let leases = kv::Config { bucket: "PRESENCE_LEASES".into(), ..Default::default() };
        operator.create_key_value(leases).await?.put("u.q.0", "first".into()).await?;
        let mut clients = BTreeMap::new();
        for role in SERVICES {
            clients.insert(role, nats.connect(role).await?);
        }
        Ok(System { nats, clients })
    }

    fn context(&self, role: Role) -> jetstream::Context {
        let mut context = jetstream::new(self.clients[&role].clone());
        context.set_timeout(SILENCE);
        context
    }

    /// Roles that get through, of the four that are no operator.
    async fn who<F>(&self, tries: impl Fn(jetstream::Context) -> F) -> Vec<Role>
    where
        F: Future<Output = bool>,
    {
        let tried = SERVICES.map(|role| {
            let attempt = tries(self.context(role));
            async move { timeout(2 * SILENCE, attempt).await.unwrap_or(false).then_some(role) }
        });
        futures::future::join_all(tried).await.into_iter().flatten().collect()
    }

    /// The server has done what this client asked it before: flushing only writes it out.
    async fn settled(&self, role: Role) -> Result<()> {
        self.clients[&role].request("$JS.API.INFO", "".into()).await?;
        Ok(())
    }

    async fn who_publishes(&self, subject: &str) -> Vec<Role> {
        let publish = |context: jetstream::Context| async move {
            match context.publish(subject.to_owned(), "{}".into()).await {
                Ok(acknowledged) => acknowledged.await.is_ok(),
                Err(_) => false,
            }
        };
        self.who(publish).await
    }

    /// All at once, because each refusal takes its time.
    async fn only_may(&self, asked: Vec<(String, &'static str, &[Role])>) {
        let tried = asked.into_iter().map(|(subject, body, roles)| async move {
            assert_eq!(self.who_asks(&subject, body).await, roles, "{subject}");
        });
        futures::future::join_all(tried).await;
    }

    /// A request that only JetStream answers; an error of its own is an answer, too.
    async fn who_asks(&self, subject: &str, body: &'static str) -> Vec<Role> {
        self.who(|context| async move {
            let answer = context.client().request(subject.to_owned(), body.into()).await;
            answer.is_ok_and(|answer| !answer.payload.is_empty())
        })
        .await
    }
}

async fn follows(context: jetstream::Context, stream: &str) -> bool {
    let inbox = context.client().new_inbox();
    let ordered = consumer::push::OrderedConfig { deliver_subject: inbox, ..Default::default() };
    let Ok(stream) = context.get_stream(stream).await else { return false };
    let Ok(follower) = stream.create_consumer(ordered).await else { return false };
    let Ok(mut messages) = follower.messages().await else { return false };
    matches!(messages.next().await, Some(Ok(_)))
}

#[tokio::test]
async fn each_role_writes_what_it_decides_and_nothing_else() -> Result<()> {
    let system = System::start().await?;
    let mut expected: Vec<(String, &[Role])> =
        STREAMS.map(|(_, subjects)| (subjects.replace('>', "x"), [Command].as_slice())).into();
    expected.push(("$KV.PRESENCE_LEASES.u.q.1".into(), &[Command, Query]));
    expected.push(("$KV.PRESENCE_LEASES.u.c.1".into(), &[Command]));
    let tried = expected.into_iter().map(|(subject, roles)| {
        let system = &system;
        async move { assert_eq!(system.who_publishes(&subject).await, roles, "{subject}") }
    });
    futures::future::join_all(tried).await;
    Ok(())
}

#[tokio::test]
async fn each_role_follows_the_streams_it_needs_and_no_other() -> Result<()> {
    let system = System::start().await?;
    let expected: [(&str, &[Role]); 5] = [
        ("CHAT", &[Command, Projector, Query, Analyst]),
        ("IDENTITY", &[Command, Projector]),
        ("PRESENCE", &[Command, Projector, Query]),
        ("MARKERS", &[Command, Projector, Query]),
        ("KV_PRESENCE_LEASES", &[Command, Query]),
    ];
    for (stream, roles) in expected {
        assert_eq!(system.who(|context| follows(context, stream)).await, roles, "{stream}");
    }
    Ok(())
}

#[tokio::test]
async fn each_role_reads_single_messages_where_it_may_and_nowhere_else() -> Result<()> {
    let system = System::start().await?;
    let expected: [(&str, &[Role]); 6] = [
        ("CHAT", &[Command, Projector, Query, Analyst]),
        ("IDENTITY", &[Command, Projector]),
        ("PRESENCE", &[Command, Projector, Query]),
        ("MARKERS", &[Command, Projector, Query]),
        ("CANARY", &[Command]),
        ("KV_PRESENCE_LEASES", &[Command, Query]),
    ];
    let mut asked = Vec::new();
    for (stream, roles) in expected {
        for request in ["STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET"] {
            let body = if request == "STREAM.INFO" { "" } else { r#"{"seq":1}"# };
            asked.push((format!("$JS.API.{request}.{stream}"), body, roles));
        }
        let last = STREAMS.iter().find(|(name, _)| *name == stream);
        let subject =
            last.map_or("$KV.PRESENCE_LEASES.u.q.0".to_owned(), |(_, subjects)| subjects.replace('>', "first"));
        asked.push((format!("$JS.API.DIRECT.GET.{stream}.{subject}"), "", roles));
    }
    system.only_may(asked).await;
    Ok(())
}

#[tokio::test]
async fn nobody_but_the_operator_touches_a_stream() -> Result<()> {
    let system = System::start().await?;
    let created = r#"{"name":"EVIL","subjects":["evil.>"]}"#;
    let nobody: &[Role] = &[];
    let mut asked = vec![("$JS.API.STREAM.CREATE.EVIL".to_owned(), created, nobody)];
    for (stream, _) in STREAMS {
        for request in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
            asked.push((format!("$JS.API.STREAM.{request}.{stream}"), "{}", nobody));
        }
        asked.push((format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.d"), "{}", nobody));
    }
    system.only_may(asked).await;
    let operator = jetstream::new(system.nats.connect(Role::Operator).await?);
    operator.delete_stream("CANARY").await?;
    Ok(())
}

#[tokio::test]
async fn the_bucket_of_leases_is_watched_by_both_services_that_hold_leases() -> Result<()> {
    let system = System::start().await?;
    let watches = |context: jetstream::Context| async move {
        let Ok(bucket) = context.get_key_value("PRESENCE_LEASES").await else { return false };
        let Ok(mut entries) = bucket.watch_all_from_revision(1).await else { return false };
        matches!(entries.next().await, Some(Ok(_)))
    };
    assert_eq!(system.who(watches).await, [Command, Query]);
    Ok(())
}

#[tokio::test]
async fn typing_passes_between_query_services_only() -> Result<()> {
    let system = System::start().await?;
    let mut heard = system.clients[&Query].subscribe("live.typing.r").await?;
    system.settled(Query).await?;
    for role in [Command, Projector, Analyst, Query] {
        system.clients[&role].publish("live.typing.r", role.nats_user().into()).await?;
        system.settled(role).await?;
    }
    let first = timeout(Duration::from_secs(5), heard.next()).await?.context("typing is heard")?;
    assert_eq!(first.payload, "query");
    Ok(())
}

#[tokio::test]
async fn nobody_hears_the_answers_to_another() -> Result<()> {
    let system = System::start().await?;
    let operator = system.nats.connect(Role::Operator).await?;
    let mut heard = Vec::new();
    for role in SERVICES {
        for subject in ["_INBOX.>", "_INBOX_operator.>", ">", "chat.v1.>", "idn.v1.>"] {
            let subscription = system.clients[&role].subscribe(subject).await?;
            heard.push((role, subject, subscription));
        }
        system.settled(role).await?;
    }
    for subject in ["_INBOX.a", "_INBOX_operator.a", "chat.v1.a", "idn.v1.a"] {
        operator.publish(subject, "secret".into()).await?;
    }
    operator.request("$JS.API.INFO", "".into()).await?;
    for role in SERVICES {
        system.settled(role).await?;
    }
    for (role, subject, mut subscription) in heard {
        let nothing = timeout(SILENCE / 20, subscription.next()).await;
        assert!(!matches!(nothing, Ok(Some(_))), "{role:?} hears {subject}");
    }
    Ok(())
}
