//! How do messages reach their table? Changes to rows that are there, new rows, then a removal of all of somebody's.

use super::{Change, Changes, Posted, Removal, Stage, copy::copy, versions};
use crate::{
    checkpoint::bigint,
    projections::{bulk::Way, rooms::array},
};
use deadpool_postgres::Transaction;
use events::{
    MessageId, RoomId,
    message::{MessageStatus, RemovalCause},
};
use tokio_postgres::Error;

const INSERT: &str = "
    insert into messages (
        id, room_id, room_seq, position, author_id, text, text_position, language, reply_to, mentions, created_at,
        edited_at, status
    )
    select
        id, room_id, room_seq, position, author_id, text, text_position, language, reply_to, mentions::uuid[],
        created_at, edited_at, status
    from unnest(
        $1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::text[], $7::bigint[], $8::text[],
        $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[]
    ) as posted (
        id, room_id, room_seq, position, author_id, text, text_position, language, reply_to, mentions, created_at,
        edited_at, status
    )
    on conflict (id) do nothing";

const UPDATE: &str = "
    update messages set
        text = coalesce(changed.text, messages.text),
        text_position = coalesce(changed.text_position, messages.text_position),
        edited_at = coalesce(changed.edited_at, messages.edited_at),
        status = coalesce(changed.status, messages.status)
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[])
        as changed (id, room_id, text, text_position, edited_at, status)
    where messages.id = changed.id
      and messages.room_id = changed.room_id
      and messages.status <> 'deleted'";

const REMOVE_ALL: &str = "
    update messages set status = 'removed'
    where room_id = $1
      and author_id = $2
      and status in ('visible', 'hidden')";

const ERASE_ALL: &str = "
    update messages set status = 'deleted', text = ''
    where room_id = $1
      and author_id = $2
      and status <> 'deleted'";

impl Changes<'_> {
    pub(in crate::projections) async fn write(&self, way: Way, transaction: &mut Transaction<'_>) -> Result<(), Error> {
        for stage in &self.0 {
            stage.write(way, transaction).await?;
        }
        Ok(())
    }
}

impl Stage<'_> {
    async fn write(&self, way: Way, transaction: &mut Transaction<'_>) -> Result<(), Error> {
        let changes: Vec<_> = self.changes.iter().map(|((room, message), change)| (*room, *message, change)).collect();
        update(&changes, transaction).await?;
        let posted: Vec<_> = self.posted.values().collect();
        let inserted = match way {
            Way::Insert => insert(&posted, transaction).await?,
            Way::Copy => copy(&posted, transaction).await?,
        };
        versions::of_posted(&posted, transaction).await?;
        if inserted < posted.len() {
            // An id was there already, so what was meant to go in with its repeat has to reach the row that won.
            // For the rows that went in it says what they hold.
            let changes: Vec<_> = posted.iter().map(|row| (row.room, row.message.message, &row.change)).collect();
            update(&changes, transaction).await?;
        }
        match &self.removal {
            Some(removal) => remove(removal, transaction).await,
            None => Ok(()),
        }
    }
}

pub(super) async fn insert(rows: &[&Posted<'_>], transaction: &Transaction<'_>) -> Result<usize, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<_> = rows.iter().map(|row| row.message.message.0).collect();
    let rooms: Vec<_> = rows.iter().map(|row| row.room.0).collect();
    let seqs: Vec<_> = rows.iter().map(|row| bigint(row.room_seq)).collect();
    let positions: Vec<_> = rows.iter().map(|row| bigint(row.position)).collect();
    let authors: Vec<_> = rows.iter().map(|row| row.message.author.0).collect();
    let texts: Vec<_> = rows.iter().map(|row| row.change.text().unwrap_or(&row.message.text)).collect();
    let text_positions: Vec<_> =
        rows.iter().map(|row| bigint(row.change.last_edit().unwrap_or(row.text()).position)).collect();
    let languages: Vec<_> = rows.iter().map(|row| &*row.language).collect();
    let replies: Vec<_> = rows.iter().map(|row| row.message.reply_to.map(|message| message.0)).collect();
    let mentions: Vec<_> = rows.iter().map(|row| array(&row.message.mentions)).collect();
    let created: Vec<_> = rows.iter().map(|row| row.at).collect();
    let edited: Vec<_> = rows.iter().map(|row| row.change.last_edit().map(|edit| edit.at)).collect();
    let statuses: Vec<_> =
        rows.iter().map(|row| row.change.status.unwrap_or(MessageStatus::Visible).as_str()).collect();
    let insert = transaction.prepare_cached(INSERT).await?;
    let inserted = transaction
        .execute(
            &insert,
            &[
                &ids,
                &rooms,
                &seqs,
                &positions,
                &authors,
                &texts,
                &text_positions,
                &languages,
                &replies,
                &mentions,
                &created,
                &edited,
                &statuses,
            ],
        )
        .await?;
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX))
}

async fn update(changes: &[(RoomId, MessageId, &Change<'_>)], transaction: &Transaction<'_>) -> Result<(), Error> {
    let changes: Vec<_> = changes.iter().copied().filter(|(.., change)| !change.is_nothing()).collect();
    if changes.is_empty() {
        return Ok(());
    }
    // Before the texts are replaced.
    versions::of_changed(&changes, transaction).await?;
    let ids: Vec<_> = changes.iter().map(|(_, message, _)| message.0).collect();
    let rooms: Vec<_> = changes.iter().map(|(room, ..)| room.0).collect();
    let texts: Vec<_> = changes.iter().map(|(.., change)| change.text()).collect();
    let text_positions: Vec<_> =
        changes.iter().map(|(.., change)| change.last_edit().map(|edit| bigint(edit.position))).collect();
    let edited: Vec<_> = changes.iter().map(|(.., change)| change.last_edit().map(|edit| edit.at)).collect();
    let statuses: Vec<_> = changes.iter().map(|(.., change)| change.status.map(MessageStatus::as_str)).collect();
    let update = transaction.prepare_cached(UPDATE).await?;
    transaction.execute(&update, &[&ids, &rooms, &texts, &text_positions, &edited, &statuses]).await?;
    Ok(())
}

async fn remove(removal: &Removal, transaction: &Transaction<'_>) -> Result<(), Error> {
    let statement = match removal.why {
        RemovalCause::Moderation => REMOVE_ALL,
        RemovalCause::Erasure => {
            versions::forget_all(removal.room, removal.author, transaction).await?;
            ERASE_ALL
        }
    };
    let statement = transaction.prepare_cached(statement).await?;
    transaction.execute(&statement, &[&removal.room.0, &removal.author.0]).await?;
    Ok(())
}
