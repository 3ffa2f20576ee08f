//! Which sessions may have run out? Those whose row says so, page by page; a row may be older than the log.

use events::{SessionId, Time, UserId};
use platform::Problem;
use platform::pool::timed;
use sqlx::PgPool;
use uuid::Uuid;

/// Rows that a sweep holds at once.
const PAGE_ROWS: i64 = 100;

/// A session that may have run out, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    ends_at: Time,
}

/// The first page of what was due at `now`.
pub(super) async fn first(pool: &PgPool, now: Time) -> Result<Vec<Due>, Problem> {
    page(pool, now, Time::UNIX_EPOCH, Uuid::nil()).await
}

/// The page behind this row. By place, not by number: what a sweep has ended may lose its row meanwhile.
pub(super) async fn after(pool: &PgPool, now: Time, last: Due) -> Result<Vec<Due>, Problem> {
    page(pool, now, last.ends_at, last.session.0).await
}

async fn page(pool: &PgPool, now: Time, after_end: Time, after: Uuid) -> Result<Vec<Due>, Problem> {
    // Each branch reads its own index of ends, and no further than one page.
    let rows = timed("sessions_due", async {
        sqlx::query_as::<_, (Uuid, Uuid, Time)>(
            "select id, user_id, ends_at \
             from ( \
                 (select id, user_id, ends_at \
                  from rm_live.sessions \
                  where ends_at <= $1 and (ends_at, id) > ($2, $3) \
                  order by ends_at, id \
                  limit $4) \
                 union all \
                 (select id, user_id, ends_at \
                  from rm_live.guest_sessions \
                  where ends_at <= $1 and (ends_at, id) > ($2, $3) \
                  order by ends_at, id \
                  limit $4) \
             ) as due \
             order by ends_at, id \
             limit $4",
        )
        .bind(now)
        .bind(after_end)
        .bind(after)
        .bind(PAGE_ROWS)
        .fetch_all(pool)
        .await
    });
    let due = |(session, user, ends_at)| Due { session: SessionId(session), user: UserId(user), ends_at };
    Ok(rows.await?.into_iter().map(due).collect())
}
