//! What three servers keep when one of them is killed, frozen and brought back.

use anyhow::{Context as _, Result};
use async_nats::jetstream::{self, stream};
use servers::{Cluster, Nats, Role};
use std::time::Duration;
use tokio::time::timeout;

const CHAT: &str = "CHAT";

/// The stream, three times.
async fn make(cluster: &Cluster) -> Result<jetstream::Context> {
    let context = jetstream::new(cluster.connect(Role::Operator).await?);
    let config =
        stream::Config { name: CHAT.into(), subjects: vec!["chat.v1.>".into()], num_replicas: 3, ..Default::default() };
    context.create_stream(config).await?;
    cluster.settled().await?;
    Ok(context)
}

/// What one node holds, whoever leads.
async fn held_by(node: &Nats) -> Result<u64> {
    let context = jetstream::new(node.connect(Role::Operator).await?);
    Ok(context.get_stream(CHAT).await?.cached_info().state.messages)
}

/// To whichever node leads by now: a client that loses its own goes to another by itself.
async fn publish(context: &jetstream::Context) -> Result<()> {
    let publish = async {
        loop {
            if let Ok(acknowledged) = context.publish("chat.v1.a", "kept".into()).await
                && acknowledged.await.is_ok()
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), publish).await.context("somebody takes it")
}

#[tokio::test]
async fn what_a_cluster_acknowledged_outlives_its_leader() -> Result<()> {
    let cluster = Cluster::temporary().await?;
    let context = make(&cluster).await?;
    publish(&context).await?;
    let first = cluster.leader(CHAT).await?;
    let (pid, url) = (first.pid(), first.url());
    first.kill().await;
    publish(&context).await?;
    assert_ne!(cluster.leader(CHAT).await?.url(), url, "the dead lead nobody");
    first.restart().await?;
    assert_ne!(first.pid(), pid);
    cluster.settled().await?;
    assert!(held_by(first).await? >= 2);
    cluster.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_cluster_is_settled_when_the_frozen_node_has_caught_up() -> Result<()> {
    let cluster = Cluster::temporary().await?;
    make(&cluster).await?;
    let leader = cluster.leader(CHAT).await?;
    let frozen = cluster.nodes().iter().find(|node| node.url() != leader.url()).context("two do not lead")?;
    frozen.freeze();
    // A client of the frozen one would notice only when its pings are not answered.
    publish(&jetstream::new(leader.connect(Role::Operator).await?)).await?;
    assert!(timeout(Duration::from_secs(3), cluster.settled()).await.is_err(), "one does not answer");
    frozen.thaw();
    cluster.settled().await?;
    Ok(())
}

#[tokio::test]
async fn every_role_signs_in_to_every_node_and_strangers_to_none() -> Result<()> {
    let cluster = Cluster::temporary().await?;
    for node in cluster.nodes() {
        assert!(async_nats::connect(node.url()).await.is_err());
        assert!(node.check().await?.sync_seen);
        for role in Role::ALL {
            assert_eq!(node.credentials(role), cluster.credentials(role));
            node.connect(role).await?;
        }
    }
    Ok(())
}
