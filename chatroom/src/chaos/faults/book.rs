//! What came of the crowd's commands so far? Written by all, read by who waits for their progress, and by the judge.

use anyhow::{Context, Result, bail};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::deed::{Done, End};
use crate::progress::Progress;

/// After a fault the crowd goes on within this, or it does not go on at all.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);

/// Deeds that are over.
#[derive(Default)]
pub(in crate::chaos) struct Book {
    done: Mutex<Vec<Done>>,
    applied: watch::Sender<u64>,
    progress: Option<Progress>,
}

impl Book {
    /// One whose deeds are counted where somebody looks.
    pub(in crate::chaos) fn showing(progress: Progress) -> Self {
        Self { progress: Some(progress), ..Self::default() }
    }

    pub(super) fn note(&self, done: Done) {
        let applied = matches!(done.end, End::Applied { .. });
        self.done().push(done);
        if let Some(progress) = &self.progress {
            progress.inc();
        }
        if applied {
            self.applied.send_modify(|applied| *applied += 1);
        }
    }

    /// Resolves when so many more were answered with a 2xx, or all is being stopped.
    ///
    /// # Errors
    /// When they are not within a minute: the system does not come back.
    pub(in crate::chaos) async fn goes_on_by(&self, more: u64, stop: &CancellationToken) -> Result<()> {
        let mut applied = self.applied.subscribe();
        let enough = *applied.borrow() + more;
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            gone_on = applied.wait_for(|applied| *applied >= enough) => gone_on.map(drop).context("the book is open"),
            () = tokio::time::sleep(GOES_ON_WITHIN) => bail!("not {more} commands were applied within {GOES_ON_WITHIN:?}"),
        }
    }

    pub(super) fn done(&self) -> MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
