//! Who may do what, and is it so? Every cell of `docs/authorisation.csv`, played against a running system.

mod cast;
mod outcome;
mod person;
mod request;
mod socket;
mod stage;

use cast::Cast;
use chatroom::docs::authorisation::{self, Caller, Cell, Row, SOCKET};
use futures::{StreamExt, stream};
use outcome::Outcome;
use request::Operations;
use stage::Stage;
use std::{collections::BTreeSet, time::Instant};
use testkit::System;

/// Cells that are played at the same time: as many passwords as may wait to be checked, on a machine with few cores.
/// They come in the order of the rows, so that a column's person has two sockets at most.
const AT_ONCE: usize = 12;

/// One cell, as it was played: what is wrong with it, if anything.
async fn play(cast: &Cast, operations: &Operations, row: &Row, caller: Caller, wanted: &Cell) -> Option<String> {
    let stage = Stage::set(cast, row, caller).await;
    let Outcome { cell, answer } = match row.operation.strip_prefix(SOCKET) {
        Some(frame) => socket::play(cast, &stage, row, frame).await,
        None => outcome::of_request(cast, &stage, row, operations.ask(cast, row, &stage)).await,
    };
    let as_wanted = cell == wanted.to_string();
    (!as_wanted).then(|| format!("{row} × {}: wanted {wanted}, was {cell}: {answer}", caller.as_str()))
}

// Red with a cell of the csv flipped; without `me.moderates()?` in `moderation::moderate` (members unban, unmute, and ban
// outsiders); with `true` for a private room in `Standing::sees_card` (`get_room`) or for `Removed` in `shows_text`;
// without the users in `Revocations::revoked` (suspended); without `member(…)?` in `InRoom::message` (missing messages).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_does_and_who_may_not_is_told_why() {
    let rows = authorisation::rows().expect("a table");
    let system = System::start().await;
    let (cast, operations) = (Cast::arrives(&system).await, Operations::of_the_document());
    let began = Instant::now();
    let cells = rows.iter().flat_map(|row| row.outcomes().map(move |(caller, cell)| (row, caller, cell)));
    let cells: Vec<_> = cells.filter(|(_, _, cell)| **cell != Cell::None).collect();
    let played = cells.iter().map(|(row, caller, cell)| play(&cast, &operations, row, *caller, cell));
    let faults: Vec<Option<String>> = stream::iter(played).buffered(AT_ONCE).collect().await;
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    println!("{} cells in {:?}", cells.len(), began.elapsed());
    assert!(faults.is_empty(), "{} of {} cells:\n{}", faults.len(), cells.len(), faults.join("\n"));
    system.stop().await;
}

// Red with a row's operation misspelled, and with all rows of one operation taken out.
#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let rows = authorisation::rows().expect("a table");
    let named: BTreeSet<&str> = rows.iter().map(|row| row.operation.as_str()).collect();
    let operations = Operations::of_the_document();
    let there: BTreeSet<&str> = operations.names().chain(socket::FRAMES).collect();
    let (without_row, unknown) = (there.difference(&named), named.difference(&there));
    let (without_row, unknown): (Vec<_>, Vec<_>) = (without_row.collect(), unknown.collect());
    assert!(without_row.is_empty() && unknown.is_empty(), "without a row: {without_row:?}; unknown: {unknown:?}");
}

// Red with any line of the csv doubled: of two rows that contradict each other one would be a lie.
#[test]
fn every_case_stands_once() {
    let rows = authorisation::rows().expect("a table");
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = rows.iter().map(Row::to_string).filter(|row| !seen.insert(row.clone())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
