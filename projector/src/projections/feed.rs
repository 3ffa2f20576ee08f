//! What happened in a room, number by number? `rm.feed`: one row for each counted event, the newest of each room.

use super::bulk::{self, Way};
use crate::checkpoint::bigint;
use deadpool_postgres::Transaction;
use event_log::Fact;
use events::{
    Event, MembershipEvent, MessageEvent, MessageId, RoomEvent, RoomId, Subject, Time, UserId, message::MessagePosted,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, pin::pin};
use tokio_postgres::{
    Error,
    types::{ToSql, Type},
};

/// Entries that each room keeps. Who missed more loads the room anew.
const ENTRIES_MAX: u64 = 10_000;

const INSERT: &str = "
    insert into feed (room_id, room_seq, position, type, at, actor_id, message_id, user_id, detail)
    select * from unnest(
        $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::uuid[],
        $9::jsonb[]
    )";

/// As [`INSERT`] names them, for COPY.
const COLUMNS: &str = "feed (room_id, room_seq, position, type, at, actor_id, message_id, user_id, detail)";
const TYPES: [Type; 9] = [
    Type::UUID,
    Type::INT8,
    Type::INT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::UUID,
    Type::UUID,
    Type::JSONB,
];

const PRUNE: &str = "
    delete from feed
    using unnest($1::uuid[], $2::bigint[]) as full_room (room_id, last_gone)
    where feed.room_id = full_room.room_id
      and feed.room_seq <= full_room.last_gone";

#[derive(Default)]
pub(super) struct Changes<'a>(BTreeMap<(RoomId, u64), Entry<'a>>);

/// `noop`: what cannot be read, or was dropped, keeps its number.
const NOOP: &str = "noop";

struct Entry<'a> {
    position: u64,
    event: &'a str,
    at: Time,
    actor: Option<UserId>,
    about: About,
}

/// Whom and what an entry is about, and what its frame shows that no table holds. No text: what was removed is
/// gone here too.
#[derive(Debug, Default, PartialEq)]
pub(super) struct About {
    pub(super) message: Option<MessageId>,
    pub(super) user: Option<UserId>,
    pub(super) detail: Map<String, Value>,
}

impl About {
    fn message(message: MessageId) -> Self {
        Self { message: Some(message), ..Self::default() }
    }

    fn user(user: UserId) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl<'a> Changes<'a> {
    pub(super) fn fold(&mut self, fact: &'a Fact, room_seq: u64) {
        if let Some(room) = fact.subject.counted_room() {
            let Fact { seq, envelope, event, .. } = fact;
            let (event, actor) = (event.event_type().name, envelope.actor.user());
            let entry = Entry { position: *seq, event, at: envelope.time, actor, about: about(fact) };
            self.0.insert((room, room_seq), entry);
        }
    }

    /// An event that changes nothing.
    pub(super) fn pass(&mut self, room: RoomId, room_seq: u64, position: u64, at: Time) {
        let entry = Entry { position, event: NOOP, at, actor: None, about: About::default() };
        self.0.insert((room, room_seq), entry);
    }

    pub(super) async fn write(&self, way: Way, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        match way {
            Way::Insert => self.insert(transaction).await?,
            Way::Copy => self.copy(transaction).await?,
        }
        self.prune(transaction).await
    }

    async fn insert(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let abouts = || self.0.values().map(|entry| &entry.about);
        let rooms: Vec<_> = self.0.keys().map(|(room, _)| room.0).collect();
        let seqs: Vec<_> = self.0.keys().map(|(_, seq)| bigint(*seq)).collect();
        let positions: Vec<_> = self.0.values().map(|entry| bigint(entry.position)).collect();
        let types: Vec<_> = self.0.values().map(|entry| entry.event).collect();
        let times: Vec<_> = self.0.values().map(|entry| entry.at).collect();
        let actors: Vec<_> = self.0.values().map(|entry| entry.actor.map(|user| user.0)).collect();
        let messages: Vec<_> = abouts().map(|about| about.message.map(|message| message.0)).collect();
        let users: Vec<_> = abouts().map(|about| about.user.map(|user| user.0)).collect();
        let details: Vec<_> = abouts().map(|about| some(&about.detail)).collect();
        let insert = transaction.prepare_cached(INSERT).await?;
        transaction
            .execute(&insert, &[&rooms, &seqs, &positions, &types, &times, &actors, &messages, &users, &details])
            .await?;
        Ok(())
    }

    async fn copy(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let mut writer = pin!(bulk::copy_into(COLUMNS, &TYPES, transaction).await?);
        for ((room, seq), Entry { position, event, at, actor, about }) in &self.0 {
            let row: [&(dyn ToSql + Sync); 9] = [
                &room.0,
                &bigint(*seq),
                &bigint(*position),
                event,
                at,
                &actor.map(|user| user.0),
                &about.message.map(|message| message.0),
                &about.user.map(|user| user.0),
                &some(&about.detail),
            ];
            writer.as_mut().write(&row).await?;
        }
        writer.finish().await?;
        Ok(())
    }

    /// What the rooms' new heads push out.
    async fn prune(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let heads: BTreeMap<_, _> = self.0.keys().copied().collect();
        let full = heads.into_iter().filter_map(|(room, head)| Some((room.0, head.checked_sub(ENTRIES_MAX)?)));
        let (rooms, last_gone): (Vec<_>, Vec<_>) = full.map(|(room, last)| (room, bigint(last))).unzip();
        if rooms.is_empty() {
            return Ok(());
        }
        let prune = transaction.prepare_cached(PRUNE).await?;
        transaction.execute(&prune, &[&rooms, &last_gone]).await?;
        Ok(())
    }
}

fn some(detail: &Map<String, Value>) -> Option<Value> {
    (!detail.is_empty()).then(|| Value::Object(detail.clone()))
}

fn about(fact: &Fact) -> About {
    match (&fact.event, fact.subject) {
        (Event::Message(event), _) => about_message(event, fact.envelope.key.as_deref()),
        (Event::Membership(change), Subject::Member(_, user)) => about_member(&change.event, user),
        (Event::Room(change), _) => about_room(&change.event),
        // Decoding pairs a membership with its subject; the rest is on no counted subject.
        (Event::Membership(_), _)
        | (Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Phone(_) | Event::Account(_), _)
        | (Event::Credential(_) | Event::Session(_) | Event::User(_) | Event::Lounge(_) | Event::Report(_), _)
        | (Event::Presence(_) | Event::Marker(_), _) => About::default(),
    }
}

fn about_message(event: &MessageEvent, key: Option<&str>) -> About {
    match event {
        MessageEvent::Posted(MessagePosted { message, .. }) => About::message(*message).with_some("key", key),
        MessageEvent::Edited(edited) => About::message(edited.message),
        MessageEvent::Deleted(deleted) => About::message(deleted.message),
        MessageEvent::Moderated(moderated) => About::message(moderated.message)
            .with("status", moderated.status.as_str())
            .with_some("reason", moderated.reason.as_deref()),
        MessageEvent::AllRemoved(removed) => {
            About::user(removed.user).with("why", json!(removed.why)).with_some("reason", removed.reason.as_deref())
        }
        MessageEvent::ReactionAdded(reaction) => {
            About { user: Some(reaction.user), ..About::message(reaction.message) }
                .with("emoji", reaction.emoji.as_str())
        }
        MessageEvent::ReactionRemoved(reaction) => {
            About { user: Some(reaction.user), ..About::message(reaction.message) }
                .with("emoji", reaction.emoji.as_str())
        }
    }
}

fn about_member(event: &MembershipEvent, user: UserId) -> About {
    let about = About::user(user);
    match event {
        MembershipEvent::Joined(joined) => about.with("role", joined.role.as_str()),
        MembershipEvent::RoleChanged(changed) => about.with("role", changed.role.as_str()),
        MembershipEvent::Kicked(kick) => about.with_some("reason", kick.reason.as_deref()),
        MembershipEvent::Banned(ban) => {
            about.with_some("until", time(ban.until)).with_some("reason", ban.reason.as_deref())
        }
        MembershipEvent::Muted(mute) => {
            about.with_some("until", time(mute.until)).with_some("reason", mute.reason.as_deref())
        }
        MembershipEvent::Added(_)
        | MembershipEvent::Left(_)
        | MembershipEvent::Unbanned(_)
        | MembershipEvent::Unmuted(_) => about,
    }
}

fn about_room(event: &RoomEvent) -> About {
    let about = About::default();
    match event {
        RoomEvent::OwnerChanged(owner) => about
            .with_some("added", owner.added.map(|user| user.to_string()))
            .with_some("removed", owner.removed.map(|user| user.to_string())),
        // Their settings are the room's own row.
        RoomEvent::Created(_) | RoomEvent::Changed(_) | RoomEvent::Archived(_) | RoomEvent::Reopened(_) => about,
    }
}

fn time(at: Option<Time>) -> Option<String> {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
