//! How are events rows of Parquet? Column by column, a group of rows at a time, compressed with zstd.

use anyhow::{Context, Result};
use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::{parser::parse_message_type, types::TypePtr},
};
use std::{
    io::Write,
    sync::{Arc, LazyLock},
};

use super::{
    columns::{COLUMNS, Column, Kind, Value, values},
    exported::Exported,
};

/// Rows that are held until their group is written: what a file costs in memory while it is open.
const GROUP_ROWS: usize = 16_384;

static SCHEMA: LazyLock<TypePtr> = LazyLock::new(|| {
    let column = |column: &Column| {
        let kind = match column.kind {
            Kind::Number => ("int64", ""),
            Kind::Time => ("int64", " (TIMESTAMP(MICROS,true))"),
            Kind::Text => ("binary", " (STRING)"),
        };
        format!("optional {} {}{};", kind.0, column.name, kind.1)
    };
    let columns: String = COLUMNS.iter().map(column).collect();
    Arc::new(parse_message_type(&format!("message event {{ {columns} }}")).expect("the columns are a schema"))
});

/// The rows of one column that wait for their group, and for each row whether it has a value.
#[derive(Default)]
struct Waiting {
    numbers: Vec<i64>,
    texts: Vec<ByteArray>,
    present: Vec<i16>,
}

/// One file.
pub(super) struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    waiting: [Waiting; COLUMNS.len()],
    rows: usize,
}

impl<W: Write + Send> Table<W> {
    pub(super) fn new(file: W) -> Result<Self> {
        let zstd = Compression::ZSTD(ZstdLevel::try_new(3).context("a level that zstd has")?);
        // Nothing that changes from run to run: the same events are the same bytes.
        let properties =
            WriterProperties::builder().set_compression(zstd).set_created_by("chatroom replay".to_owned()).build();
        let writer = SerializedFileWriter::new(file, SCHEMA.clone(), Arc::new(properties))?;
        Ok(Self { writer, waiting: std::array::from_fn(|_| Waiting::default()), rows: 0 })
    }

    pub(super) fn add(&mut self, event: &Exported) -> Result<()> {
        for (column, value) in self.waiting.iter_mut().zip(values(event)) {
            column.present.push(value.is_some().into());
            match value {
                None => {}
                Some(Value::Number(number) | Value::Time(number)) => column.numbers.push(number),
                Some(Value::Text(text)) => column.texts.push(text.into()),
            }
        }
        self.rows += 1;
        if self.rows < GROUP_ROWS { Ok(()) } else { self.write_group() }
    }

    /// Writes what waits and the footer; gives the file back.
    pub(super) fn close(mut self) -> Result<W> {
        self.write_group()?;
        Ok(self.writer.into_inner()?)
    }

    fn write_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (column, waiting) in COLUMNS.iter().zip(&mut self.waiting) {
            let Waiting { numbers, texts, present } = std::mem::take(waiting);
            let mut writer = group.next_column()?.context("a column that the schema has")?;
            match column.kind {
                Kind::Number | Kind::Time => {
                    writer.typed::<Int64Type>().write_batch(&numbers, Some(&present), None)?;
                }
                Kind::Text => {
                    writer.typed::<ByteArrayType>().write_batch(&texts, Some(&present), None)?;
                }
            }
            writer.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}
