//! How does a model that is built keep up with the log, and stand still where somebody wants to look at it?

use super::{Built, Workshop};
use crate::{
    ROLE,
    apply::Model,
    batch::OnBroken,
    projections::Projection,
    run::{Projector, Replaced},
};
use anyhow::{Context, anyhow};
use platform::{
    health::Health,
    pool::{self, Purpose},
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// How long it may take to come to a sequence that the live model has.
const REACHES_WITHIN: Duration = Duration::from_secs(120);

/// Follows the log into a model until it is dropped.
pub struct Follower {
    task: JoinHandle<anyhow::Result<Replaced>>,
    applied: watch::Receiver<Option<u64>>,
    limit: watch::Sender<u64>,
}

impl Workshop {
    /// Begins to follow.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub fn follow(&self, built: &Built) -> anyhow::Result<Follower> {
        self.follow_into(Projection::Chat, &built.generation.schema, built.generation.number)
    }

    pub(super) fn follow_into(
        &self,
        projection: Projection,
        schema: &str,
        generation: i32,
    ) -> anyhow::Result<Follower> {
        let pool = pool::direct(&self.database, Purpose::work(ROLE).within(schema), 1)?;
        let (applied, seen) = watch::channel(None);
        let (limit, limited) = watch::channel(u64::MAX);
        let projector = Projector {
            projection,
            log: std::sync::Arc::clone(&self.log),
            model: Model::new(projection, pool, generation),
            health: Health::new(),
            applied,
            limit: limited,
            broken: OnBroken::Fail,
        };
        Ok(Follower { task: tokio::spawn(projector.run()), applied: seen, limit })
    }
}

impl Follower {
    /// Lets nothing behind `seq` into the tables.
    pub(super) fn stop_at(&self, seq: u64) {
        self.limit.send_replace(seq);
    }

    /// Lets everything into the tables.
    pub(super) fn go_on(&self) {
        self.limit.send_replace(u64::MAX);
    }

    /// The last sequence in the tables.
    pub(super) fn at(&self) -> u64 {
        self.applied.borrow().unwrap_or_default()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until the tables are there.
    pub(super) async fn reaches(&mut self, seq: u64) -> anyhow::Result<()> {
        let arrived = self.applied.wait_for(|at| at.is_some_and(|at| at >= seq));
        let arrived = timeout(REACHES_WITHIN, arrived).await.map(|arrived| arrived.is_ok());
        match arrived {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.why().await),
            Err(_) => Err(anyhow!("it is at {} and did not come to {seq} within {REACHES_WITHIN:?}", self.at())),
        }
    }

    /// Why it ended.
    async fn why(&mut self) -> anyhow::Error {
        match (&mut self.task).await.context("following the log") {
            Ok(Ok(Replaced)) => anyhow!("somebody else writes to the model that is being made"),
            Ok(Err(why)) | Err(why) => why,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}
