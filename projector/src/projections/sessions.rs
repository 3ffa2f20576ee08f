//! Who is signed in? `rm_live.sessions` and `rm_live.guest_sessions`: a revoked session has no row.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{SessionId, identity::Session};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const DELETE: &str = "
    delete from sessions
    where id = any($1)";

const DELETE_GUESTS: &str = "
    delete from guest_sessions
    where id = any($1)";

const UPSERT: &str = "
    insert into sessions (
        id, user_id, credential, device, created_at, last_used_at, ends_at, expires_at, position
    )
    select * from unnest(
        $1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::timestamptz[], $6::timestamptz[],
        $7::timestamptz[], $8::timestamptz[], $9::bigint[]
    )
    on conflict on constraint sessions_pkey do update set
        user_id = excluded.user_id,
        credential = excluded.credential,
        device = excluded.device,
        created_at = excluded.created_at,
        last_used_at = excluded.last_used_at,
        ends_at = excluded.ends_at,
        expires_at = excluded.expires_at,
        position = excluded.position";

const UPSERT_GUESTS: &str = "
    insert into guest_sessions (
        id, user_id, created_at, last_used_at, ends_at, expires_at, position
    )
    select * from unnest(
        $1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::bigint[]
    )
    on conflict on constraint guest_sessions_pkey do update set
        user_id = excluded.user_id,
        created_at = excluded.created_at,
        last_used_at = excluded.last_used_at,
        ends_at = excluded.ends_at,
        expires_at = excluded.expires_at,
        position = excluded.position";

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Guests,
    /// Also that of a guest who was upgraded.
    Registered,
}

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<SessionId, (&'a Session, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, session: SessionId, after: &'a Session, position: u64) {
        self.0.insert(session, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let not_at = |here| -> Vec<_> { self.at(|place| place != here).map(|(id, ..)| id.0).collect() };
        for (delete, gone) in [(DELETE, not_at(Place::Registered)), (DELETE_GUESTS, not_at(Place::Guests))] {
            if !gone.is_empty() {
                let delete = transaction.prepare_cached(delete).await?;
                transaction.execute(&delete, &[&gone]).await?;
            }
        }
        self.write_registered(transaction).await?;
        self.write_guests(transaction).await
    }

    fn at(&self, wanted: impl Fn(Place) -> bool) -> impl Iterator<Item = (SessionId, &'a Session, u64)> {
        let here = self.0.iter().filter(move |(_, (session, _))| wanted(place(session)));
        here.map(|(id, (session, position))| (*id, *session, *position))
    }

    async fn write_registered(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let rows: Vec<_> = self.at(|place| place == Place::Registered).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = rows.iter().map(|(id, ..)| id.0).collect();
        let users: Vec<_> = rows.iter().map(|(_, session, _)| session.user.0).collect();
        let credentials: Vec<_> =
            rows.iter().map(|(_, session, _)| i32::try_from(session.credential).unwrap_or(i32::MAX)).collect();
        let devices: Vec<_> = rows.iter().map(|(_, session, _)| session.device.as_deref()).collect();
        let created: Vec<_> = rows.iter().map(|(_, session, _)| session.created_at).collect();
        let used: Vec<_> = rows.iter().map(|(_, session, _)| session.last_used_at).collect();
        let ends: Vec<_> = rows.iter().map(|(_, session, _)| session.ends_at()).collect();
        let expires: Vec<_> = rows.iter().map(|(_, session, _)| session.expires_at).collect();
        let positions: Vec<_> = rows.iter().map(|(.., position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction
            .execute(&upsert, &[&ids, &users, &credentials, &devices, &created, &used, &ends, &expires, &positions])
            .await?;
        Ok(())
    }

    async fn write_guests(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let rows: Vec<_> = self.at(|place| place == Place::Guests).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = rows.iter().map(|(id, ..)| id.0).collect();
        let users: Vec<_> = rows.iter().map(|(_, session, _)| session.user.0).collect();
        let created: Vec<_> = rows.iter().map(|(_, session, _)| session.created_at).collect();
        let used: Vec<_> = rows.iter().map(|(_, session, _)| session.last_used_at).collect();
        let ends: Vec<_> = rows.iter().map(|(_, session, _)| session.ends_at()).collect();
        let expires: Vec<_> = rows.iter().map(|(_, session, _)| session.expires_at).collect();
        let positions: Vec<_> = rows.iter().map(|(.., position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT_GUESTS).await?;
        transaction.execute(&upsert, &[&ids, &users, &created, &used, &ends, &expires, &positions]).await?;
        Ok(())
    }
}

fn place(session: &Session) -> Place {
    match (session.revoked, session.credential) {
        (Some(_), _) => Place::Nowhere,
        (None, 0) => Place::Guests,
        (None, _) => Place::Registered,
    }
}
