//! How do new rows reach their table? Some by an insert, many by COPY, which costs half of that.

use bytes::Bytes;
use deadpool_postgres::Transaction;
use tokio_postgres::{Error, binary_copy::BinaryCopyInWriter, types::Type};

/// The way of new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Into a table that is read.
    Insert,
    /// Into one that nobody reads yet, thousands at once.
    Copy,
}

/// Begins to copy rows of these types into `table (columns)`. They are there once it is finished.
pub(super) async fn copy_into(
    table: &str,
    types: &[Type],
    transaction: &Transaction<'_>,
) -> Result<BinaryCopyInWriter, Error> {
    let sink = transaction.copy_in::<_, Bytes>(&format!("copy {table} from stdin (format binary)")).await?;
    Ok(BinaryCopyInWriter::new(sink, types))
}
