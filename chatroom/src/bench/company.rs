//! Who is in the rooms, and who speaks there? Guests, each in all of them; the first one's messages go straight to the log.

use anyhow::{Context, Result, ensure};
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Condition, Envelope, EventId, MessageEvent, NewEvent, Position, RoomId, StreamName, Subject, UserId,
    message::MessagePosted,
};
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use uuid::Uuid;

use super::{bed::Bed, stage};
use crate::client::{Api, Ask, Session};

/// Requests under way at once while everybody comes in.
const AT_ONCE: usize = 32;
/// Until all of that can be read; each try waits for seconds by itself.
const THERE_WITHIN: Duration = Duration::from_secs(60);

/// Somebody who is in all of the rooms.
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) token: String,
}

/// The rooms with those who are in them.
pub(super) struct Company {
    pub(super) rooms: Vec<RoomId>,
    pub(super) people: Vec<Person>,
    /// Where the first one joined the first room.
    joined: u64,
    log: JetStream,
}

impl Company {
    /// So many rooms with so many people.
    pub(super) async fn gather(bed: &Bed, rooms: usize, people: usize) -> Result<Self> {
        let rooms = stage::rooms(bed, rooms).await?;
        let coming = (0..people).map(|_| come(bed, &rooms));
        let came: Vec<(Person, u64)> = stream::iter(coming).buffer_unordered(AT_ONCE).try_collect().await?;
        let joined = came.first().context("somebody")?.1;
        let people = came.into_iter().map(|(person, _)| person).collect();
        Ok(Self { rooms, people, joined, log: bed.log().await? })
    }

    /// Where they all listen.
    pub(super) fn room(&self) -> RoomId {
        self.rooms[0]
    }

    /// Until the read model has everybody.
    pub(super) async fn is_known(&self, listen: SocketAddr) -> Result<()> {
        let seq = self.log.extent(StreamName::Chat).await?.last;
        let end = Position { epoch: streams::epoch(&self.log, StreamName::Chat).await?, seq }.to_string();
        let api = Api::at(&format!("http://{listen}"))?;
        let (path, until) = (format!("/v1/rooms/{}/messages", self.room()), Instant::now() + THERE_WITHIN);
        loop {
            let ask = Ask::new(Method::GET, path.as_str()).bearer(&self.people[0].token);
            let answer = api.send(ask.header("chat-min-position", &end)).await?;
            if answer.status.is_success() {
                return Ok(());
            }
            ensure!(Instant::now() < until, "not there after {THERE_WITHIN:?}: {}", answer.value());
        }
    }

    /// Stores so many messages at once: the hub hears all of them in one go.
    pub(super) async fn say(&self, text: &str, count: usize) -> Result<()> {
        let unit = (0..count).map(|_| self.message(text)).collect();
        self.log.append(unit).await.context("storing messages")?;
        Ok(())
    }

    fn message(&self, text: &str) -> NewEvent {
        let (room, author, id) = (self.room(), self.people[0].user, EventId(Uuid::now_v7()));
        let mut envelope = Envelope::new(id, chrono::Utc::now(), Actor::System, "bench");
        envelope.after = Some(Condition { subject: Subject::Member(room, author), seq: self.joined });
        let (text, mentions) = (text.into(), Vec::new());
        let posted = MessagePosted { room, message: id.into(), author, text, reply_to: None, mentions };
        NewEvent { subject: Subject::RoomMessages(room), envelope, event: MessageEvent::from(posted).into() }
    }
}

/// A guest comes and joins every room; gives where that is in the first.
async fn come(bed: &Bed, rooms: &[RoomId]) -> Result<(Person, u64)> {
    let guest = Session::guest(&bed.api, "Bob").await.applied()?;
    let mut joined = None;
    for room in rooms {
        let at: Position = guest.join(*room).await.applied()?.parse()?;
        joined.get_or_insert(at.seq);
    }
    let token = guest.access_token().await.applied()?;
    Ok((Person { user: guest.user(), token }, joined.context("a room")?))
}
