//! How far has who read which room? `rm_live.markers`: the state of each marker's last move.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{Marker, RoomId, UserId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

// That a marker never goes back is its state's own rule: `after` holds the greatest.
const UPSERT: &str = "
    insert into markers (user_id, room_id, seq, position)
    select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
    on conflict on constraint markers_pkey do update set
        seq = excluded.seq,
        position = excluded.position";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<(UserId, RoomId), (&'a Marker, u64)>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, user: UserId, room: RoomId, after: &'a Marker, position: u64) {
        self.0.insert((user, room), (after, position));
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let users: Vec<_> = self.0.keys().map(|(user, _)| user.0).collect();
        let rooms: Vec<_> = self.0.keys().map(|(_, room)| room.0).collect();
        let seqs: Vec<_> = self.0.values().map(|(marker, _)| bigint(marker.seq)).collect();
        let positions: Vec<_> = self.0.values().map(|(_, position)| bigint(*position)).collect();
        let upsert = transaction.prepare_cached(UPSERT).await?;
        transaction.execute(&upsert, &[&users, &rooms, &seqs, &positions]).await?;
        Ok(())
    }
}
