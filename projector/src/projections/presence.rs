//! Who is there? `rm_live.presence`: the state of each person's last transition.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Presence, UserId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const UPSERT: &str = "
    insert into presence (user_id, state, last_seen, position)
    select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[])
    on conflict on constraint presence_pkey do update set
        state = excluded.state,
        last_seen = excluded.last_seen,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<UserId, (&'a Presence, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, user: UserId, after: &'a Presence, position: u64) {
        self.0.insert(user, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let users: Vec<_> = self.0.keys().map(|user| user.0).collect();
        let states: Vec<_> = self.0.values().map(|(presence, _)| presence.state.as_str()).collect();
        let seen: Vec<_> = self.0.values().map(|(presence, _)| presence.since).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&users, &states, &seen, &positions]).await?;
        Ok(())
    }
}
