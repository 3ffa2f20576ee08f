//! What is possible? The rows of a table, copied into one like it: in thousands under its indexes, or bare and then indexed.

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt, pin_mut};
use servers::Role;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

use super::bed::Bed;

/// Rows of one COPY.
pub(super) const ROWS_AT_ONCE: usize = 1_000;
/// Of a COPY of all of them what is handed on at once.
const BYTES_AT_ONCE: usize = 64 << 10;

/// Rows of `messages`, as COPY writes them.
pub(super) struct Rows {
    columns: String,
    lines: Vec<Bytes>,
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }
}

/// The tables of the bench's own, in a database that is its own too.
pub(super) struct Tables {
    client: Client,
}

impl Tables {
    pub(super) async fn of(bed: &Bed) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(&bed.servers.postgres.url(Role::Operator), NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("create schema bench").await.context("making a schema")?;
        Ok(Self { client })
    }

    /// A number that a statement gives.
    pub(super) async fn number(&self, statement: &str) -> Result<u64> {
        let row = self.client.query_one(statement, &[]).await.with_context(|| statement.to_owned())?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    /// The messages of a schema from this position on, as if they were others: each `turn` has ids and numbers of its own,
    /// as near to each other as they are.
    pub(super) async fn rows(&self, schema: &str, from: u64, turn: u32) -> Result<Rows> {
        let columns = "select string_agg(column_name, ', ' order by ordinal_position) from information_schema.columns
                        where table_schema = 'rm' and table_name = 'messages' and is_generated = 'NEVER'";
        let columns: String = self.client.query_one(columns, &[]).await?.get(0);
        let as_others = columns
            .split(", ")
            .map(|column| match column {
                "id" => format!("overlay(id::text placing lpad(to_hex({turn}), 3, '0') from 34)::uuid"),
                "room_seq" => format!("room_seq + 10000000::bigint * {turn}"),
                column => column.to_owned(),
            })
            .collect::<Vec<_>>()
            .join(", ");
        let copy = format!(
            "copy (select {as_others} from {schema}.messages where position >= {from} order by position) to stdout"
        );
        let out = self.client.copy_out(&copy).await.context("reading the rows")?;
        pin_mut!(out);
        let mut all = BytesMut::new();
        while let Some(some) = out.next().await {
            all.extend_from_slice(&some?);
        }
        let mut all = all.freeze();
        let mut lines = Vec::new();
        while let Some(end) = all.iter().position(|byte| *byte == b'\n') {
            lines.push(all.split_to(end + 1));
        }
        Ok(Rows { columns, lines })
    }

    /// Copies them in thousands, each committed by itself, into a table with all indexes, which stays.
    pub(super) async fn copy_in_thousands(&self, rows: &Rows) -> Result<Duration> {
        self.client.batch_execute("create table if not exists bench.messages (like rm.messages including all)").await?;
        // As the projector does: what is lost is read again.
        self.client.batch_execute("set synchronous_commit = off").await?;
        let began = Instant::now();
        for some in rows.lines.chunks(ROWS_AT_ONCE) {
            self.copy("bench.messages", &rows.columns, some).await?;
        }
        Ok(began.elapsed())
    }

    /// Copies them all into a bare table, makes its indexes, and looks at what is there; then drops it.
    pub(super) async fn copy_and_index(&self, rows: &Rows) -> Result<Duration> {
        let bare = "create table bench.bare (like rm.messages including defaults including generated)";
        self.client.batch_execute(bare).await?;
        let indexes = "select indexdef from pg_indexes where schemaname = 'rm' and tablename = 'messages'";
        let indexes = self.client.query(indexes, &[]).await?;
        let began = Instant::now();
        self.copy("bench.bare", &rows.columns, &rows.lines).await?;
        for index in &indexes {
            let index: String = index.get(0);
            self.client.batch_execute(&index.replace(" ON rm.messages ", " ON bench.bare ")).await?;
        }
        self.client.batch_execute("analyze bench.bare").await?;
        let took = began.elapsed();
        self.client.batch_execute("drop table bench.bare").await?;
        Ok(took)
    }

    async fn copy(&self, table: &str, columns: &str, lines: &[Bytes]) -> Result<()> {
        let sink = self.client.copy_in::<_, Bytes>(&format!("copy {table} ({columns}) from stdin")).await?;
        pin_mut!(sink);
        let mut some = BytesMut::with_capacity(BYTES_AT_ONCE);
        for line in lines {
            some.extend_from_slice(line);
            if some.len() >= BYTES_AT_ONCE {
                sink.send(some.split().freeze()).await?;
            }
        }
        sink.send(some.freeze()).await?;
        sink.finish().await.context("copying rows")?;
        Ok(())
    }
}
