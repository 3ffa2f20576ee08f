//! Who is there? `rm.users`: the public state of each person.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{User, UserId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const UPSERT: &str = "
    insert into users (id, display_name, kind, standing, credential, created_at, position)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::bigint[])
    on conflict on constraint users_pkey do update set
        display_name = excluded.display_name,
        kind = excluded.kind,
        standing = excluded.standing,
        credential = excluded.credential,
        created_at = excluded.created_at,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<UserId, (&'a User, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, user: UserId, after: &'a User, position: u64) {
        self.0.insert(user, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let states = || self.0.values().map(|(user, _)| *user);
        let ids: Vec<_> = self.0.keys().map(|id| id.0).collect();
        let names: Vec<_> = states().map(|user| user.display_name.as_str()).collect();
        let kinds: Vec<_> = states().map(|user| user.kind.as_str()).collect();
        let standings: Vec<_> = states().map(|user| user.standing.as_str()).collect();
        // Nobody sets a password two thousand million times; if so, the largest number still refuses the older ones.
        let credentials: Vec<_> = states().map(|user| i32::try_from(user.credential).unwrap_or(i32::MAX)).collect();
        let created: Vec<_> = states().map(|user| user.created_at).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&ids, &names, &kinds, &standings, &credentials, &created, &positions]).await?;
        Ok(())
    }
}
