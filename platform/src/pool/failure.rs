//! What does a client hear when a query fails? That it may come back, or that something broke; never why in SQL.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::problem::Problem;

/// Statement timeout, too many connections, and the server going down or coming up: all pass by themselves.
const PASSING: [&str; 6] = ["57014", "53300", "57P01", "57P02", "57P03", "53200"];

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => away(&error),
            sqlx::Error::Database(database) => of_state(database.code().as_deref(), database.message()),
            // What is left is ours: a column that is not there, a value that cannot be decoded.
            other => {
                tracing::error!(error = %other, "a query failed");
                Self::internal()
            }
        }
    }
}

impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(database) => of_state(Some(database.code().code()), database.message()),
            None if error.is_closed()
                || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>()) =>
            {
                away(&error)
            }
            None => {
                tracing::error!(%error, "a query failed");
                Self::internal()
            }
        }
    }
}

impl From<PoolError> for Problem {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => away(&other),
        }
    }
}

fn of_state(state: Option<&str>, message: &str) -> Problem {
    let state = state.unwrap_or(SqlState::INTERNAL_ERROR.code());
    // Class 08: the connection broke.
    if PASSING.contains(&state) || state.starts_with("08") {
        tracing::warn!(state, message, "the read model did not answer in time");
        return busy();
    }
    // The message names constraints and columns, the detail would show values.
    tracing::error!(state, message, "a query failed");
    Problem::internal()
}

fn away(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "the read model cannot be reached");
    busy()
}

fn busy() -> Problem {
    Problem::overloaded("The read model did not answer in time.")
}
