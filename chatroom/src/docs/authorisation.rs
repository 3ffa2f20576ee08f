//! Who may do what? `docs/authorisation.csv` as data: tests play it cell by cell, and people read it as tables.

mod tables;

use anyhow::{Context, Result, bail, ensure};
use platform::Code;
use std::fmt;

pub use tables::markdown;

/// The table, as it is committed.
const CSV: &str = include_str!("../../../docs/authorisation.csv");
/// What rows of the live socket begin with: they are no operations of the OpenAPI document.
pub const SOCKET: &str = "socket.";
/// In which room; the legend of the tables says what each is.
const ROOMS: [&str; 8] =
    ["-", "public", "no-guests", "private", "private-no-guests", "archived", "private-archived", "missing"];
/// On what, or on whom.
const TARGETS: [&str; 26] = [
    "-",
    "own",
    "other",
    "missing",
    "new",
    "taken",
    "right-password",
    "wrong-password",
    "own-archived",
    "self",
    "member",
    "moderator",
    "owner",
    "banned",
    "muted",
    "outsider",
    "guest",
    "new-owner",
    "with-another-owner",
    "left",
    "kicked",
    "hidden",
    "removed",
    "own-hidden",
    "own-removed",
    "ban-reason",
];

/// Who calls. A column of the table; what he is in a room, he is in the row's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Anonymous,
    Guest,
    GuestIn,
    User,
    Member,
    Moderator,
    Owner,
    Banned,
    Muted,
    Suspended,
}

impl Caller {
    /// In the order of the columns.
    pub const ALL: [Self; 10] = [
        Self::Anonymous,
        Self::Guest,
        Self::GuestIn,
        Self::User,
        Self::Member,
        Self::Moderator,
        Self::Owner,
        Self::Banned,
        Self::Muted,
        Self::Suspended,
    ];

    /// The column's title.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Guest => "guest",
            Self::GuestIn => "guest-in",
            Self::User => "user",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
            Self::Banned => "banned",
            Self::Muted => "muted",
            Self::Suspended => "suspended",
        }
    }
}

/// What comes of it. A cell of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// There is no such case.
    None,
    /// Done, or shown.
    Ok,
    /// Answered, and without what the row is about.
    Without,
    /// A problem of this code.
    Refused(Code),
    /// The socket is told that it does not hear of the room.
    RoomGone,
    /// The socket is closed with this code.
    Closed(u16),
}

impl Cell {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "-" => Self::None,
            "ok" => Self::Ok,
            "without" => Self::Without,
            "room_gone" => Self::RoomGone,
            text => match (Code::find(text), text.parse()) {
                (Some(code), _) => Self::Refused(code),
                (None, Ok(code @ 4000..=4999)) => Self::Closed(code),
                _ => bail!("{text:?} is no outcome"),
            },
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Ok => f.write_str("ok"),
            Self::Without => f.write_str("without"),
            Self::Refused(code) => f.write_str(code.as_str()),
            Self::RoomGone => f.write_str("room_gone"),
            Self::Closed(code) => write!(f, "{code}"),
        }
    }
}

/// One action on one target in one kind of room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// An `operationId`, or `socket.` and what is said on a socket.
    pub operation: String,
    pub room: String,
    pub target: String,
    /// One for each of [`Caller::ALL`].
    pub cells: Vec<Cell>,
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split(',').collect();
        let [operation, room, target, cells @ ..] = words.as_slice() else { bail!("too few columns") };
        ensure!(cells.len() == Caller::ALL.len(), "{} cells", cells.len());
        ensure!(words.iter().all(|word| !word.is_empty()), "an empty cell: `-` says that there is no such case");
        ensure!(ROOMS.contains(room), "{room:?} is no kind of room");
        ensure!(TARGETS.contains(target), "{target:?} is no kind of target");
        let cells = cells.iter().map(|text| Cell::parse(text)).collect::<Result<_>>()?;
        Ok(Self { operation: (*operation).into(), room: (*room).into(), target: (*target).into(), cells })
    }

    /// The cells with their columns.
    pub fn outcomes(&self) -> impl Iterator<Item = (Caller, &Cell)> {
        Caller::ALL.into_iter().zip(&self.cells)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.operation, self.room, self.target)
    }
}

/// The table that is committed.
///
/// # Errors
/// The first line that cannot be read.
pub fn rows() -> Result<Vec<Row>> {
    parse(CSV)
}

fn parse(text: &str) -> Result<Vec<Row>> {
    let mut lines = text.lines();
    let columns = Caller::ALL.map(Caller::as_str).join(",");
    ensure!(lines.next() == Some(&format!("operation,room,target,{columns}")), "other columns");
    let rows = lines.map(|line| Row::parse(line).with_context(|| format!("{line:?}")));
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Vec<Row>> {
        let columns = Caller::ALL.map(Caller::as_str).join(",");
        parse(&format!("operation,room,target,{columns}\n{line}\n"))
    }

    #[test]
    fn a_line_is_read_whole_or_not_at_all() {
        let rows = of("join_room,public,-,unauthenticated,ok,ok,ok,ok,without,4500,banned,room_gone,-").expect("a row");
        assert_eq!(rows[0].to_string(), "join_room,public,-");
        assert_eq!(rows[0].cells[7], Cell::Refused(Code::Banned));
        for wrong in [
            "join_room,public,-,ok",
            "join_room,public,-,,ok,ok,ok,ok,ok,ok,ok,ok,ok",
            "join_room,public,-,maybe,ok,ok,ok,ok,ok,ok,ok,ok,ok",
            "join_room,public,-,1009,ok,ok,ok,ok,ok,ok,ok,ok,ok",
            "join_room,public,-,ok,ok,ok,ok,ok,ok,ok,ok,ok,ok,ok",
            "join_room,secret,-,ok,ok,ok,ok,ok,ok,ok,ok,ok,ok",
            "join_room,public,everybody,ok,ok,ok,ok,ok,ok,ok,ok,ok,ok",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_columns_are_the_callers() {
        assert!(parse("operation,room,target,guest,anonymous\n").is_err());
    }
}
