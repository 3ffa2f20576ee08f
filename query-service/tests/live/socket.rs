//! A client's end of a socket: what it says, hears, and is closed with.

use anyhow::{Context, Result, bail};
use events::RoomId;
use flate2::read::ZlibDecoder;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io::Read, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

/// On a machine that is busy with other tests.
const HEARS_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    is_cbor: bool,
    /// Frames that came deflated.
    pub(crate) deflated: usize,
}

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
            Ok((stream, _)) => {
                let is_cbor = protocol.is_some_and(|protocol| protocol.ends_with(".cbor"));
                Ok(Self { stream, is_cbor, deflated: 0 })
            }
            Err(Error::Http(response)) => bail!("{}", response.status().as_u16()),
            Err(other) => Err(other.into()),
        }
    }

    pub(crate) async fn says(&mut self, t: &str, d: Value) -> Result<()> {
        let said = json!({ "t": t, "d": d });
        let message = match self.is_cbor {
            false => Message::text(said.to_string()),
            true => {
                let mut bytes = Vec::new();
                ciborium::into_writer(&said, &mut bytes)?;
                Message::binary(bytes)
            }
        };
        Ok(self.stream.send(message).await?)
    }

    pub(crate) async fn says_binary(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.send(Message::binary(bytes.to_vec())).await?)
    }

    pub(crate) async fn hears(&mut self) -> Result<Frame> {
        match self.next().await? {
            Message::Text(text) => Ok(serde_json::from_str(&text)?),
            Message::Binary(bytes) => self.reads(&bytes),
            other => bail!("no frame but {other:?}"),
        }
    }

    fn reads(&mut self, bytes: &[u8]) -> Result<Frame> {
        let mut inflated = Vec::new();
        let bytes = match bytes.first() {
            Some(0x78) => {
                self.deflated += 1;
                ZlibDecoder::new(bytes).read_to_end(&mut inflated)?;
                &inflated
            }
            _ => bytes,
        };
        if self.is_cbor { Ok(ciborium::from_reader(bytes)?) } else { Ok(serde_json::from_slice(bytes)?) }
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
            let heard = timeout(HEARS_WITHIN, self.stream.next()).await.context("nothing is heard")?;
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
