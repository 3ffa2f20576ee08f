//! When Postgres fails, is it the batch's fault, or may the same batch do later?

use deadpool_postgres::PoolError;
use std::error::Error;
use tokio_postgres::error::DbError;

/// Why a transaction was not committed, or is not known to be. Never carries a value of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The same again, later, may do: the connection, a conflict, a full disk, a table that is not migrated yet.
    #[error("{0}")]
    Away(String),
    /// A value that cannot be stored: the same again would be refused again.
    #[error("{0}")]
    Refused(String),
}

/// Classes of states that speak of values: data exceptions, violated constraints, exceeded limits of the server.
const REFUSING_CLASSES: [&str; 3] = ["22", "23", "54"];

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(database) = error.as_db_error() {
            // Without the detail, which shows values.
            let text = format!("{} ({})", database.message(), database.code().code());
            return if refuses(database) { Self::Refused(text) } else { Self::Away(text) };
        }
        // tokio-postgres keeps its kinds to itself; a value that it cannot write has no other name.
        let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        if error.to_string().starts_with("error serializing parameter") {
            Self::Refused(text)
        } else {
            Self::Away(text)
        }
    }
}

fn refuses(database: &DbError) -> bool {
    REFUSING_CLASSES.iter().any(|class| database.code().code().starts_with(class))
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::Away(other.to_string()),
        }
    }
}
