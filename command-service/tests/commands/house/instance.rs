//! One instance of the command service, asked in this process.

use axum::Router;
use command_service::Service;
use platform::shell::{ShellArgs, shell};
use platform::{Shutdown, health::Health};
use std::time::Duration;

/// A web page of ours.
pub(crate) const ORIGIN: &str = "https://chat.example";
const STOP_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Instance {
    pub(crate) router: Router,
    pub(crate) health: Health,
    shutdown: Shutdown,
}

impl Instance {
    /// In the shell that every service stands in.
    pub(super) fn new(service: Service, health: Health, shutdown: Shutdown) -> Self {
        let args = ShellArgs { cors_origins: vec![ORIGIN.parse().expect("an origin")], ..ShellArgs::default() };
        Self { router: shell(service.router, &args), health, shutdown }
    }

    /// Ends it, and holds that every task ends well.
    pub(crate) async fn stops(self) {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.expect("every task ends well");
    }
}
