//! A whole system of a test's own: both servers, all three roles, one origin.

use crate::User;
use chatroom::{
    client::{Account, Api, Session},
    dev::{Access, Keys, Settings},
    stack::{self, Stack},
};
use event_log::{EventLog, JetStream, Login};
use events::StreamName;
use platform::Shutdown;
use servers::{Role, Servers};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// bcrypt as cheap as it goes: what it costs is tested elsewhere.
const BCRYPT_COST: u32 = 4;
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A running system. Dropped, its servers end; [`System::stop`] also sees that its roles end well.
pub struct System {
    pub servers: Servers,
    pub api: Api,
    pub stack: Stack,
    access: Access,
    keys: Keys,
    shutdown: Shutdown,
    phones: AtomicU32,
    rate_limits: bool,
}

impl System {
    /// Starts everything, with rate limits lifted.
    pub async fn start() -> Self {
        Self::with(false).await
    }

    /// Starts everything, rate limits in force.
    pub async fn with_rate_limits() -> Self {
        Self::with(true).await
    }

    async fn with(rate_limits: bool) -> Self {
        let servers = Servers::temporary().await.expect("real servers");
        let access = Access::to(Some(&servers.nats), Some(&servers.postgres));
        let migrate = access.of(Role::Operator).parse().expect("the operator's settings");
        chatroom::migrate::run(&migrate).await.expect("streams and tables");
        let keys = Keys::generate();
        let (stack, shutdown) = start_roles(&access, &keys, rate_limits).await;
        let api = Api::at(&stack.url).expect("an origin");
        Self { servers, api, stack, access, keys, shutdown, phones: AtomicU32::new(0), rate_limits }
    }

    /// Stops the roles and starts them again, on other ports: as a deploy does.
    pub async fn restarts_its_roles(&mut self) {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.expect("the roles end well");
        (self.stack, self.shutdown) = start_roles(&self.access, &self.keys, self.rate_limits).await;
        self.api = Api::at(&self.stack.url).expect("an origin");
    }

    /// Somebody with an account.
    pub async fn registers(&self, name: &str) -> User {
        let phone = format!("+4915{:09}", self.phones.fetch_add(1, Ordering::Relaxed));
        let account = Account { phone, password: format!("the pass phrase of {name}"), display_name: name.to_owned() };
        let session = Session::register(&self.api, &account).await.applied().expect("a new account");
        User::new(self.api.clone(), session, name, Some(account))
    }

    /// The same person again, with a sign-in of today: after the roles were restarted.
    pub async fn signs_in(&self, user: &User) -> User {
        let account = user.account.clone().expect("only who has an account signs in");
        let session = Session::sign_in(&self.api, &account.phone, &account.password).await;
        let session = session.applied().expect("phone and password are right");
        User::new(self.api.clone(), session, &user.name, Some(account))
    }

    /// Somebody without one.
    pub async fn welcomes(&self, name: &str) -> User {
        let session = Session::guest(&self.api, name).await.applied().expect("guests are welcome");
        User::new(self.api.clone(), session, name, None)
    }

    /// What each role is told: to start a further instance.
    pub fn settings(&self) -> Settings<'_> {
        settings(&self.access, &self.keys, self.rate_limits)
    }

    /// The log itself, with the rights of this role.
    pub async fn log(&self, role: Role) -> JetStream {
        let login = self.servers.nats.credentials(role);
        let credentials = Login { user: login.user, password: login.password };
        let url = self.servers.nats.url();
        let client = event_log::connect(&url, Some(credentials), login.inbox_prefix, "testkit").await;
        JetStream::new(client.expect("this role may connect"))
    }

    /// The last sequence of every stream.
    pub async fn ends(&self) -> Vec<(StreamName, u64)> {
        let log = self.log(Role::Operator).await;
        let mut ends = Vec::new();
        for stream in StreamName::ALL {
            ends.push((stream, log.extent(stream).await.expect("the log answers").last));
        }
        ends
    }

    /// Ends everything, and holds that it ends well.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.shutdown.wait(STOP_WITHIN).await.expect("the roles end well");
        self.servers.stop().await;
    }
}

fn settings<'a>(access: &'a Access, keys: &'a Keys, rate_limits: bool) -> Settings<'a> {
    Settings { access, keys, no_rate_limits: !rate_limits, bcrypt_cost: Some(BCRYPT_COST) }
}

async fn start_roles(access: &Access, keys: &Keys, rate_limits: bool) -> (Stack, Shutdown) {
    let shutdown = Shutdown::new();
    let stack = stack::start(&settings(access, keys, rate_limits), 0, &shutdown).await.expect("all roles");
    (stack, shutdown)
}
