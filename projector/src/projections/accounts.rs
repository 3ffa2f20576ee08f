//! Which accounts are there? `rm_live.accounts`: the private state of each, without its credentials.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{UserId, identity::Account};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const UPSERT: &str = "
    insert into accounts (
        user_id, kind, phone_tag, phone_hint, standing, expires_at, created_at, position
    )
    select * from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[]
    )
    on conflict on constraint accounts_pkey do update set
        kind = excluded.kind,
        phone_tag = excluded.phone_tag,
        phone_hint = excluded.phone_hint,
        standing = excluded.standing,
        expires_at = excluded.expires_at,
        created_at = excluded.created_at,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<UserId, (&'a Account, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, user: UserId, after: &'a Account, position: u64) {
        self.0.insert(user, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let states = || self.0.values().map(|(account, _)| *account);
        let users: Vec<_> = self.0.keys().map(|id| id.0).collect();
        let kinds: Vec<_> = states().map(|account| account.kind.as_str()).collect();
        let tags: Vec<_> = states().map(|account| account.phone.map(|tag| tag.to_string())).collect();
        let hints: Vec<_> = states().map(|account| account.phone_hint.as_deref()).collect();
        let standings: Vec<_> = states().map(|account| account.standing.as_str()).collect();
        let expires: Vec<_> = states().map(|account| account.expires_at).collect();
        let created: Vec<_> = states().map(|account| account.created_at).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction
            .execute(&upsert, &[&users, &kinds, &tags, &hints, &standings, &expires, &created, &positions])
            .await?;
        Ok(())
    }
}
