//! Which rooms are there, and how are they set? `rm.rooms`.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Room, RoomId, UserId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

// The owners come as the text of an array: arrays of different lengths make no array of arrays.
const UPSERT: &str = "
    insert into rooms (
        id, lounge_id, name, topic, language, visibility, guests, active, owners, created_at, position
    )
    select
        id, lounge_id, name, topic, language, visibility, guests, active, owners::uuid[], created_at, position
    from unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[],
        $9::text[], $10::timestamptz[], $11::bigint[]
    ) as changed (
        id, lounge_id, name, topic, language, visibility, guests, active, owners, created_at, position
    )
    on conflict on constraint rooms_pkey do update set
        lounge_id = excluded.lounge_id,
        name = excluded.name,
        topic = excluded.topic,
        language = excluded.language,
        visibility = excluded.visibility,
        guests = excluded.guests,
        active = excluded.active,
        owners = excluded.owners,
        created_at = excluded.created_at,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<RoomId, (&'a Room, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, room: RoomId, after: &'a Room, position: u64) {
        self.0.insert(room, (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let states = || self.0.values().map(|(room, _)| *room);
        let ids: Vec<_> = self.0.keys().map(|id| id.0).collect();
        let lounges: Vec<_> = states().map(|room| room.lounge.0).collect();
        let names: Vec<_> = states().map(|room| room.name.as_str()).collect();
        let topics: Vec<_> = states().map(|room| room.topic.as_deref()).collect();
        let languages: Vec<_> = states().map(|room| room.language.as_str()).collect();
        let visibilities: Vec<_> = states().map(|room| room.visibility.as_str()).collect();
        let guests: Vec<_> = states().map(|room| room.guests).collect();
        let active: Vec<_> = states().map(|room| room.active).collect();
        let owners: Vec<_> = states().map(|room| array(&room.owners)).collect();
        let created: Vec<_> = states().map(|room| room.created_at).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction
            .execute(
                &upsert,
                &[
                    &ids,
                    &lounges,
                    &names,
                    &topics,
                    &languages,
                    &visibilities,
                    &guests,
                    &active,
                    &owners,
                    &created,
                    &positions,
                ],
            )
            .await?;
        Ok(())
    }
}

/// The text of an array of ids.
pub(super) fn array<'i>(ids: impl IntoIterator<Item = &'i UserId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(UserId::to_string).collect();
    format!("{{{}}}", ids.join(","))
}
