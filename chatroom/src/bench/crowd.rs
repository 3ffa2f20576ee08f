//! Who listens? Many sockets of the query service, ten a person, or as many plain connections.

use anyhow::{Context, Result};
use events::RoomId;
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinSet,
    time::Instant,
};

use super::{
    company::Person,
    listener::{self, Opened},
    tally::Tally,
};

/// Sockets that are opened at once.
const OPENING: usize = 64;
/// The default of `SOCKETS_PER_USER`.
pub(super) const SOCKETS_PER_PERSON: usize = 10;
/// Of a socket that does not read: the kernel keeps little for it, so that the rest waits in the service.
const DEAF_BYTES: u32 = 4 << 10;

/// Listeners, each in a task. They are gone when it is dropped.
pub(super) struct Crowd {
    pub(super) tally: Arc<Tally>,
    speaking: Vec<OwnedWriteHalf>,
    listening: JoinSet<()>,
}

impl Crowd {
    /// So many sockets, each in all of the rooms.
    pub(super) async fn open(address: SocketAddr, people: &[Person], rooms: &[RoomId], count: usize) -> Result<Self> {
        let opened = opened(address, people, rooms, count, None).await?;
        Self::of(opened, Arc::default())
    }

    /// So many plain connections to us, and our ends of them.
    pub(super) async fn plain(count: usize, first: u64) -> Result<(Self, Vec<std::net::TcpStream>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (mut opened, mut ends) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
            opened.push(Opened::plain(theirs.context("connecting")?, first));
            let end = ours.context("accepting")?.0.into_std()?;
            end.set_nodelay(true)?;
            end.set_nonblocking(false)?;
            ends.push(end);
        }
        Ok((Self::of(opened, Arc::default())?, ends))
    }

    fn of(opened: Vec<Opened>, tally: Arc<Tally>) -> Result<Self> {
        let mut crowd = Self { tally, speaking: Vec::new(), listening: JoinSet::new() };
        for opened in opened {
            let (listening, speaking) = opened.listen(Arc::clone(&crowd.tally))?;
            crowd.listening.spawn(listening);
            crowd.speaking.push(speaking);
        }
        Ok(crowd)
    }

    pub(super) fn len(&self) -> usize {
        self.speaking.len()
    }

    /// So many are about to be said, at this moment.
    pub(super) fn will_hear(&self, count: usize, at: Instant) {
        self.tally.says(count, self.len(), at);
    }

    /// Everybody says that he is there, as clients do every half a minute, and is answered.
    pub(super) async fn beat(&mut self) -> Result<()> {
        let heartbeat = listener::heartbeat();
        for socket in &mut self.speaking {
            socket.write_all(&heartbeat).await.context("a heartbeat")?;
        }
        self.tally.all_beat(self.speaking.len()).await
    }
}

/// So many sockets that hear a room and never read.
pub(super) async fn deaf(
    address: SocketAddr,
    people: &[Person],
    rooms: &[RoomId],
    count: usize,
) -> Result<Vec<TcpStream>> {
    let opened = opened(address, people, rooms, count, Some(DEAF_BYTES)).await?;
    Ok(opened.into_iter().map(Opened::deaf).collect())
}

async fn opened(
    address: SocketAddr,
    people: &[Person],
    rooms: &[RoomId],
    count: usize,
    receive_bytes: Option<u32>,
) -> Result<Vec<Opened>> {
    let tokens = people.iter().flat_map(|person| std::iter::repeat_n(person.token.as_str(), SOCKETS_PER_PERSON));
    let opening = tokens.take(count).map(|token| listener::open(address, token, rooms, receive_bytes));
    let opened: Vec<Opened> = stream::iter(opening).buffer_unordered(OPENING).try_collect().await?;
    anyhow::ensure!(opened.len() == count, "{} people are too few for {count} sockets", people.len());
    Ok(opened)
}
