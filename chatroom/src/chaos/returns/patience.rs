//! When does a client come back that was cut or turned away? As the protocol asks of it: with full jitter, and not before it was told.

use anyhow::{Result, bail};
use rand::RngExt;
use std::time::Duration;

use crate::client::Closed;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// How often it has been sent away in a row.
#[derive(Default)]
pub(super) struct Patience {
    times: u32,
}

impl Patience {
    /// # Errors
    /// Where it may not come back by itself.
    pub(super) async fn waits(&mut self, why: &Closed) -> Result<()> {
        let told = match why {
            why if why.is_for_good() => bail!("{why}"),
            Closed::Refused(status, _) if status.is_client_error() => bail!("{why}"),
            Closed::Refused(_, after) => after.unwrap_or_default(),
            Closed::Code(..) | Closed::Cut(_) => Duration::ZERO,
        };
        let longest = FIRST.saturating_mul(1 << self.times.min(10)).min(LONGEST);
        self.times += 1;
        let jitter = rand::rng().random_range(Duration::ZERO..=longest);
        tokio::time::sleep(told + jitter).await;
        Ok(())
    }
}
