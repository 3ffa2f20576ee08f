//! Who reacted how to which message? `rm.reactions`: a set.

use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use events::{MessageEvent, MessageId, RoomId, UserId};
use std::collections::BTreeMap;
use tokio_postgres::Error;

const DELETE: &str = "
    delete from reactions
    using unnest($1::uuid[], $2::text[], $3::uuid[]) as gone (message_id, emoji, user_id)
    where reactions.message_id = gone.message_id
      and reactions.emoji = gone.emoji
      and reactions.user_id = gone.user_id";

const INSERT: &str = "
    insert into reactions (message_id, emoji, user_id, room_id, position)
    select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[])
    on conflict on constraint reactions_pkey do nothing";

type Key<'a> = (MessageId, &'a str, UserId);

/// What becomes of one reaction. Of two addings the first counts, unless it was removed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// Whatever was there before is gone.
    pub(super) removed: bool,
    /// Room and position of what is there now.
    pub(super) added: Option<(RoomId, u64)>,
}

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<Key<'a>, Fate>);

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, room: RoomId, event: &'a MessageEvent, position: u64) {
        match event {
            MessageEvent::ReactionAdded(reaction) => {
                let key = (reaction.message, reaction.emoji.as_str(), reaction.user);
                let fate = self.0.entry(key).or_insert(Fate { removed: false, added: None });
                fate.added.get_or_insert((room, position));
            }
            MessageEvent::ReactionRemoved(reaction) => {
                let key = (reaction.message, reaction.emoji.as_str(), reaction.user);
                self.0.insert(key, Fate { removed: true, added: None });
            }
            MessageEvent::Posted(_)
            | MessageEvent::Edited(_)
            | MessageEvent::Deleted(_)
            | MessageEvent::Moderated(_)
            | MessageEvent::AllRemoved(_) => {}
        }
    }

    #[cfg(test)]
    pub(super) fn fate(&self, key: Key<'a>) -> Option<Fate> {
        self.0.get(&key).copied()
    }

    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let gone: Vec<_> = self.0.iter().filter(|(_, fate)| fate.removed).map(|(key, _)| *key).collect();
        if !gone.is_empty() {
            let (messages, emoji, users) = columns(&gone);
            let delete = transaction.prepare_cached(DELETE).await?;
            transaction.execute(&delete, &[&messages, &emoji, &users]).await?;
        }
        let added = self.0.iter().filter_map(|(key, fate)| fate.added.map(|(room, position)| (*key, room, position)));
        let added: Vec<_> = added.collect();
        if !added.is_empty() {
            let keys: Vec<_> = added.iter().map(|(key, ..)| *key).collect();
            let (messages, emoji, users) = columns(&keys);
            let rooms: Vec<_> = added.iter().map(|(_, room, _)| room.0).collect();
            let positions: Vec<_> = added.iter().map(|(_, _, position)| bigint(*position)).collect();
            let insert = transaction.prepare_cached(INSERT).await?;
            transaction.execute(&insert, &[&messages, &emoji, &users, &rooms, &positions]).await?;
        }
        Ok(())
    }
}

fn columns<'a>(keys: &[Key<'a>]) -> (Vec<uuid::Uuid>, Vec<&'a str>, Vec<uuid::Uuid>) {
    let messages = keys.iter().map(|(message, ..)| message.0).collect();
    let emoji = keys.iter().map(|(_, emoji, _)| *emoji).collect();
    let users = keys.iter().map(|(.., user)| user.0).collect();
    (messages, emoji, users)
}
