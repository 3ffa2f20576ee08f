//! What is possible? The same messages without a service: bare durable publishes, and the bare batcher.

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{
    self,
    consumer::{DeliverPolicy, push::OrderedConfig},
    stream::Config,
};
use bytes::Bytes;
use event_log::{EventLog, JetStream};
use events::{
    Actor, Change, Condition, Envelope, EventId, MembershipEvent, MessageEvent, MessageId, NewEvent, RoomId, Subject,
    UserId, membership::MemberJoined, message::MessagePosted,
};
use futures::{
    Stream, StreamExt,
    future::{join_all, try_join_all},
};
use servers::Role;
use std::{
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};
use uuid::Uuid;

use super::{
    bed::Bed,
    poster::{TEXT, takes_one},
};
use crate::progress::Progress;

/// A stream of the bench's own, set like `CHAT`.
const STREAM: &str = "BENCH";
const SUBJECT: &str = "bench.msg";
/// Written between two looks at how far it is.
const EVENTS_AT_ONCE: u32 = 10_000;

/// What one turn of the reference came to.
pub(super) struct Stored {
    pub(super) count: u32,
    /// Of each publish, in no order.
    pub(super) took: Vec<Duration>,
    pub(super) elapsed: Duration,
}

impl Stored {
    pub(super) fn per_second(&self) -> f64 {
        f64::from(self.count) / self.elapsed.as_secs_f64()
    }
}

/// Bare publishes, each acknowledged when it is on the disk: no condition, no id, no headers.
pub(super) struct Publisher {
    client: async_nats::Client,
    body: Bytes,
}

impl Publisher {
    pub(super) async fn start(bed: &Bed) -> Result<Self> {
        let client = bed.servers.nats.connect(Role::Operator).await?;
        let js = jetstream::new(client.clone());
        let chat = js.get_stream("CHAT").await.context("the stream that posts go to")?.cached_info().config.clone();
        js.create_stream(Config { name: STREAM.into(), subjects: vec![SUBJECT.into()], ..chat })
            .await
            .context("making a stream like it")?;
        let message = posted(RoomId(Uuid::now_v7()), UserId(Uuid::now_v7()), MessageId(Uuid::now_v7()));
        Ok(Self { client, body: events::Event::from(MessageEvent::from(message)).body().into() })
    }

    /// So many publishes, of which so many are under way at once.
    pub(super) async fn publish(&self, at_once: usize, publishes: u32) -> Result<Stored> {
        let left = AtomicU32::new(publishes);
        let began = Instant::now();
        let each = try_join_all((0..at_once).map(|_| self.one_after_the_other(&left))).await?;
        let took: Vec<Duration> = each.into_iter().flatten().collect();
        Ok(Stored { count: publishes, took, elapsed: began.elapsed() })
    }

    /// What is stored from now on, as it comes, in order.
    pub(super) async fn hear(&self) -> Result<impl Stream<Item = Result<()>> + use<>> {
        let stream = jetstream::new(self.client.clone()).get_stream(STREAM).await.context("the stream")?;
        let deliver_subject = self.client.new_inbox();
        let config = OrderedConfig { deliver_subject, deliver_policy: DeliverPolicy::New, ..OrderedConfig::default() };
        let consumer = stream.create_consumer(config).await.context("an ordered consumer")?;
        let messages = consumer.messages().await.context("what is stored")?;
        Ok(messages.map(|message| message.map(drop).context("what is stored")))
    }

    async fn one_after_the_other(&self, left: &AtomicU32) -> Result<Vec<Duration>> {
        let mut took = Vec::new();
        while takes_one(left) {
            let began = Instant::now();
            let answer = self.client.request(SUBJECT, self.body.clone()).await?;
            ensure!(!answer.payload.windows(7).any(|part| part == b"\"error\""), "{:?}", answer.payload);
            took.push(began.elapsed());
        }
        Ok(took)
    }
}

/// The log's own writer with nothing before it: real posts under real conditions.
pub(super) struct Batcher {
    log: JetStream,
    members: Vec<Member>,
}

/// Somebody who joined so that his posts have a condition.
#[derive(Clone, Copy)]
struct Member {
    room: RoomId,
    user: UserId,
    joined: u64,
}

impl Batcher {
    pub(super) async fn start(bed: &Bed, writers: usize) -> Result<Self> {
        let log = bed.log().await?;
        let joins = (0..writers).map(|_| join(&log));
        let members = join_all(joins).await.into_iter().collect::<Result<_>>()?;
        Ok(Self { log, members })
    }

    pub(super) async fn append(&self, posts: u32) -> Result<(Stored, Vec<MessageId>)> {
        let left = AtomicU32::new(posts);
        let began = Instant::now();
        let each = try_join_all(self.members.iter().map(|member| self.one_after_the_other(*member, &left))).await?;
        let elapsed = began.elapsed();
        Ok((Stored { count: posts, took: Vec::new(), elapsed }, each.into_iter().flatten().collect()))
    }

    /// As [`Batcher::append`], of many, and says how far it is.
    pub(super) async fn writes(&self, bed: &Bed, events: u32) -> Result<()> {
        let progress = Progress::of("events written", u64::from(events), 0);
        let mut done = 0;
        while done < events {
            let some = EVENTS_AT_ONCE.min(events - done);
            self.append(some).await?;
            bed.is_whole()?;
            done += some;
            progress.at(u64::from(done));
        }
        Ok(())
    }

    async fn one_after_the_other(&self, member: Member, left: &AtomicU32) -> Result<Vec<MessageId>> {
        let mut ids = Vec::new();
        while takes_one(left) {
            let id = EventId(Uuid::now_v7());
            let Member { room, user, joined } = member;
            let condition = Condition { subject: Subject::Member(room, user), seq: joined };
            let event = MessageEvent::from(posted(room, user, id.into()));
            self.log.append(vec![new(Subject::RoomMessages(room), condition, id, event.into())]).await?;
            ids.push(id.into());
        }
        Ok(ids)
    }
}

async fn join(log: &JetStream) -> Result<Member> {
    let (room, user, now) = (RoomId(Uuid::now_v7()), UserId(Uuid::now_v7()), chrono::Utc::now());
    let subject = Subject::Member(room, user);
    let joined = MembershipEvent::from(MemberJoined { room, user, role: events::Role::Member, at: now });
    let event = new(subject, Condition { subject, seq: 0 }, EventId(Uuid::now_v7()), Change::of(None, joined).into());
    Ok(Member { room, user, joined: log.append(vec![event]).await?.last })
}

fn posted(room: RoomId, author: UserId, message: MessageId) -> MessagePosted {
    MessagePosted { room, message, author, text: TEXT.into(), reply_to: None, mentions: Vec::new() }
}

fn new(subject: Subject, after: Condition, id: EventId, event: events::Event) -> NewEvent {
    let mut envelope = Envelope::new(id, chrono::Utc::now(), Actor::System, "bench");
    envelope.after = Some(after);
    NewEvent { subject, envelope, event }
}
