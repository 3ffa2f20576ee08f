//! A log that is written by hand on a real server, and a projector of it with its own rights.

use crate::{SOON, log, real::migrated, tables::Tables};
use async_nats::Client;
use event_log::{EventLog, JetStream, Record};
use events::{
    Actor, Change, Envelope, Event, EventId, MembershipEvent, MessageEvent, MessageId, NewEvent, Role as Rank, RoomId,
    StreamName, Subject, Time, UserId, membership::MemberJoined, message::MessagePosted,
};
use platform::{Shutdown, health::Health};
use servers::{Nats, Role};
use std::sync::Arc;
use uuid::Uuid;

/// A log that is written by hand, and a projector with its own rights.
pub(crate) struct Bed {
    pub(crate) nats: Nats,
    pub(crate) operator: Client,
    pub(crate) log: Arc<JetStream>,
    pub(crate) tables: Tables,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let ((nats, operator), tables) = tokio::join!(migrated(), Tables::new());
        let log = Arc::new(JetStream::new(nats.connect(Role::Projector).await.expect("the projector may connect")));
        Self { nats, operator, log, tables }
    }

    /// With another log and empty tables.
    pub(crate) async fn anew(self) -> Self {
        let (nats, operator) = migrated().await;
        let log = Arc::new(JetStream::new(nats.connect(Role::Projector).await.expect("the projector may connect")));
        self.tables.empty().await;
        Self { nats, operator, log, tables: self.tables }
    }

    /// Publishes by hand; says where it stands.
    pub(crate) async fn publishes(&self, record: &Record) -> u64 {
        let Record { subject, headers, body, .. } = record.clone();
        let answer = self.operator.request_with_headers(subject, headers, body).await.expect("the server answers");
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).expect("JSON");
        answer["seq"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    pub(crate) fn starts(&self) -> (Shutdown, Health) {
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let log: Arc<dyn EventLog> = self.log.clone();
        projector::project(log, &self.tables.url(), &shutdown, &health).expect("the settings are good");
        (shutdown, health)
    }

    pub(crate) async fn arrives(&self) {
        let end = self.log.extent(StreamName::Chat).await.expect("the log answers").last;
        let there = async {
            while self.tables.one::<i64>("select coalesce(max(seq), 0) from rm.checkpoint").await < end as i64 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, there).await.expect("it goes on to the log's end");
    }

    /// The texts of a room, in order.
    pub(crate) async fn texts(&self, room: RoomId) -> Vec<String> {
        sqlx::query_scalar("select text from rm.messages where room_id = $1 order by room_seq")
            .bind(room.0)
            .fetch_all(&mut self.tables.operator().await)
            .await
            .expect("readable")
    }
}

pub(crate) async fn ends((shutdown, _): (Shutdown, Health)) {
    shutdown.cancel();
    shutdown.wait(SOON).await.expect("it ends when it is asked to");
}

pub(crate) const ADA: UserId = UserId(Uuid::from_u128(0xada));

/// What nobody has published yet.
pub(crate) fn said(subject: Subject, event: impl Into<Event>) -> Record {
    let envelope = Envelope::new(EventId(Uuid::now_v7()), Time::UNIX_EPOCH, Actor::User(ADA), "by hand");
    log::record(0, &NewEvent { subject, envelope, event: event.into() })
}

pub(crate) fn joined(room: RoomId) -> Record {
    let joined = MembershipEvent::from(MemberJoined { room, user: ADA, role: Rank::Member, at: Time::UNIX_EPOCH });
    said(Subject::Member(room, ADA), Change::of(None, joined))
}

pub(crate) fn posted(room: RoomId, text: &str) -> Record {
    let (message, text, mentions) = (MessageId(Uuid::now_v7()), text.to_owned(), Vec::new());
    let posted = MessagePosted { room, message, author: ADA, text, reply_to: None, mentions };
    said(Subject::RoomMessages(room), MessageEvent::from(posted))
}
