//! What does `migrate` change, and what does it leave alone?

use super::{facts::*, rig::Rig};
use async_nats::jetstream::{
    self,
    stream::{Config, StorageType},
};
use event_log::{EventLog, JetStream, LogError, streams};
use events::StreamName;
use servers::Role;

async fn config(client: &async_nats::Client, stream: &str) -> Config {
    let js = jetstream::new(client.clone());
    js.get_stream(stream).await.expect("it is there").cached_info().config.clone()
}

async fn change(client: &async_nats::Client, stream: &str, change: impl FnOnce(&mut Config)) {
    let mut config = config(client, stream).await;
    change(&mut config);
    jetstream::new(client.clone()).update_stream(config).await.expect("the operator may");
}

// Red with `loses_nothing` always true.
pub(super) async fn what_could_lose_messages_is_named_and_nothing_is_changed(rig: Rig) {
    let operator = rig.client(Role::Operator).await;
    // The first would be safe to mend, and is not either.
    change(&operator, "IDENTITY", |config| config.duplicate_window = std::time::Duration::from_secs(7)).await;
    change(&operator, "PRESENCE", |config| config.max_messages_per_subject = 100).await;
    change(&operator, "CHAT", |config| config.max_bytes = 2 << 30).await;
    let refused = streams::migrate(&operator, &rig.streams()).await.expect_err("64 are fewer than 100").to_string();
    for named in ["PRESENCE: max_msgs_per_subject is 100, not 64", "CHAT: max_bytes is 2147483648, not 1073741824"] {
        assert!(refused.contains(named), "{refused}");
    }
    assert_eq!(config(&operator, "PRESENCE").await.max_messages_per_subject, 100);
    assert_eq!(config(&operator, "CHAT").await.max_bytes, 2 << 30);
    assert_eq!(config(&operator, "IDENTITY").await.duplicate_window.as_secs(), 7);
}

pub(super) async fn migrating_twice_changes_nothing(rig: Rig) {
    let (log, operator) = (&*rig.log, rig.client(Role::Operator).await);
    let epoch = streams::epoch(log, StreamName::Chat).await.expect("an epoch");
    streams::migrate(&operator, &rig.streams()).await.expect("it is safe to repeat");
    assert_eq!(streams::epoch(log, StreamName::Chat).await.expect("an epoch"), epoch);
    streams::new_epoch(&operator).await.expect("another epoch");
    assert_ne!(streams::epoch(log, StreamName::Chat).await.expect("an epoch"), epoch);
}

pub(super) async fn what_loses_nothing_is_mended(rig: Rig) {
    let operator = rig.client(Role::Operator).await;
    change(&operator, "CHAT", |config| {
        config.max_bytes = 1 << 29;
        config.duplicate_window = std::time::Duration::from_secs(7);
        config.allow_direct = false;
    })
    .await;
    streams::migrate(&operator, &rig.streams()).await.expect("all of it is safe");
    assert_eq!(streams::verify(&operator).await.expect("it answers"), Vec::<String>::new());
    let mended = config(&operator, "CHAT").await;
    assert_eq!((mended.max_bytes, mended.storage), (1 << 30, StorageType::File));
}

// Red with the look at the stream's end taken out of `migrate`.
pub(super) async fn an_epoch_begins_on_an_empty_stream_only(rig: Rig) {
    let log = &*rig.log;
    let operator = rig.client(Role::Operator).await;
    let js = jetstream::new(operator.clone());
    let chat = config(&operator, "CHAT").await;
    js.delete_stream("CHAT").await.expect("the operator may");
    js.create_stream(chat).await.expect("the operator may");
    log.append(vec![joins(room(), user(), 0)]).await.expect("nobody was there");
    let refused = streams::migrate(&operator, &rig.streams()).await;
    let Err(LogError::Unexpected { why, .. }) = refused else { panic!("{refused:?}") };
    assert!(why.contains("CHAT goes up to 1") && why.contains("restore"), "{why}");
    assert_eq!(JetStream::new(operator).extent(StreamName::Chat).await.expect("it answers").last, 1);
}
