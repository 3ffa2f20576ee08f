//! How do many messages reach their table at once? By COPY, and by inserts where one of them has an id that is there.

use super::{Posted, write::insert};
use crate::{checkpoint::bigint, projections::bulk};
use deadpool_postgres::Transaction;
use events::message::MessageStatus;
use std::pin::pin;
use tokio_postgres::{
    Error,
    error::SqlState,
    types::{ToSql, Type},
};

const COLUMNS: &str = "messages (
    id, room_id, room_seq, position, author_id, text, text_position, language, reply_to, mentions, created_at,
    edited_at, status
)";
const TYPES: [Type; 13] = [
    Type::UUID,
    Type::UUID,
    Type::INT8,
    Type::INT8,
    Type::UUID,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::UUID,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::TEXT,
];

/// Says how many rows went in.
pub(super) async fn copy(rows: &[&Posted<'_>], transaction: &mut Transaction<'_>) -> Result<usize, Error> {
    let savepoint = transaction.savepoint("copied").await?;
    match copy_all(rows, &savepoint).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(rows.len())
        }
        // The first posting of an id wins, which COPY cannot say.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            savepoint.rollback().await?;
            insert(rows, transaction).await
        }
        Err(error) => Err(error),
    }
}

async fn copy_all(rows: &[&Posted<'_>], transaction: &Transaction<'_>) -> Result<(), Error> {
    let mut writer = pin!(bulk::copy_into(COLUMNS, &TYPES, transaction).await?);
    for row in rows.iter().copied() {
        let Posted { room, room_seq, language, position, at, message, change } = row;
        let mentions: Vec<_> = message.mentions.iter().map(|user| user.0).collect();
        let edit = change.last_edit();
        let values: [&(dyn ToSql + Sync); 13] = [
            &message.message.0,
            &room.0,
            &bigint(*room_seq),
            &bigint(*position),
            &message.author.0,
            &change.text().unwrap_or(&message.text),
            &bigint(edit.unwrap_or(row.text()).position),
            &&**language,
            &message.reply_to.map(|message| message.0),
            &mentions,
            at,
            &edit.map(|edit| edit.at),
            &change.status.unwrap_or(MessageStatus::Visible).as_str(),
        ];
        writer.as_mut().write(&values).await?;
    }
    writer.finish().await?;
    Ok(())
}
