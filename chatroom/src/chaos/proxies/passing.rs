//! What stands between two who speak over TCP, passes everything on, and loses some of the answers?

use anyhow::{Context, Result};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use super::{acks, answers};

/// Connections at once; a further one waits. A crowd has at most 256 clients.
const CONNECTIONS_MAX: usize = 512;

/// Of so many answers, one after the other, so many are lost, wherever the seed puts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Losses {
    pub(super) of: usize,
    /// The answer is dropped, and the connection stays.
    pub(super) swallowed: usize,
    /// The connection is cut instead of the answer.
    pub(super) cut: usize,
}

/// Which answers are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carries {
    /// Of nats-server to publishes.
    Acks,
    /// Of a service to HTTP requests.
    Answers,
}

/// A proxy that runs. Dropped, it ends, with all of its connections.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    fate: Arc<Fate>,
    _accepting: AbortOnDropHandle<()>,
}

/// What becomes of answers. The seed decides of the n-th; which answer that is, is the scheduler's choice.
pub(super) struct Fate {
    losses: Losses,
    lots: Mutex<Lots>,
    armed: AtomicBool,
    swallowed: AtomicU64,
    cut: AtomicU64,
}

/// As drawn from a hat that is filled again when it is empty.
struct Lots {
    draw: StdRng,
    left: Vec<Lot>,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lot {
    Passed,
    Swallowed,
    Cut,
}

impl Proxy {
    /// In front of that address. It loses nothing until it is armed.
    pub(super) async fn start(upstream: SocketAddr, carries: Carries, losses: Losses, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening as a proxy")?;
        let fate = Arc::new(Fate {
            losses,
            lots: Mutex::new(Lots { draw: StdRng::seed_from_u64(seed), left: Vec::new() }),
            armed: AtomicBool::new(false),
            swallowed: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        });
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, upstream, carries, Arc::clone(&fate)));
        Ok(Self { address, fate, _accepting: AbortOnDropHandle::new(accepting) })
    }

    pub(super) fn arm(&self, armed: bool) {
        self.fate.armed.store(armed, Ordering::SeqCst);
    }

    pub(super) fn swallowed(&self) -> u64 {
        self.fate.swallowed.load(Ordering::SeqCst)
    }

    pub(super) fn cut(&self) -> u64 {
        self.fate.cut.load(Ordering::SeqCst)
    }
}

impl Fate {
    /// Draws, and counts what is lost.
    pub(super) fn draw(&self) -> Lot {
        if !self.armed.load(Ordering::SeqCst) {
            return Lot::Passed;
        }
        let lot = self.lots.lock().unwrap_or_else(PoisonError::into_inner).next(self.losses);
        match lot {
            Lot::Passed => {}
            Lot::Swallowed => drop(self.swallowed.fetch_add(1, Ordering::SeqCst)),
            Lot::Cut => drop(self.cut.fetch_add(1, Ordering::SeqCst)),
        }
        lot
    }
}

impl Lots {
    fn next(&mut self, Losses { of, swallowed, cut }: Losses) -> Lot {
        let Self { draw, left } = self;
        left.pop().unwrap_or_else(|| {
            left.extend(std::iter::repeat_n(Lot::Swallowed, swallowed));
            left.extend(std::iter::repeat_n(Lot::Cut, cut));
            left.resize(of, Lot::Passed);
            left.shuffle(draw);
            left.pop().unwrap_or(Lot::Passed)
        })
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, carries: Carries, fate: Arc<Fate>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if open.len() < CONNECTIONS_MAX => {
                // A client that is gone before it was accepted is none.
                let Ok((client, _)) = accepted else { continue };
                let fate = Arc::clone(&fate);
                open.spawn(async move {
                    // However a connection ends, its end is that of both sides.
                    let _ended = carry(client, upstream, carries, &fate).await;
                });
            }
        }
    }
}

async fn carry(client: TcpStream, upstream: SocketAddr, carries: Carries, fate: &Fate) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    match carries {
        Carries::Acks => acks::carry(client, server, fate).await,
        Carries::Answers => answers::carry(client, server, fate).await,
    }
}
