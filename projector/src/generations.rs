//! Which read models of `CHAT` are there, and which of them does this process keep up to date?

use crate::{
    ROLE,
    apply::Model,
    projections::Projection,
    run::{self, Replaced},
};
use deadpool_postgres::{Object, Pool};
use event_log::EventLog;
use futures::{StreamExt, stream::FuturesUnordered};
use platform::{
    config::Secret,
    health::{Health, State},
    pool::{self, Purpose},
};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// How often it is looked whether others have come or gone. A swap is noticed sooner, by the fence.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What this fold makes of a log: a hash of the sources that say it.
pub(crate) const CODE: &str = env!("PROJECTION_CODE");

/// A read model of `CHAT`: tables in a schema of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation {
    /// The fence in its checkpoint.
    pub(crate) number: i32,
    pub(crate) schema: String,
    /// Whether it is the one that readers see.
    pub(crate) live: bool,
}

/// Looks after the read models of one database.
pub(crate) struct Keeper {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) database: Secret,
    pub(crate) pool: Pool,
    pub(crate) health: Health,
}

impl Keeper {
    /// Follows the live one and those that are kept to change places with it again, for ever.
    ///
    /// # Errors
    /// As of each projection.
    pub(crate) async fn run(self) -> anyhow::Result<Infallible> {
        let mut ours = Vec::new();
        let mut before = Vec::new();
        loop {
            let found = match self.look(&ours).await {
                Ok(found) => found,
                Err(why) => {
                    let check = Projection::Chat.check();
                    self.health.set(check, State::failing("postgres-unavailable", format!("{why:#}")));
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
            };
            if found == before {
                // Somebody has put another fence where ours are, and nothing says why.
                self.health.set(Projection::Chat.check(), State::failing("replaced", "another generation is in place"));
                tokio::time::sleep(LOOK_EVERY).await;
            }
            ours = found.iter().map(|generation| generation.number).collect();
            let following = found.iter().map(|generation| self.follow(generation)).collect::<anyhow::Result<_>>()?;
            tokio::select! {
                // Where ours are now is known by looking.
                ended = first(following) => ended.map(|Replaced| ())?,
                () = self.changed(&found) => {}
            }
            before = found;
        }
    }

    fn follow(&self, generation: &Generation) -> anyhow::Result<impl Future<Output = anyhow::Result<Replaced>>> {
        let pool = pool::direct(&self.database, Purpose::work(ROLE).within(&generation.schema), 1)?;
        let model = Model::new(Projection::Chat, pool, generation.number);
        // Readers stand on the live one alone.
        let health = if generation.live { self.health.clone() } else { Health::new() };
        tracing::info!(generation = generation.number, schema = generation.schema, "keeping a read model");
        Ok(run::run(Projection::Chat, Arc::clone(&self.log), model, health))
    }

    /// Those that this process may write to. What is new to it has to be of its own code: else it is another release's,
    /// with which it has changed places. At the start the live one is, whoever made it.
    async fn look(&self, ours: &[i32]) -> anyhow::Result<Vec<Generation>> {
        let client = self.pool.get().await?;
        let rows = client
            .query(
                "select number, schema_name, state, code,
                        state = 'kept' and keep_until < now() as expired
                   from rm_live.generations
                  where state in ('live', 'kept')
                  order by number",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in rows {
            let (number, code): (i32, &str) = (row.get("number"), row.get("code"));
            if row.get("expired") {
                client.execute("select rm_live.drop_expired()", &[]).await?;
                continue;
            }
            let live = row.get::<_, &str>("state") == "live";
            if live && code != CODE && ours.is_empty() {
                self.claim(&client, number).await?;
            }
            let is_ours = ours.contains(&number) || code == CODE;
            if is_ours || (live && ours.is_empty()) {
                found.push(Generation { number, schema: row.get("schema_name"), live });
            }
        }
        if !found.iter().any(|generation| generation.live) {
            let why = "the live read model is another release's: this one only keeps what it made";
            self.health.set(Projection::Chat.check(), State::failing("replaced", why));
        }
        Ok(found)
    }

    /// An empty model is what this code makes of no event; any other one keeps the name of the code that folded it.
    async fn claim(&self, client: &Object, number: i32) -> anyhow::Result<()> {
        let empty = "update rm_live.generations set code = $2
                      where number = $1
                        and not exists (select from rm.checkpoint where seq > 0)";
        if client.execute(empty, &[&number, &CODE]).await? == 0 {
            tracing::warn!(
                generation = number,
                "other code has folded the live read model: `chatroom rebuild` makes it anew"
            );
        }
        Ok(())
    }

    /// Waits until there are others.
    async fn changed(&self, known: &[Generation]) {
        let ours: Vec<_> = known.iter().map(|generation| generation.number).collect();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // While Postgres is away, who follows says so.
            if let Ok(found) = self.look(&ours).await
                && found != known
            {
                return;
            }
        }
    }
}

/// The first to end of those that go on for ever.
async fn first<T>(all: Vec<impl Future<Output = T>>) -> T {
    match all.into_iter().collect::<FuturesUnordered<_>>().next().await {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}
