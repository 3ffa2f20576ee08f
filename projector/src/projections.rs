//! Which projections are there, and which facts go to which table?

mod accounts;
mod bulk;
mod feed;
mod lounges;
mod markers;
mod members;
mod messages;
mod moderation;
mod presence;
mod reactions;
mod room_head;
mod rooms;
mod sessions;
mod users;

pub(crate) use bulk::Way;
pub(crate) use room_head::Heads;

use deadpool_postgres::Transaction;
use event_log::{Fact, Record};
use events::{Event, RoomId, StreamName, Subject, Time};
use tokio_postgres::Error;

/// A stream's tables and their checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Projection {
    /// `CHAT` into schema `rm`.
    Chat,
    /// `IDENTITY` into schema `rm_live`: the stream forgets, so a row is the state of its subject's last message.
    Identity,
    /// `PRESENCE` likewise.
    Presence,
    /// `MARKERS` likewise.
    Markers,
}

impl Projection {
    pub(crate) const ALL: [Self; 4] = [Self::Chat, Self::Identity, Self::Presence, Self::Markers];
    /// Those whose tables are never swapped.
    pub(crate) const IN_PLACE: [Self; 3] = [Self::Identity, Self::Presence, Self::Markers];

    pub(crate) fn stream(self) -> StreamName {
        match self {
            Self::Chat => StreamName::Chat,
            Self::Identity => StreamName::Identity,
            Self::Presence => StreamName::Presence,
            Self::Markers => StreamName::Markers,
        }
    }

    /// Where its tables are. Statements name no schema: the connection does, so that a rebuild runs the same ones.
    pub(crate) fn schema(self) -> &'static str {
        match self {
            Self::Chat => "rm",
            Self::Identity | Self::Presence | Self::Markers => "rm_live",
        }
    }

    /// What it writes, for those whose schema others share.
    pub(crate) fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &[],
            Self::Identity => &["accounts", "sessions", "guest_sessions"],
            Self::Presence => &["presence"],
            Self::Markers => &["markers"],
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Identity => "identity",
            Self::Presence => "presence",
            Self::Markers => "markers",
        }
    }

    /// Its name among the checks of `/readyz`.
    pub(crate) fn check(self) -> &'static str {
        match self {
            Self::Chat => "projector",
            Self::Identity => "projector-identity",
            Self::Presence => "projector-presence",
            Self::Markers => "projector-markers",
        }
    }

    /// The name of its lag among the checks of `/readyz`.
    pub(crate) fn lag_check(self) -> &'static str {
        match self {
            Self::Chat => "projector-lag",
            Self::Identity => "projector-identity-lag",
            Self::Presence => "projector-presence-lag",
            Self::Markers => "projector-markers-lag",
        }
    }
}

/// What some facts change, table by table. Made without a clock, a query or chance: the facts and the rooms' heads
/// before them say it all, and cut into other batches they say the same.
#[derive(Default)]
pub(crate) struct Changes<'a> {
    users: users::Changes<'a>,
    lounges: lounges::Changes<'a>,
    rooms: rooms::Changes<'a>,
    members: members::Changes<'a>,
    messages: messages::Changes<'a>,
    reactions: reactions::Changes<'a>,
    moderation: moderation::Changes<'a>,
    feed: feed::Changes<'a>,
    heads: room_head::Changes,
    accounts: accounts::Changes<'a>,
    sessions: sessions::Changes<'a>,
    presence: presence::Changes<'a>,
    markers: markers::Changes<'a>,
}

impl<'a> Changes<'a> {
    /// One more event of a room, counted from the subject alone, whatever it then says or changes; its number. `heads` are
    /// those of the rooms before all that is folded here.
    pub(crate) fn count(&mut self, room: RoomId, position: u64, heads: &Heads) -> u64 {
        self.heads.count(room, position, heads)
    }

    /// What was before, of a room whose events were counted before.
    pub(crate) fn know(&mut self, room: RoomId, heads: &Heads) {
        self.heads.know(room, heads);
    }

    /// An event that changes nothing keeps its number.
    pub(crate) fn pass(&mut self, record: &Record, room_seq: Option<u64>, at: Time) {
        let room = record.subject.parse().ok().and_then(|subject: Subject| subject.counted_room());
        if let Some((room, room_seq)) = room.zip(room_seq) {
            self.feed.pass(room, room_seq, record.seq, at);
        }
    }

    /// Folds the next fact of the log, which was counted before.
    pub(crate) fn fold(&mut self, fact: &'a Fact, room_seq: Option<u64>) {
        if let Some(room_seq) = room_seq {
            self.feed.fold(fact, room_seq);
        }
        let room_seq = room_seq.unwrap_or_default();
        self.moderation.fold(fact);
        match (&fact.event, fact.subject) {
            (Event::User(change), Subject::User(user)) => self.users.fold(user, &change.after, fact.seq),
            (Event::Lounge(change), Subject::Lounge(lounge)) => self.lounges.fold(lounge, &change.after, fact.seq),
            (Event::Room(change), Subject::Room(room)) => {
                self.heads.speaks(room, &change.after.language);
                self.rooms.fold(room, &change.after, fact.seq);
            }
            (Event::Membership(change), Subject::Member(room, user)) => {
                self.members.fold(room, user, change, room_seq, fact.seq);
            }
            (Event::Message(event), Subject::RoomMessages(room)) => {
                let language = self.heads.language(room);
                self.messages.fold(room, room_seq, &language, event, fact.envelope.time, fact.seq);
                self.reactions.fold(room, event, fact.seq);
            }
            (Event::Account(change), Subject::Account(user)) => self.accounts.fold(user, &change.after, fact.seq),
            (Event::Session(change), Subject::Session(session)) => {
                self.sessions.fold(session, &change.after, fact.seq);
            }
            (Event::Presence(change), Subject::Presence(user)) => self.presence.fold(user, &change.after, fact.seq),
            (Event::Marker(change), Subject::Marker(user, room)) => {
                self.markers.fold(user, room, &change.after, fact.seq);
            }
            // No table of states holds these; reports are moderation's.
            (Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::Report(_), _) => {}
            (Event::Phone(_) | Event::Credential(_), _) => {}
            // Decoding pairs each family with its subject.
            (
                Event::User(_)
                | Event::Lounge(_)
                | Event::Room(_)
                | Event::Membership(_)
                | Event::Message(_)
                | Event::Account(_)
                | Event::Session(_)
                | Event::Presence(_)
                | Event::Marker(_),
                _,
            ) => {}
        }
    }

    /// Writes each table at once; what did not change costs nothing.
    pub(crate) async fn write(&self, way: Way, transaction: &mut Transaction<'_>) -> Result<(), Error> {
        self.users.write(transaction).await?;
        self.lounges.write(transaction).await?;
        self.rooms.write(transaction).await?;
        self.members.write(transaction).await?;
        self.messages.write(way, transaction).await?;
        self.reactions.write(transaction).await?;
        self.moderation.write(transaction).await?;
        self.feed.write(way, transaction).await?;
        self.heads.write(transaction).await?;
        self.accounts.write(transaction).await?;
        self.sessions.write(transaction).await?;
        self.presence.write(transaction).await?;
        self.markers.write(transaction).await
    }

    /// The rooms' heads after it, once it is committed.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (RoomId, room_head::Head)> {
        self.heads.after()
    }
}

#[cfg(test)]
mod tests;
