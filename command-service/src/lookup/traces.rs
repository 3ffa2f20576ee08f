//! Where is a person to be found? The rooms that he is in or wrote in, and his sessions, at the log's end.

use super::{ASK_EVERY, Lookup, WAIT_MAX, unsigned};
use crate::http::error::log_unavailable;
use events::{RoomId, SessionId, StreamName, UserId};
use platform::pool::timed;
use platform::{Code, Problem};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

/// Rooms, or sessions, of one look; who has more is looked at again.
pub(crate) const TRACES_MAX: usize = 1_000;

// Those that he owns come first: of them it depends whether he may go.
const ROOMS: &str = "
    select checkpoint.epoch, checkpoint.seq, traces.room_id
    from (values (1)) as one (row)
    left join rm.checkpoint as checkpoint on checkpoint.projection = 'chat' and checkpoint.part = 0
    left join lateral (
        select room_id
        from (
            select room_id, role = 'owner' as owns from rm.members
            where user_id = $1
              and role is not null
            union all
            select room_id, false from rm.messages
            where author_id = $1
              and status <> 'deleted'
        ) as found
        group by room_id
        order by bool_or(owns) desc, room_id
        limit $2
    ) as traces on true";

const SESSIONS: &str = "
    select checkpoint.epoch, checkpoint.seq, traces.id
    from (values (1)) as one (row)
    left join rm_live.checkpoint as checkpoint on checkpoint.projection = 'identity'
    left join lateral (
        select id from rm_live.sessions
        where user_id = $1
        union all
        select id from rm_live.guest_sessions
        where user_id = $1
        limit $2
    ) as traces on true";

impl Lookup {
    /// The rooms that this person is in, or has written in, as of the log's end now; at most [`TRACES_MAX`].
    ///
    /// # Errors
    /// 503 `read-model-behind`, `overloaded` or `log-unavailable` where that cannot be said.
    pub(crate) async fn rooms_of(&self, user: UserId) -> Result<Vec<RoomId>, Problem> {
        let found = self.traces("rooms_of_a_person", ROOMS, StreamName::Chat, user).await?;
        Ok(found.into_iter().map(RoomId).collect())
    }

    /// The sessions of this person that were not revoked, as of the private stream's end now; at most [`TRACES_MAX`].
    ///
    /// # Errors
    /// As [`Lookup::rooms_of`].
    pub(crate) async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionId>, Problem> {
        let found = self.traces("sessions_of_a_person", SESSIONS, StreamName::Identity, user).await?;
        Ok(found.into_iter().map(SessionId).collect())
    }

    /// Rows and checkpoint by one statement, asked until the checkpoint is at the stream's end as of now.
    async fn traces(
        &self,
        name: &'static str,
        statement: &'static str,
        stream: StreamName,
        user: UserId,
    ) -> Result<Vec<Uuid>, Problem> {
        let end = self.log.extent(stream).await.map_err(log_unavailable)?.last;
        let deadline = Instant::now() + WAIT_MAX;
        let mut again = tokio::time::interval(ASK_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            again.tick().await;
            let rows = timed(name, async {
                sqlx::query_as::<_, (Option<i64>, Option<i64>, Option<Uuid>)>(statement)
                    .bind(user.0)
                    .bind(i64::try_from(TRACES_MAX).unwrap_or(i64::MAX))
                    .fetch_all(&self.pool)
                    .await
            });
            let rows = rows.await?;
            // Each stream has epochs of its own, and this service knows that of `CHAT`.
            let is_ours = |epoch: Option<i64>| stream != StreamName::Chat || epoch == Some(i64::from(self.epoch.0));
            let reached = |seq: Option<i64>| seq.map_or(0, unsigned) >= end;
            if rows.first().is_some_and(|(epoch, seq, _)| is_ours(*epoch) && reached(*seq)) {
                return Ok(rows.into_iter().filter_map(|(.., trace)| trace).collect());
            }
            if Instant::now() >= deadline {
                let detail = "The read model has not reached the log's end, so where this person is to be found is \
                              unknown. Nothing was done.";
                return Err(Problem::new(Code::ReadModelBehind, detail).after(Duration::from_secs(1)));
            }
        }
    }
}
