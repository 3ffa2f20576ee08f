//! A gate before a server: while it is shut, what the server says does not arrive, and nothing is lost.

use anyhow::Result;
use std::net::SocketAddr;
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    is_open: watch::Sender<bool>,
    _keeper: AbortOnDropHandle<()>,
}

impl Gate {
    pub(crate) async fn before(server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (is_open, state) = watch::channel(true);
        let keeper = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let ((hears, mut says), (answers, mut asks)) = (client.into_split(), server.into_split());
                let mut hears = hears;
                passing.spawn(async move { io::copy(&mut hears, &mut asks).await.map(drop) });
                let state = state.clone();
                passing.spawn(async move { pass(answers, &mut says, state).await });
            }
        }));
        Ok(Self { address, is_open, _keeper: keeper })
    }

    pub(crate) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(mut from: OwnedReadHalf, to: &mut OwnedWriteHalf, mut is_open: watch::Receiver<bool>) -> io::Result<()> {
    let mut buffer = vec![0; 8 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 || is_open.wait_for(|is_open| *is_open).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
