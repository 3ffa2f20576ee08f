//! What does the read model say? One statement an answer: its rows, the rights they need and the checkpoint they are of.

pub mod feed;
pub mod lounges;
pub mod members;
pub mod messages;
pub mod moderation;
pub mod presence;
pub mod rooms;
pub mod search;
pub mod sessions;
pub mod standings;
pub mod users;
pub mod versions;
pub mod written;

use deadpool_postgres::Pool;
use events::{Epoch, Position, PresenceState, Role, UserKind, Visibility, message::MessageStatus};
use platform::{Problem, pool};
use tokio_postgres::{Row, types::ToSql};

use crate::wait::{self, AsOf};

/// "cached plan must not change result type": a column was changed under a prepared statement. Once more is enough.
const STALE_PLAN: &str = "0A000";

/// Runs a checked query under its name, a second time if its plan was stale.
pub(crate) async fn all<T, F>(name: &'static str, run: impl Fn() -> F) -> Result<Vec<T>, Problem>
where
    F: Future<Output = Result<Vec<T>, sqlx::Error>>,
{
    let rows = |outcome: &Result<Vec<T>, sqlx::Error>| outcome.as_ref().ok().map(Vec::len);
    let stale =
        |error: &sqlx::Error| error.as_database_error().is_some_and(|e| e.code().as_deref() == Some(STALE_PLAN));
    match pool::counted(name, rows, run()).await {
        Err(error) if stale(&error) => Ok(pool::counted(name, rows, run()).await?),
        outcome => Ok(outcome?),
    }
}

/// Runs a statement that is prepared by hand, likewise.
pub(crate) async fn direct(
    name: &'static str,
    pool: &Pool,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Problem> {
    let client = pool.get().await?;
    let rows = |outcome: &Result<Vec<Row>, tokio_postgres::Error>| outcome.as_ref().ok().map(Vec::len);
    let attempt = async || {
        let statement = client.prepare_cached(sql).await?;
        client.query(&statement, parameters).await
    };
    match pool::counted(name, rows, attempt()).await {
        Err(error) if error.code().is_some_and(|code| code.code() == STALE_PLAN) => {
            client.statement_cache.remove(sql, &[]);
            Ok(pool::counted(name, rows, attempt()).await?)
        }
        outcome => Ok(outcome?),
    }
}

/// The position of an answer, from its statement's columns.
///
/// # Errors
/// 503 `read-model-behind` where it is not as far as the request needs it.
pub(crate) fn position(epoch: i64, seq: i64) -> Result<Position, Problem> {
    let epoch = u32::try_from(epoch).map(Epoch).map_err(|_| unreadable("epoch"))?;
    let position = Position { epoch, seq: number(seq) };
    wait::enough(position)?;
    Ok(position)
}

/// What an answer is of, from its statement's columns.
///
/// # Errors
/// As [`position`].
pub(crate) fn as_of(epoch: i64, seq: i64, generation: i32) -> Result<AsOf, Problem> {
    Ok(AsOf { position: position(epoch, seq)?, generation })
}

/// A count or sequence: never negative.
pub(crate) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// No row at all: every statement starts from the checkpoint, so the projector has never run.
pub(crate) fn no_read_model() -> Problem {
    wait::behind()
}

/// A value that our own projector never writes.
fn unreadable(what: &'static str) -> Problem {
    tracing::error!(what, "the read model holds what cannot be read");
    Problem::internal()
}

macro_rules! words {
    ($($name:ident: $type:ty = $($value:path),+ $(,)?;)*) => {$(
        pub(crate) fn $name(word: &str) -> Result<$type, Problem> {
            let known = [$($value),+].into_iter().find(|value| value.as_str() == word);
            known.ok_or_else(|| unreadable(stringify!($name)))
        }
    )*};
}

words! {
    role: Role = Role::Member, Role::Moderator, Role::Owner;
    user_kind: UserKind = UserKind::Registered, UserKind::Guest;
    presence_state: PresenceState =
        PresenceState::Offline, PresenceState::Away, PresenceState::Online, PresenceState::Dnd;
    visibility: Visibility = Visibility::Public, Visibility::Private;
    message_status: MessageStatus =
        MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed, MessageStatus::Deleted;
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::Code;

    #[test]
    fn words_of_the_read_model_are_read_or_told() {
        assert_eq!(role("moderator").expect("known"), Role::Moderator);
        assert_eq!(message_status("removed").expect("known"), MessageStatus::Removed);
        assert_eq!(visibility("open").expect_err("unknown").code, Code::Internal);
        assert_eq!(user_kind("").expect_err("unknown").code, Code::Internal);
    }

    #[test]
    fn a_position_has_an_epoch_of_32_bits() {
        assert_eq!(position(4_000_000_000, 5).expect("fits"), Position { epoch: Epoch(4_000_000_000), seq: 5 });
        assert!(position(-1, 5).is_err());
    }
}
