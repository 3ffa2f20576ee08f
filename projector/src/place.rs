//! Where do the tables stand, and how is the log read from there?

use crate::{
    batch::{OnBroken, Reading, Stop},
    checkpoint::Checkpoint,
    dropped::{self, Unread},
    projections::Projection,
};
use event_log::{EventLog, Freshness, LogError};
use events::{Epoch, Event, Subject, system::EpochEvent};
use std::collections::BTreeSet;

pub(crate) struct Place {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) reading: Reading,
}

/// The stream's epoch, and how it is read; `None` where no epoch was begun.
pub(crate) async fn reading(
    log: &dyn EventLog,
    projection: Projection,
    broken: OnBroken,
) -> Result<Option<(Epoch, Reading)>, Unread> {
    let Some((epoch, epoch_begins)) = epoch(log, projection).await? else { return Ok(None) };
    let dropped = match projection {
        Projection::Chat => dropped::read(log).await?,
        Projection::Identity | Projection::Presence | Projection::Markers => BTreeSet::new(),
    };
    Ok(Some((epoch, Reading { epoch_begins, dropped, broken })))
}

/// The stream's epoch, and the sequence at which it began; `None` where none was begun.
async fn epoch(log: &dyn EventLog, projection: Projection) -> Result<Option<(Epoch, u64)>, Unread> {
    let Some(record) = log.last(Subject::Epoch(projection.stream()), Freshness::Leader).await? else { return Ok(None) };
    match record.fact().map_err(|why| Unread::Broken(Stop::not_applicable(&record, why)))?.event {
        Event::Epoch(EpochEvent::Started(started)) => Ok(Some((started.epoch, record.seq))),
        other => {
            let why = format!("found {}", other.event_type());
            Err(LogError::Unexpected { doing: "reading the epoch", why }.into())
        }
    }
}
