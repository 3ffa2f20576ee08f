//! What exactly is replayed? Everything that decides the bytes, with all names resolved: what the manifest keeps.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{exported::Reading, selection::Filters};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// A CloudEvent in structured mode a line.
    Ndjson,
    /// A row an event, RFC 4180.
    Csv,
    /// Folders `type=…/date=…`, compressed with zstd. Needs --out.
    Parquet,
}

/// What is left of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pseudonyms {
    /// Tells keys apart, and says nothing of one.
    pub(super) key: String,
    /// Whether what people wrote stays.
    pub(super) texts: bool,
}

/// The same plan on the same log gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) format: Format,
    /// The first sequence that is read.
    pub(super) from: u64,
    /// The last: the cut.
    pub(super) to: u64,
    pub(super) filters: Filters,
    /// Whether bodies stay with the server.
    pub(super) headers_only: bool,
    /// Whether events are written in the version that they are stored in.
    pub(super) raw: bool,
    /// Whether events are numbered in their rooms.
    pub(super) room_seq: bool,
    /// Events in a part: after each the files are whole and the manifest says so.
    pub(super) part_events: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pseudonyms: Option<Pseudonyms>,
}

impl Plan {
    pub(super) fn reading(&self) -> Reading {
        match (self.headers_only, self.raw) {
            (true, _) => Reading::Headers,
            (false, true) => Reading::Raw,
            (false, false) => Reading::Upcast,
        }
    }
}
