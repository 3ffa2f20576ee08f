//! What did a message say before? Each text that an edit replaced; none of a message that is deleted.

use super::{Change, Posted, Text};
use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{MessageId, RoomId, UserId};
use tokio_postgres::Error;

/// The texts that stand and that the first of some edits replaces. A row whose text is that of these edits already was
/// posted among them.
const KEEP_STANDING: &str = "
    insert into message_versions (message_id, position, room_id, text, at)
    select messages.id, messages.text_position, messages.room_id, messages.text,
           coalesce(messages.edited_at, messages.created_at)
    from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as edited (id, room_id, position)
    join messages on messages.id = edited.id and messages.room_id = edited.room_id
    where messages.status <> 'deleted'
      and messages.text_position < edited.position";

/// Texts that came and went within these facts: of rows that are there, or of those that were posted among them.
const KEEP_PASSED: &str = "
    insert into message_versions (message_id, position, room_id, text, at)
    select messages.id, passed.position, messages.room_id, passed.text, passed.at
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[])
        as passed (id, room_id, position, text, at, posting)
    join messages on messages.id = passed.id and messages.room_id = passed.room_id
    where messages.status <> 'deleted'
      and case
          when passed.posting is null then messages.text_position < passed.position
          else messages.position = passed.posting
          end";

const FORGET: &str = "
    delete from message_versions
    using unnest($1::uuid[], $2::uuid[]) as deleted (id, room_id)
    where message_versions.message_id = deleted.id
      and message_versions.room_id = deleted.room_id";

const FORGET_ALL: &str = "
    delete from message_versions
    using messages
    where messages.room_id = $1
      and messages.author_id = $2
      and message_versions.message_id = messages.id";

type Changed<'c, 'a> = (RoomId, MessageId, &'c Change<'a>);

/// Of rows that are there, before their texts are replaced.
pub(super) async fn of_changed(changes: &[Changed<'_, '_>], transaction: &Transaction<'_>) -> Result<(), Error> {
    let (deleted, kept): (Vec<_>, Vec<_>) = changes.iter().copied().partition(|(.., change)| change.is_deletion());
    let edited: Vec<_> = kept
        .into_iter()
        .filter_map(|(room, message, change)| Some((room, message, change.edits.split_last()?.1, change)))
        .collect();
    if !edited.is_empty() {
        let ids: Vec<_> = edited.iter().map(|(_, message, ..)| message.0).collect();
        let rooms: Vec<_> = edited.iter().map(|(room, ..)| room.0).collect();
        let firsts: Vec<_> = edited.iter().map(|(.., change)| bigint(change.edits[0].position)).collect();
        let keep = transaction.prepare_cached(KEEP_STANDING).await?;
        transaction.execute(&keep, &[&ids, &rooms, &firsts]).await?;
    }
    let passed = edited.iter().flat_map(|(room, message, passed, _)| {
        passed.iter().map(|text| Passed { room: *room, message: *message, text: *text, posting: None })
    });
    keep_passed(&passed.collect::<Vec<_>>(), transaction).await?;
    if deleted.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = deleted.iter().map(|(_, message, _)| message.0).collect();
    let rooms: Vec<_> = deleted.iter().map(|(room, ..)| room.0).collect();
    let forget = transaction.prepare_cached(FORGET).await?;
    transaction.execute(&forget, &[&ids, &rooms]).await?;
    Ok(())
}

/// Of rows that were posted with the last of their texts. Whose id was there already is no row of these.
pub(super) async fn of_posted(rows: &[&Posted<'_>], transaction: &Transaction<'_>) -> Result<(), Error> {
    let edited = rows.iter().filter(|row| !row.change.is_deletion());
    let passed = edited.flat_map(|row| {
        let before = row.change.edits.split_last().map(|(_, before)| before);
        let texts = before.into_iter().flat_map(|before| std::iter::once(row.text()).chain(before.iter().copied()));
        let posting = Some(row.position);
        texts.map(move |text| Passed { room: row.room, message: row.message.message, text, posting })
    });
    keep_passed(&passed.collect::<Vec<_>>(), transaction).await
}

/// Of all that this person wrote in this room.
pub(super) async fn forget_all(room: RoomId, author: UserId, transaction: &Transaction<'_>) -> Result<(), Error> {
    let forget = transaction.prepare_cached(FORGET_ALL).await?;
    transaction.execute(&forget, &[&room.0, &author.0]).await?;
    Ok(())
}

struct Passed<'a> {
    room: RoomId,
    message: MessageId,
    text: Text<'a>,
    /// Where the message was posted, if that is among these facts too.
    posting: Option<u64>,
}

async fn keep_passed(passed: &[Passed<'_>], transaction: &Transaction<'_>) -> Result<(), Error> {
    if passed.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = passed.iter().map(|passed| passed.message.0).collect();
    let rooms: Vec<_> = passed.iter().map(|passed| passed.room.0).collect();
    let positions: Vec<_> = passed.iter().map(|passed| bigint(passed.text.position)).collect();
    let texts: Vec<_> = passed.iter().map(|passed| passed.text.text).collect();
    let times: Vec<_> = passed.iter().map(|passed| passed.text.at).collect();
    let postings: Vec<_> = passed.iter().map(|passed| passed.posting.map(bigint)).collect();
    let keep = transaction.prepare_cached(KEEP_PASSED).await?;
    transaction.execute(&keep, &[&ids, &rooms, &positions, &texts, &times, &postings]).await?;
    Ok(())
}
