//! How does a reader read? Over one connection a turn, one page at a time, each answer held against the first.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

use super::poster::takes_one;

/// Somebody who reads one page again and again.
pub(super) struct Reader {
    address: SocketAddr,
    path: String,
    bearer: String,
    /// What the page has to be long: nothing is said meanwhile.
    bytes: usize,
}

impl Reader {
    /// Reads the page for the first time: so many messages have to be on it.
    pub(super) async fn of(address: SocketAddr, path: String, bearer: &str, messages: usize) -> Result<Self> {
        let mut reader = Self { address, path, bearer: bearer.to_owned(), bytes: 0 };
        let page = reader.connect().await?.ask().await?;
        let items = serde_json::from_slice::<Value>(&page).context("a page")?["items"].as_array().map(Vec::len);
        ensure!(items == Some(messages), "{}: {items:?} messages in place of {messages}", reader.path);
        reader.bytes = page.len();
        Ok(reader)
    }

    /// For one turn: the service closes what is idle between them.
    async fn connect(&self) -> Result<Connected<'_>> {
        let stream = TcpStream::connect(self.address).await.context("connecting a reader")?;
        stream.set_nodelay(true)?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        // Owned by the sender: it ends when that is dropped.
        tokio::spawn(connection);
        Ok(Connected { reader: self, send })
    }
}

/// A reader in a turn.
struct Connected<'a> {
    reader: &'a Reader,
    send: SendRequest<Empty<Bytes>>,
}

impl Connected<'_> {
    async fn ask(&mut self) -> Result<Bytes> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&self.reader.path)
            .header(HOST, self.reader.address.to_string())
            .header(AUTHORIZATION, &self.reader.bearer)
            .body(Empty::new())?;
        self.send.ready().await?;
        let answer = self.send.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    async fn until_none_is(&mut self, left: &AtomicU32) -> Result<()> {
        while takes_one(left) {
            let page = self.ask().await?;
            ensure!(page.len() == self.reader.bytes, "{}: another page than before", self.reader.path);
        }
        Ok(())
    }
}

/// All readers together read so many pages; gives how long that took.
pub(super) async fn read(readers: &[Reader], pages: u32) -> Result<Duration> {
    let mut connected = try_join_all(readers.iter().map(Reader::connect)).await?;
    let left = AtomicU32::new(pages);
    let began = Instant::now();
    try_join_all(connected.iter_mut().map(|reader| reader.until_none_is(&left))).await?;
    Ok(began.elapsed())
}
