//! A client's end of a socket: what it says, hears, and is closed with.

use anyhow::{Context, Result, bail};
use events::RoomId;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

/// On a machine that is busy with other tests.
const HEARS_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Socket(WebSocketStream<TcpStream>);

#[derive(Debug, Deserialize)]
pub(crate) struct Frame {
    pub(crate) t: String,
    #[serde(default)]
    pub(crate) d: Value,
    pub(crate) room: Option<RoomId>,
    pub(crate) seq: Option<u64>,
}

impl Socket {
    /// Connects; an error is the status of the refusal.
    pub(crate) async fn open(address: SocketAddr, protocol: Option<&str>) -> Result<Self> {
        let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse()?);
        }
        match client_async(request, TcpStream::connect(address).await?).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => bail!("{}", response.status().as_u16()),
            Err(other) => Err(other.into()),
        }
    }

    pub(crate) async fn says(&mut self, t: &str, d: Value) -> Result<()> {
        Ok(self.0.send(Message::text(json!({ "t": t, "d": d }).to_string())).await?)
    }

    pub(crate) async fn hears(&mut self) -> Result<Frame> {
        match self.next().await? {
            Message::Text(text) => Ok(serde_json::from_str(&text)?),
            other => bail!("no frame but {other:?}"),
        }
    }

    /// Everything up to the next frame of this kind, and that.
    pub(crate) async fn hears_until(&mut self, t: &str) -> Result<(Vec<Frame>, Frame)> {
        let mut before = Vec::new();
        loop {
            let frame = self.hears().await?;
            if frame.t == t {
                return Ok((before, frame));
            }
            before.push(frame);
        }
    }

    /// What it is closed with, and the kinds of the frames before that.
    pub(crate) async fn is_closed(&mut self) -> Result<(u16, Vec<String>)> {
        let mut kinds = Vec::new();
        loop {
            match self.next().await? {
                Message::Text(text) => kinds.push(serde_json::from_str::<Frame>(&text)?.t),
                Message::Close(why) => return Ok((why.context("a code")?.code.into(), kinds)),
                other => bail!("neither a frame nor an end but {other:?}"),
            }
        }
    }

    async fn next(&mut self) -> Result<Message> {
        loop {
            let heard = timeout(HEARS_WITHIN, self.0.next()).await.context("nothing is heard")?;
            match heard.context("it was cut")?? {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return Ok(message),
            }
        }
    }
}

/// The numbers of a room's frames.
pub(crate) fn numbers(frames: &[Frame], room: RoomId) -> Vec<u64> {
    frames.iter().filter(|frame| frame.room == Some(room)).filter_map(|frame| frame.seq).collect()
}
