//! Is who is gone seen to go, once, and nobody else? Clients crash, a query service dies, and nats-server restarts.

use anyhow::{Context, Result, bail};
use clap::Args;
use events::{RoomId, UserId};
use platform::Shutdown;
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, Interval, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    faults::Output,
    ground::{Beside, Ground},
    hearing::until_served,
    person::Person,
    verdict::Verdict,
};
use crate::{
    client::{Api, Closed, Follow, Frame, Socket, beats},
    settings::Settings,
};

/// A change is believed after this: the default of 15 s would only be waited for.
const GRACE_MS: &str = "500";
/// After a start, and after the log was away, nobody is believed to have gone for a lease. Where none runs out, less does:
/// whoever flaps is seen the sooner.
const PATIENCE_SECS: &str = "5";
/// A lease ends 75 s after it was written last, and the server looks after that now and then.
const SEEN_WITHIN: Duration = Duration::from_secs(120);

const BACK: &str = "the log is back";

const CRASHED: &str = "a client that crashes is seen to go, once";
const DIED: &str = "the clients of an instance that dies are seen to go, once each";
const STAYED: &str = "whoever is there throughout is never seen to go";

/// Cuts clients off, restarts nats-server and kills a query service, and judges by what somebody in the same room is told
/// of who is there.
#[derive(Debug, Clone, Args)]
pub struct PresenceArgs {
    /// Clients that crash, as many whose instance dies, and as many that stay.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub clients: u16,

    /// Kill no instance, which takes the 75 s of a lease.
    #[arg(long)]
    pub no_death: bool,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) async fn run(args: &PresenceArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let program = std::env::current_exe().context("finding this binary")?;
    presence(args, &program, &signals.token()).await?.tell(args.output)
}

/// Plays on servers of its own, with query services that are processes of this program.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a count in the verdict.
pub async fn presence(args: &PresenceArgs, program: &Path, stop: &CancellationToken) -> Result<Verdict> {
    let mut commands = Settings::default().with("PRESENCE_GRACE_MS", GRACE_MS);
    if args.no_death {
        commands = commands.with("PRESENCE_LEASE_SECS", PATIENCE_SECS);
    }
    let mut ground = Ground::laid(program, &Beside { commands, ..Beside::default() }).await?;
    let mut verdict = Verdict::default();
    let played = tokio::select! {
        played = play(args, &mut ground, &mut verdict) => played,
        () = stop.cancelled() => bail!("stopped before it was over"),
    };
    ground.clear().await?;
    played.map(|()| verdict)
}

async fn play(args: &PresenceArgs, ground: &mut Ground, verdict: &mut Verdict) -> Result<()> {
    let count = usize::from(args.clients);
    let owner = Person::registered(&ground.commands, "+491500000001").await?;
    let room = owner.opens_room(&ground.commands).await?;
    let (mut people, since) = Person::guests_in(&ground.commands, room, 4 * count).await?;
    let socket = opened(&ground.queries[0], &owner, room, &since).await?;
    let mut watcher = Watcher { socket, due: beats(), told: BTreeMap::new() };
    let mut of = |queries: &Api| Clients::come(queries.clone(), people.split_off(people.len() - count), room, &since);
    let [here, there] = &ground.queries;
    let (stay, before, after, doomed) = (of(here).await?, of(here).await?, of(here).await?, of(there).await?);
    let everybody = [&stay, &before, &after, &doomed];
    let all: Vec<UserId> = everybody.iter().flat_map(|clients| clients.ids.iter().copied()).collect();
    watcher.hears(&all, "online").await?;

    let begun = Instant::now();
    before.crash();
    watcher.hears(&before.ids, "offline").await.context("clients that crash")?;
    let crashed = begun.elapsed();
    ground.servers.nats.kill().await;
    ground.servers.nats.restart().await.context("starting nats-server again")?;
    // Who goes while the log is away is seen to go when his lease ends. These go when it is back: once they are seen to go,
    // whoever was seen to go by the restart has been.
    let key = uuid::Uuid::now_v7().to_string();
    let said = owner.posts(room, BACK).header("idempotency-key", &key);
    ground.commands.insist(said).await.applied().context("a message after the restart")?;
    watcher.hears_words(BACK).await?;
    after.crash();
    watcher.hears(&after.ids, "offline").await.context("clients that crash after a restart of the log")?;
    let mut played =
        format!("4 × {count} clients; those that crash are seen to go within {:.1} s", crashed.as_secs_f64());
    if !args.no_death {
        let begun = Instant::now();
        ground.processes[1].kill().await?;
        watcher.hears(&doomed.ids, "offline").await.context("clients of an instance that died")?;
        played += &format!(", those of an instance that dies within {:.1} s", begun.elapsed().as_secs_f64());
    }
    verdict.played.push(played);
    watcher.judge(CRASHED, before.ids.iter().chain(&after.ids), 1, verdict);
    let (died, stayed) = if args.no_death { (0, 2) } else { (1, 1) };
    if died == 1 {
        watcher.judge(DIED, &doomed.ids, 1, verdict);
    }
    for clients in [&stay, &doomed].into_iter().take(stayed) {
        watcher.judge(STAYED, &clients.ids, 0, verdict);
    }
    verdict.holds("their sockets are open to the end", stay.are_there(), || "one of them is not".to_owned());
    Ok(())
}

/// People with a socket each, which says that it is there.
struct Clients {
    ids: Vec<UserId>,
    sockets: Vec<AbortHandle>,
    /// Dropped, all of them crash.
    tasks: JoinSet<Closed>,
}

impl Clients {
    async fn come(api: Api, people: Vec<Person>, room: RoomId, since: &str) -> Result<Self> {
        let mut clients = Self { ids: Vec::new(), sockets: Vec::new(), tasks: JoinSet::new() };
        for person in people {
            let mut socket = opened(&api, &person, room, since).await?;
            clients.ids.push(person.id);
            clients.sockets.push(clients.tasks.spawn(async move {
                let mut due = beats();
                loop {
                    if let Err(closed) = socket.attends(&mut due).await {
                        return closed;
                    }
                }
            }));
        }
        Ok(clients)
    }

    /// Their connections are cut, without a goodbye.
    fn crash(&self) {
        self.sockets.iter().for_each(AbortHandle::abort);
    }

    fn are_there(&self) -> bool {
        self.sockets.iter().all(|socket| !socket.is_finished())
    }
}

async fn opened(api: &Api, person: &Person, room: RoomId, since: &str) -> Result<Socket> {
    let opening = async || {
        let (mut socket, _) = Socket::open(api).await?;
        socket.identify(&person.access, &[Follow { room, seq: None }], Some(since)).await?;
        while socket.frame().await?.t != "caught_up" {}
        Ok(socket)
    };
    until_served(opening).await.context("no socket")
}

/// Somebody in the room, who is told of the others.
struct Watcher {
    socket: Socket,
    due: Interval,
    /// What each was said to be, one after the other.
    told: BTreeMap<UserId, Vec<String>>,
}

impl Watcher {
    /// Until all of these have been said to be so.
    async fn hears(&mut self, whom: &[UserId], state: &str) -> Result<()> {
        let until = Instant::now() + SEEN_WITHIN;
        loop {
            let open = whom.iter().filter(|user| !self.has_heard(user, state)).count();
            if open == 0 {
                return Ok(());
            }
            let heard = timeout_at(until, self.takes()).await;
            heard.with_context(|| format!("{open} of {} are not said to be {state}", whom.len()))??;
        }
    }

    /// Until this is said in the room.
    async fn hears_words(&mut self, words: &str) -> Result<()> {
        let until = Instant::now() + SEEN_WITHIN;
        loop {
            let frame = timeout_at(until, self.takes()).await.with_context(|| format!("{words:?} is not heard"))??;
            if frame.posted().is_some_and(|(_, said)| said == words) {
                return Ok(());
            }
        }
    }

    async fn takes(&mut self) -> Result<Frame, Closed> {
        let frame = self.socket.attends(&mut self.due).await?;
        let users = frame.d["users"].as_array().filter(|_| frame.t == "presence_diff");
        for user in users.into_iter().flatten() {
            if let (Some(id), Some(state)) = (user["user_id"].as_str(), user["state"].as_str())
                && let Ok(id) = id.parse()
            {
                self.told.entry(id).or_default().push(state.to_owned());
            }
        }
        Ok(frame)
    }

    fn has_heard(&self, user: &UserId, state: &str) -> bool {
        self.told.get(user).is_some_and(|told| told.iter().any(|is| is == state))
    }

    /// These have been said to be offline so often, and online once.
    fn judge<'a>(
        &self,
        what: &'static str,
        whom: impl IntoIterator<Item = &'a UserId>,
        times: usize,
        verdict: &mut Verdict,
    ) {
        for user in whom {
            let told = self.told.get(user).map(Vec::as_slice).unwrap_or_default();
            let gone = told.iter().filter(|is| *is == "offline").count();
            verdict.holds(what, gone == times && told.len() == times + 1, || format!("{user} was {told:?}"));
        }
    }
}
