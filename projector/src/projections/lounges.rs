//! Which lounges are there? `rm.lounges`.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Lounge, LoungeId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const UPSERT: &str = "
    insert into lounges (id, name, description, owner_id, active, created_at, position)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::boolean[], $6::timestamptz[], $7::bigint[])
    on conflict on constraint lounges_pkey do update set
        name = excluded.name,
        description = excluded.description,
        owner_id = excluded.owner_id,
        active = excluded.active,
        created_at = excluded.created_at,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<LoungeId, (&'a Lounge, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, lounge: LoungeId, after: &'a Lounge, position: u64) {
        self.0.insert(lounge, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let states = || self.0.values().map(|(lounge, _)| *lounge);
        let ids: Vec<_> = self.0.keys().map(|id| id.0).collect();
        let names: Vec<_> = states().map(|lounge| lounge.name.as_str()).collect();
        let descriptions: Vec<_> = states().map(|lounge| lounge.description.as_deref()).collect();
        let owners: Vec<_> = states().map(|lounge| lounge.owner.0).collect();
        let active: Vec<_> = states().map(|lounge| lounge.active).collect();
        let created: Vec<_> = states().map(|lounge| lounge.created_at).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&ids, &names, &descriptions, &owners, &active, &created, &positions]).await?;
        Ok(())
    }
}
