//! Does the binary speak to a log that lies on three servers? Whatever connects takes the URLs of all of them.

use chatroom::{doctor, migrate, settings::Settings};
use platform::config::NatsArgs;
use servers::{Cluster, Role};

// Red with `options.connect(&nats.nats_url)` in migrate.rs, which takes the list for one URL.
#[tokio::test]
async fn every_role_starts_on_any_of_three_servers() {
    let cluster = Cluster::temporary().await.expect("three nats-servers");
    let (login, [first, second, _]) = (cluster.credentials(Role::Operator), cluster.nodes());
    let nats: NatsArgs = Settings::default()
        .with("NATS_URL", cluster.url())
        .with("NATS_USER", login.user)
        .with("NATS_PASSWORD", login.password)
        .with("NATS_INBOX_PREFIX", login.inbox_prefix)
        .with("NATS_MONITORING_URL", second.monitoring_url())
        .parse()
        .expect("complete");
    doctor::refuse_unfit_log(&nats).await.expect("its log is fit");
    first.kill().await;
    migrate::connect(&nats).await.expect("the others are there");
    cluster.stop().await;
}
