//! What does every log promise? One suite, played on a real nats-server.

mod away;
mod canary;
mod facts;
mod following;
mod making;
mod writing;

use event_log::{JetStream, streams};
use servers::{Nats, Role};

/// A server of this test's own, with its streams.
struct Log {
    nats: Nats,
    log: JetStream,
}

impl Log {
    async fn start() -> Self {
        let nats = Nats::temporary().await.expect("a nats-server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 30, other_bytes_max: 1 << 28 };
        streams::migrate(&operator, &sizes).await.expect("streams are made");
        assert_eq!(streams::verify(&operator).await.expect("it answers"), Vec::<String>::new());
        let log = connected(&nats, Role::Command).await;
        Self { nats, log }
    }
}

async fn connected(nats: &Nats, role: Role) -> JetStream {
    JetStream::new(client(nats, role).await)
}

async fn client(nats: &Nats, role: Role) -> async_nats::Client {
    let login = nats.credentials(role);
    let (user, password) = (login.user, login.password);
    let login_of_role = event_log::Login { user, password };
    let client = event_log::connect(&nats.url(), Some(login_of_role), login.inbox_prefix, "conformance").await;
    client.expect("a role may connect")
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let started = Log::start().await;
    let operator = started.nats.connect(Role::Operator).await.expect("the operator may connect");
    let epoch = streams::epoch(&started.log, events::StreamName::Chat).await.expect("an epoch");
    let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 30, other_bytes_max: 1 << 28 };
    streams::migrate(&operator, &sizes).await.expect("it is safe to repeat");
    assert_eq!(streams::epoch(&started.log, events::StreamName::Chat).await.expect("an epoch"), epoch);
    streams::new_epoch(&operator).await.expect("another epoch");
    assert_ne!(streams::epoch(&started.log, events::StreamName::Chat).await.expect("an epoch"), epoch);
}
