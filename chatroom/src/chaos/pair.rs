//! Two instances of the command service that share nothing but the log.

use anyhow::{Context, Result};
use command_service::Config;
use event_log::{EventLog, JetStream, Login};
use platform::{Shutdown, config::NatsArgs};
use std::{sync::Arc, time::Duration};

use super::{
    instance::Instance,
    sabotage::{Armed, Sabotage, Sabotaged},
    witness::{Conflicts, Witness},
};
use crate::settings::Settings;

const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Through which of the two a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    One,
    Two,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::One, Self::Two];

    pub(super) fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }

    /// By turns.
    pub(super) fn of(n: usize) -> Self {
        Self::BOTH[n % 2]
    }
}

pub(super) struct Pair {
    one: Arc<Instance>,
    two: Arc<Instance>,
    /// The log itself, as a judge reads it: neither counted nor sabotaged.
    pub(super) log: JetStream,
    pub(super) conflicts: Conflicts,
    pub(super) armed: Armed,
    shutdown: Shutdown,
    sabotage: Option<Sabotage>,
}

impl Pair {
    /// Both with these settings, each with a connection, tips and memory of its own.
    pub(super) async fn start(commands: &Settings, log: JetStream, sabotage: Option<Sabotage>) -> Result<Self> {
        let (shutdown, conflicts, armed) = (Shutdown::new(), Conflicts::default(), Armed::default());
        let start = || async {
            let config: Config = commands.parse()?;
            let log: Arc<dyn EventLog> = Arc::new(connect(&config.nats).await?);
            let log = match sabotage {
                Some(sabotage) => Arc::new(Sabotaged::new(log, sabotage, armed.clone())),
                None => log,
            };
            let log = Arc::new(Witness { log, conflicts: conflicts.clone() });
            anyhow::Ok(Arc::new(Instance::start(log, config, &shutdown).await?))
        };
        let (one, two) = tokio::try_join!(start(), start())?;
        Ok(Self { one, two, log, conflicts, armed, shutdown, sabotage })
    }

    pub(super) fn through(&self, side: Side) -> &Arc<Instance> {
        match side {
            Side::One => &self.one,
            Side::Two => &self.two,
        }
    }

    /// Ends both. Of instances whose log was sabotaged nothing better is expected.
    pub(super) async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        let ended = self.shutdown.wait(STOP_WITHIN).await.context("stopping the instances");
        if self.sabotage.is_some() { Ok(()) } else { ended }
    }
}

/// A log on a client of its own, which finds a server that restarts again.
pub(super) async fn connect(nats: &NatsArgs) -> Result<JetStream> {
    let login = nats.credentials()?.map(|(user, password)| Login { user, password: password.expose().to_owned() });
    let client = event_log::connect(&nats.nats_url, login, nats.inbox_prefix(), "chaos").await;
    Ok(JetStream::new(client.with_context(|| format!("connecting to NATS at {}", nats.nats_url))?))
}
