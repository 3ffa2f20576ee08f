//! Where do events go? To stdout as they come, or into a folder, part by part, with a manifest of what is whole.

use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufWriter, Stdout, Write},
    path::{Path, PathBuf},
};

use super::{
    csv,
    error::Occupied,
    exported::Exported,
    files::{Growing, Written},
    manifest::Manifest,
    ndjson,
    parquet::Table,
    plan::Format,
};

/// Most files that are written at once; with more, the part ends there, in every run alike.
const FILES_MAX: usize = 256;
const STDOUT_BYTES: usize = 1 << 16;
/// The day of what has none.
const NO_DATE: &str = "1970-01-01";

/// Takes events in order.
pub(super) enum Sink {
    Stdout { out: BufWriter<Stdout>, format: Format, line: Vec<u8>, is_begun: bool },
    Folder(Box<Folder>),
}

impl Sink {
    pub(super) fn stdout(format: Format) -> Self {
        let out = BufWriter::with_capacity(STDOUT_BYTES, io::stdout());
        Self::Stdout { out, format, line: Vec::new(), is_begun: false }
    }

    /// Takes one. `id` is the log's own, whatever is written of it.
    pub(super) fn take(&mut self, event: &Exported, id: Option<String>) -> Result<()> {
        match self {
            Self::Folder(folder) => folder.take(event, id),
            Self::Stdout { out, format, line, is_begun } => {
                line.clear();
                if *format == Format::Csv && !std::mem::replace(is_begun, true) {
                    csv::header(line);
                }
                write_line(line, *format, event)?;
                Ok(out.write_all(line)?)
            }
        }
    }

    /// Hands out what was taken: somebody waits for it.
    pub(super) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Stdout { out, .. } => Ok(out.flush()?),
            Self::Folder(_) => Ok(()),
        }
    }

    /// There is no more, up to this sequence.
    pub(super) fn finish(self, upto: u64) -> Result<Option<Manifest>> {
        match self {
            Self::Stdout { mut out, .. } => {
                out.flush()?;
                Ok(None)
            }
            Self::Folder(folder) => folder.finish(upto).map(Some),
        }
    }
}

/// A folder that files are written to.
pub(super) struct Folder {
    root: PathBuf,
    manifest: Manifest,
    /// The files of the part, by their paths.
    lines: BTreeMap<String, (Growing, u64)>,
    tables: BTreeMap<String, (Table<Growing>, u64)>,
    /// Events in the part, and the sequence of its first.
    events: u64,
    first: u64,
    line: Vec<u8>,
}

impl Folder {
    /// A new one: nothing may be there.
    pub(super) fn begin(root: &Path, manifest: Manifest) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("making {}", root.display()))?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(Occupied(root.to_owned()).into());
        }
        manifest.write(root)?;
        Ok(Self::resume(root, manifest))
    }

    /// One in which the files of the manifest are whole.
    pub(super) fn resume(root: &Path, manifest: Manifest) -> Self {
        let (lines, tables) = (BTreeMap::new(), BTreeMap::new());
        Self { root: root.to_owned(), manifest, lines, tables, events: 0, first: 0, line: Vec::new() }
    }

    fn take(&mut self, event: &Exported, id: Option<String>) -> Result<()> {
        if self.events == 0 {
            self.first = event.seq;
        }
        match self.manifest.plan.format {
            format @ (Format::Ndjson | Format::Csv) => self.add_line(format, event)?,
            Format::Parquet => self.add_row(event)?,
        }
        self.events += 1;
        self.manifest.count(event, id);
        if self.events >= self.manifest.plan.part_events || self.tables.len() >= FILES_MAX {
            self.end_part()?;
        }
        Ok(())
    }

    fn add_line(&mut self, format: Format, event: &Exported) -> Result<()> {
        let extension = if format == Format::Csv { "csv" } else { "ndjson" };
        let path = format!("events-{:012}.{extension}", self.first);
        self.line.clear();
        if !self.lines.contains_key(&path) {
            self.lines.insert(path.clone(), (Growing::begin(&self.root, path.clone())?, 0));
            if format == Format::Csv {
                csv::header(&mut self.line);
            }
        }
        let (file, events) = self.lines.get_mut(&path).context("it was begun just now")?;
        write_line(&mut self.line, format, event)?;
        *events += 1;
        Ok(file.write_all(&self.line)?)
    }

    fn add_row(&mut self, event: &Exported) -> Result<()> {
        let name = event.type_name().0.replace(['/', '='], "_");
        let date = event.time().map_or_else(|| NO_DATE.to_owned(), |time| time.format("%Y-%m-%d").to_string());
        let path = format!("type={name}/date={date}/{:012}.parquet", self.first);
        if !self.tables.contains_key(&path) {
            let table = Table::new(Growing::begin(&self.root, path.clone())?)?;
            self.tables.insert(path.clone(), (table, 0));
        }
        let (table, events) = self.tables.get_mut(&path).context("it was begun just now")?;
        *events += 1;
        table.add(event)
    }

    /// Makes the files of the part whole, and then says so.
    fn end_part(&mut self) -> Result<()> {
        let mut whole: Vec<Written> = Vec::new();
        for (file, events) in std::mem::take(&mut self.lines).into_values() {
            whole.push(file.finish(events)?);
        }
        for (table, events) in std::mem::take(&mut self.tables).into_values() {
            whole.push(table.close()?.finish(events)?);
        }
        self.manifest.files.extend(whole);
        self.events = 0;
        self.manifest.write(&self.root)
    }

    fn finish(mut self, upto: u64) -> Result<Manifest> {
        // What was followed, and is gone on with as a slice, has come further than the end that it began with.
        let upto = self.manifest.last.as_ref().map_or(upto, |last| last.seq.max(upto));
        self.manifest.complete = true;
        self.manifest.plan.to = upto;
        self.manifest.next = upto + 1;
        self.end_part()?;
        Ok(self.manifest)
    }
}

fn write_line(line: &mut Vec<u8>, format: Format, event: &Exported) -> Result<()> {
    match format {
        Format::Csv => {
            csv::write(line, event);
            Ok(())
        }
        Format::Ndjson | Format::Parquet => ndjson::write(line, event),
    }
}
