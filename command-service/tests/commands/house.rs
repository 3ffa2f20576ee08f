//! Where is it played? On a real log, with instances that share nothing else but their settings.

mod ask;
mod halt;
mod instance;
mod pair;
mod people;

pub(crate) use ask::{Answer, Ask};
pub(crate) use halt::Halting;
pub(crate) use instance::{Instance, ORIGIN};
pub(crate) use pair::Pair;
pub(crate) use people::{
    ADA, PASSWORD, a_guest, a_room, a_user, ada_and_her_room, join, leave, make, making_a_lounge, member, refreshing,
    registering, room_id, said, say, signing_in, user_id,
};

use clap::Parser;
use command_service::{Config, Service};
use event_log::{EventLog, Fact, Freshness, JetStream, Record, Start, streams};
use events::{Actor, Condition, Envelope, Event, EventId, NewEvent, StreamName, Subject, Time};
use futures::StreamExt;
use platform::{Shutdown, health::Health};
use servers::{Nats, Role};
use std::sync::Arc;
use std::time::Duration;

/// Nobody listens there: what needs no look-up does not notice.
pub(crate) const NO_POSTGRES: &str = "postgres://nobody@127.0.0.1:1/nothing";
/// How long something may take on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Between two looks at a tip.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

/// A log with its streams, and the settings of all instances on it. Who tests limits, sweeps or presence sets them.
pub(crate) struct House {
    pub(crate) nats: Nats,
    /// With all rights: as the operator reads and writes.
    pub(crate) log: JetStream,
    pub(crate) config: Config,
}

impl House {
    /// Without any Postgres.
    pub(crate) async fn new() -> Self {
        Self::on(NO_POSTGRES).await
    }

    /// With a read model at this URL.
    pub(crate) async fn on(database_url: &str) -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let config = config(&nats, database_url);
        Self { nats, log: JetStream::new(operator), config }
    }

    /// An instance as it runs in earnest.
    pub(crate) async fn instance(&self) -> Instance {
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let service = Service::start(self.config.clone(), &shutdown, &health).await.expect("an instance");
        Instance::new(service, health, shutdown)
    }

    /// An instance whose appends can be stopped, which hears of nobody's presence.
    pub(crate) async fn halting(&self) -> (Instance, Arc<Halting>) {
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let client = self.nats.connect(Role::Command).await.expect("the command service may connect");
        let log = Arc::new(Halting::new(JetStream::new(client)));
        let as_log: Arc<dyn EventLog> = Arc::clone(&log) as _;
        let service = Service::on(as_log, self.config.clone(), &shutdown, &health).await.expect("an instance");
        (Instance::new(service, health, shutdown), log)
    }

    /// Every fact that the stream still holds, in order.
    pub(crate) async fn facts(&self, stream: StreamName) -> Vec<Fact> {
        let end = self.log.extent(stream).await.expect("an end").last;
        let mut records = self.log.follow(stream, Start::Beginning, Vec::new());
        let mut facts = Vec::new();
        while facts.last().is_none_or(|fact: &Fact| fact.seq < end) {
            let record = records.next().await.expect("it does not end").expect("one log");
            facts.push(record.fact().expect("of our vocabulary"));
        }
        facts
    }

    /// Appends a unit as a command would, each event under the tip of its own subject.
    pub(crate) async fn append(&self, unit: Vec<(Subject, u64, Event)>) -> u64 {
        let unit = unit.into_iter().map(|(subject, seq, event)| {
            let now = Time::from_timestamp_millis(chrono::Utc::now().timestamp_millis()).expect("today");
            let mut envelope = Envelope::new(EventId::at(now, rand::random()), now, Actor::System, "test");
            envelope.after = Some(Condition { subject, seq });
            NewEvent { subject, envelope, event }
        });
        self.log.append(unit.collect()).await.expect("the tip is as it was").last
    }

    /// The last record of a subject, from the leader.
    pub(crate) async fn tip(&self, subject: Subject) -> Option<Record> {
        self.log.last(subject, Freshness::Leader).await.expect("the log answers")
    }

    /// Waits until the tip is as wished.
    pub(crate) async fn becomes(&self, subject: Subject, wished: impl Fn(&Event) -> bool) {
        let reached = async {
            loop {
                // Where a test stops the server, there is no answer for a while.
                let tip = self.log.last(subject, Freshness::Leader).await.ok().flatten();
                if tip.is_some_and(|record| wished(&record.fact().expect("of our vocabulary").event)) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(SOON, reached).await.unwrap_or_else(|_| panic!("{subject} has not become as wished"));
    }

    pub(crate) async fn stop(self) {
        self.nats.stop().await;
    }
}

/// Cheap passwords, no rate limits and no sweeps.
fn config(nats: &Nats, database_url: &str) -> Config {
    let login = nats.credentials(Role::Command);
    let (private, public) = platform::auth::generate("test");
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    let refresh_keys = format!("1:{key}");
    let url = nats.url();
    let flags = [
        ("--nats-url", url.as_str()),
        ("--nats-user", &login.user),
        ("--nats-password", &login.password),
        ("--database-url", database_url),
        ("--token-signing-key", private.expose()),
        ("--token-public-keys", &public),
        ("--pepper", key),
        ("--phone-key", key),
        ("--refresh-keys", &refresh_keys),
        ("--bcrypt-cost", "4"),
        ("--sweep-every-ms", "0"),
    ];
    let flags = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
    let switches = ["--allow-weak-bcrypt", "--no-rate-limits"].map(str::to_owned);
    Flags::parse_from(["role".to_owned()].into_iter().chain(flags).chain(switches)).config
}
