//! What if an answer is lost on its way, or comes much too late? Between service and log, between client and service, and
//! from a log that stood still.

mod acks;
mod answers;
mod passing;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use platform::{
    Shutdown,
    serve::{ServeLimits, serve},
    shell::{ShellArgs, shell},
};
use servers::Nats;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    backing::Backing,
    faults::{Book, Crowd, Gather, Output, Part, tell},
    instance::Instance,
    pair::{Pair, Side},
    sabotage::Sabotage,
};
use crate::{progress::Progress, stack};
use passing::{Carries, Losses, Proxy};

/// Longer than an append may take (4 s), and so than anybody waits for it.
const FROZEN_FOR: Duration = Duration::from_secs(6);
/// A client has one at a time, and 256 are the most.
const CONNECTIONS_MAX: u32 = 256;
/// Each costs its instance 1.5 s, until it asks again.
const ACKS: Losses = Losses { of: 32, swallowed: 2, cut: 1 };
const ANSWERS: Losses = Losses { of: 10, swallowed: 0, cut: 1 };

/// Loses acks and answers, and freezes the log, under clients who repeat with the same key. Judges by the log alone.
#[derive(Debug, Clone, Args)]
pub struct ProxiesArgs {
    /// Commands of each of the parts `acks` and `answers`.
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub commands: u32,

    /// How often the log is frozen, for 6 s each time.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub frosts: u16,

    /// Clients, each with one command at a time.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,

    /// Only this part.
    #[arg(long, value_name = "NAME", value_enum)]
    pub only: Option<Lost>,

    /// Who asks what, and which of the answers are lost; without it another one each time, which is told.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Break a rule of the log below both instances, to see that it is noticed.
    #[arg(long, value_name = "NAME", value_enum)]
    pub sabotage: Option<Sabotage>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lost {
    /// Of the log to the service.
    Acks,
    /// Of the service to the client.
    Answers,
    /// Time: the log stands still.
    Frozen,
}

impl Lost {
    const ALL: [Self; 3] = [Self::Acks, Self::Answers, Self::Frozen];

    fn name(self) -> &'static str {
        match self {
            Self::Acks => "acks",
            Self::Answers => "answers",
            Self::Frozen => "frozen",
        }
    }
}

pub(super) async fn run(args: &ProxiesArgs) -> Result<()> {
    let signals = Shutdown::new();
    signals.on_signals()?;
    let mut violations = 0;
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let args = ProxiesArgs { seed: Some(seed), ..args.clone() };
    proxies(&args, &signals.token(), |part| {
        violations += part.violations;
        tell(part, args.output)
    })
    .await?;
    match violations {
        0 => Ok(()),
        violations => bail!("{violations} violations; again with --seed {seed}"),
    }
}

/// Plays on a server of its own, tells of each part when it is over, and stops early when asked to.
///
/// # Errors
/// What could not be played. A broken promise is no error here, but a violation in its part.
pub async fn proxies(
    args: &ProxiesArgs,
    stop: &CancellationToken,
    mut told: impl FnMut(&Part) -> Result<()>,
) -> Result<()> {
    let backing = Backing::start(1).await?;
    let played = async {
        for lost in Lost::ALL.into_iter().filter(|lost| args.only.is_none_or(|only| only == *lost)) {
            if stop.is_cancelled() {
                eprintln!("stopped: what is told here was played, the rest was not");
                break;
            }
            let play = Play { lost, args, backing: &backing, seed: args.seed.unwrap_or_else(rand::random), stop };
            told(&play.part().await.with_context(|| format!("the part {}", lost.name()))?)?;
        }
        Ok(())
    };
    let played = played.await;
    backing.stop().await;
    played
}

/// One part.
struct Play<'a> {
    lost: Lost,
    args: &'a ProxiesArgs,
    backing: &'a Backing,
    seed: u64,
    stop: &'a CancellationToken,
}

impl Play<'_> {
    /// Two instances on the log, or on what stands before it.
    async fn part(&self) -> Result<Part> {
        let nats = self.backing.nodes().first().context("the one server")?;
        let proxy = match self.lost {
            Lost::Acks => {
                let upstream = nats.url().trim_start_matches("nats://").parse()?;
                Some(Proxy::start(upstream, Carries::Acks, ACKS, self.seed).await?)
            }
            Lost::Answers | Lost::Frozen => None,
        };
        let commands = match &proxy {
            Some(proxy) => self.backing.commands().with("NATS_URL", format!("nats://{}", proxy.address)),
            None => self.backing.commands(),
        };
        let pair = Pair::start(&commands, self.backing.log().await?, self.args.sabotage).await?;
        let part = self.on(&pair, nats, proxy).await;
        // It may have been left in a frost.
        nats.thaw();
        let stopped = pair.stop().await;
        let part = part?;
        stopped?;
        Ok(part)
    }

    /// The crowd, the fault, and the judge.
    async fn on(&self, pair: &Pair, nats: &Nats, log_proxy: Option<Proxy>) -> Result<Part> {
        let name = self.lost.name();
        let web = match self.lost {
            Lost::Answers => Some(Web::before(pair, self.seed).await?),
            Lost::Acks | Lost::Frozen => None,
        };
        let ways = match &web {
            Some(web) => web.ways()?,
            None => Side::BOTH.map(|side| Arc::clone(pair.through(side))).to_vec(),
        };
        let calm = pair.through(Side::One);
        let (number, clients, seed) = (self.lost as u8, self.args.clients, self.seed);
        let crowd =
            Gather { part: name, number, clients, seed, calm, ways, sabotage: self.args.sabotage }.crowd().await?;
        let proxies: Vec<&Proxy> = log_proxy.iter().chain(web.iter().flat_map(|web| &web.proxies)).collect();

        proxies.iter().for_each(|proxy| proxy.arm(true));
        pair.armed.set(true);
        let (book, frosts) = match self.lost {
            Lost::Acks | Lost::Answers => (self.commands(crowd).await?, 0),
            Lost::Frozen => self.frosts(nats, crowd).await?,
        };
        pair.armed.set(false);
        proxies.iter().for_each(|proxy| proxy.arm(false));

        let (swallowed, cut) = (proxies.iter().map(|proxy| proxy.swallowed()), proxies.iter().map(|proxy| proxy.cut()));
        let faults = match self.lost {
            Lost::Acks => BTreeMap::from([("acks swallowed", swallowed.sum()), ("acks cut off", cut.sum())]),
            Lost::Answers => BTreeMap::from([("answers cut off", cut.sum())]),
            Lost::Frozen => BTreeMap::from([("frosts", frosts)]),
        };
        let mut part = Part::judged(name, &book, &pair.log, faults).await?;
        if !self.stop.is_cancelled() {
            part.needs_every_fault();
        }
        Ok(part)
    }

    async fn commands(&self, crowd: Crowd) -> Result<Arc<Book>> {
        let commands = u64::from(self.args.commands);
        let book = Arc::new(Book::showing(Progress::of(self.lost.name(), commands, 0)));
        crowd.act(Arc::clone(&book), commands, self.stop).await?;
        Ok(book)
    }

    /// SIGSTOP in the midst of it, and again when the crowd goes on.
    async fn frosts(&self, nats: &Nats, crowd: Crowd) -> Result<(Arc<Book>, u64)> {
        let frost = async |_: &Book| {
            nats.freeze();
            tokio::select! { () = self.stop.cancelled() => {}, () = tokio::time::sleep(FROZEN_FOR) => {} }
            nats.thaw();
            Ok(())
        };
        crowd.goes_through(self.lost.name(), u64::from(self.args.frosts), self.stop, frost).await
    }
}

/// Both instances as clients reach them, with a proxy before each. Dropped, it is gone.
struct Web {
    proxies: Vec<Proxy>,
    _serving: DropGuard,
}

impl Web {
    async fn before(pair: &Pair, seed: u64) -> Result<Self> {
        let (serving, mut proxies) = (CancellationToken::new(), Vec::new());
        for (n, side) in Side::BOTH.into_iter().enumerate() {
            let listener = stack::listen(0).await?;
            let upstream = listener.local_addr()?;
            let router = pair.through(side).router().context("an instance in this process")?;
            let router = shell(router, &ShellArgs::default());
            let limits = ServeLimits { connections_max_address: CONNECTIONS_MAX, ..ServeLimits::admin() };
            // Ends with the token, and its last connection soon after.
            tokio::spawn(serve(listener, router, limits, serving.clone()));
            proxies.push(Proxy::start(upstream, Carries::Answers, ANSWERS, seed ^ n as u64).await?);
        }
        Ok(Self { proxies, _serving: serving.drop_guard() })
    }

    fn ways(&self) -> Result<Vec<Arc<Instance>>> {
        self.proxies.iter().map(|proxy| Ok(Arc::new(Instance::at(proxy.address)?))).collect()
    }
}
