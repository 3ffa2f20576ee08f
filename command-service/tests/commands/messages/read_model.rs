//! A read model that is exactly as far as the test says.

use event_log::Fact;
use events::{Event, MessageEvent, message::MessagePosted, system::EpochEvent};
use servers::{Postgres, Role};
use sqlx::{Connection, PgConnection};

pub(crate) struct ReadModel(Postgres);

impl ReadModel {
    pub(crate) async fn start() -> Self {
        let postgres = Postgres::temporary().await.expect("a Postgres");
        let read_model = Self(postgres);
        sqlx::migrate!("../migrations").run(&mut read_model.operator().await).await.expect("the migrations apply");
        read_model
    }

    /// For the command service, with its rights.
    pub(crate) fn url(&self) -> String {
        self.0.url(Role::Command)
    }

    /// From now on it has what was said in these facts, with this status, and is at the last of them.
    pub(crate) async fn has(&self, facts: &[Fact], status: &str) {
        let mut operator = self.operator().await;
        for fact in facts {
            if let Event::Message(MessageEvent::Posted(MessagePosted { room, message, author, text, .. })) = &fact.event
            {
                let insert = sqlx::query(
                    "insert into rm.messages (id, room_id, room_seq, position, author_id, text, language, mentions, \
                     created_at, status) \
                     values ($1, $2, $3, $3, $4, $5, 'en', '{}', $6, $7) \
                     on conflict (id) do update set status = excluded.status",
                );
                let insert = insert.bind(message.0).bind(room.0).bind(fact.seq as i64).bind(author.0);
                let insert = insert.bind(text).bind(fact.envelope.time).bind(status);
                insert.execute(&mut operator).await.expect("a row");
            }
        }
        let epoch = facts.iter().rev().find_map(|fact| match &fact.event {
            Event::Epoch(EpochEvent::Started(started)) => Some(started.epoch.0),
            _ => None,
        });
        self.reaches(epoch.expect("every log has an epoch"), facts.last().map_or(0, |last| last.seq)).await;
    }

    async fn reaches(&self, epoch: u32, seq: u64) {
        let upsert = sqlx::query(
            "insert into rm.checkpoint (projection, part, generation, epoch, seq, event_id, chain, event_time) \
             values ('chat', 0, 1, $1, $2, gen_random_uuid(), '', now()) \
             on conflict (projection, part) do update set seq = excluded.seq",
        );
        let upsert = upsert.bind(i64::from(epoch)).bind(seq as i64);
        upsert.execute(&mut self.operator().await).await.expect("a checkpoint");
    }

    /// From now on a room can be read up to here.
    pub(crate) async fn has_head(&self, room: events::RoomId, head: i64) {
        let upsert = sqlx::query(
            "insert into rm.room_head (room_id, seq, position) values ($1, $2, $2) \
             on conflict (room_id) do update set seq = excluded.seq",
        );
        upsert.bind(room.0).bind(head).execute(&mut self.operator().await).await.expect("a head");
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }

    async fn operator(&self) -> PgConnection {
        PgConnection::connect(&self.0.url(Role::Operator)).await.expect("the operator may connect")
    }
}
