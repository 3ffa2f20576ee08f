//! How does a client hear what happens? A WebSocket that speaks `chatroom.v1`.

use events::{MessageId, RoomId};
use futures::{SinkExt, StreamExt};
use hyper::{
    StatusCode,
    header::{RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL},
    http::HeaderValue,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt, io, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::{Instant, Interval, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::Api;

pub const SUBPROTOCOL: &str = "chatroom.v1";

/// Close codes from here on say "do not come back".
const FOR_GOOD: u16 = 4_500;
/// How long connecting, each step of it, and a write may take.
const STEP_WITHIN: Duration = Duration::from_secs(10);
/// Larger than any frame that a server sends: a message of 4,000 code points, escaped, is 48 KiB.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Servers let go who has said nothing for 75 s.
const BEATS_EVERY: Duration = Duration::from_secs(30);

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What a server says first.
#[derive(Debug, Clone, Deserialize)]
pub struct Hello {
    pub heartbeat_ms: u64,
    #[serde(default)]
    pub limits: Value,
    #[serde(default)]
    pub features: Vec<String>,
}

/// A room to follow, and what was seen of it last.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Follow {
    pub room: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// One frame. Durable ones carry a position, those of a room its `seq`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frame {
    pub t: String,
    #[serde(default)]
    pub d: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

impl Frame {
    /// The id and text of a `message.posted`.
    pub fn posted(&self) -> Option<(MessageId, &str)> {
        let id = self.d["id"].as_str()?.parse().ok()?;
        (self.t == "message.posted").then(|| (id, self.d["text"].as_str().unwrap_or_default()))
    }

    /// The rooms of a `ready`, with their heads.
    pub fn heads(&self) -> BTreeMap<RoomId, u64> {
        let rooms = self.d["rooms"].as_array().into_iter().flatten();
        rooms.filter_map(|room| Some((room["id"].as_str()?.parse().ok()?, room["head"].as_u64()?))).collect()
    }
}

/// Why there is no socket, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Refused before the upgrade, and when to come again, where that was said.
    Refused(StatusCode, Option<Duration>),
    /// Closed by the server, with its code and reason.
    Code(u16, String),
    /// Cut, or not understood.
    Cut(String),
}

impl Closed {
    /// Whether the code says "do not come back".
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::Code(FOR_GOOD.., _))
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status, _) => write!(f, "refused with {status}"),
            Self::Code(code, reason) => write!(f, "closed with {code} {reason:?}"),
            Self::Cut(why) => write!(f, "cut: {why}"),
        }
    }
}

impl std::error::Error for Closed {}

impl Socket {
    /// Connects and hears the server's `hello`.
    ///
    /// # Errors
    /// Why not, within 30 s.
    pub async fn open(api: &Api) -> Result<(Self, Hello), Closed> {
        let mut socket = Self::connect(api).await?;
        let frame = soon(socket.frame()).await??;
        let hello =
            Hello::deserialize(&frame.d).map_err(|why| Closed::Cut(format!("no hello but {}: {why}", frame.t)))?;
        Ok((socket, hello))
    }

    /// Connects and says nothing.
    ///
    /// # Errors
    /// Why not, within 20 s.
    pub async fn connect(api: &Api) -> Result<Self, Closed> {
        let tcp = soon(TcpStream::connect(address(api))).await?.map_err(|why| Closed::Cut(why.to_string()))?;
        Self::over(tcp, api).await
    }

    /// As [`open`](Self::open), and the kernel keeps no more than so many bytes for it: the rest waits at the server.
    ///
    /// # Errors
    /// Why not, within 30 s.
    pub async fn narrow(api: &Api, receive_bytes: u32) -> Result<Self, Closed> {
        let connecting = async {
            let addresses = lookup_host(address(api)).await?.find(SocketAddr::is_ipv4);
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(receive_bytes)?;
            socket.connect(addresses.ok_or(io::ErrorKind::AddrNotAvailable)?).await
        };
        let tcp = soon(connecting).await?.map_err(|why| Closed::Cut(why.to_string()))?;
        let mut socket = Self::over(tcp, api).await?;
        // Its hello.
        soon(socket.frame()).await??;
        Ok(socket)
    }

    async fn over(tcp: TcpStream, api: &Api) -> Result<Self, Closed> {
        let authority = api.authority();
        tcp.set_nodelay(true).map_err(|why| Closed::Cut(why.to_string()))?;
        let mut request = format!("ws://{authority}/v1/ws").into_client_request().map_err(cut)?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let limits = WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let (stream, _) = soon(client_async_with_config(request, tcp, Some(limits))).await?.map_err(cut)?;
        Ok(Self { stream })
    }

    /// Says who is there and what to follow: rooms from their `seq`, else from `resume`, else from now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn identify(&mut self, token: &str, rooms: &[Follow], resume: Option<&str>) -> Result<(), Closed> {
        let mut d = json!({ "token": token, "rooms": rooms });
        if let Some(position) = resume {
            d["resume"] = position.into();
        }
        self.say("identify", d).await
    }

    /// Says anything.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn say(&mut self, t: &str, d: Value) -> Result<(), Closed> {
        self.send(Message::text(json!({ "t": t, "d": d }).to_string())).await
    }

    /// Sends anything at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn send(&mut self, message: Message) -> Result<(), Closed> {
        soon(self.stream.send(message)).await?.map_err(cut)
    }

    /// The next frame, whenever it comes. May be dropped and asked again: nothing gets lost.
    ///
    /// # Errors
    /// Why there will be none.
    pub async fn frame(&mut self) -> Result<Frame, Closed> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|why| Closed::Cut(format!("not a frame: {why}")));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed::Code(frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => return Err(Closed::Cut(format!("not a frame of ours: {other:?}"))),
                Some(Err(why)) => return Err(cut(why)),
                None => return Err(Closed::Cut("the connection ended".into())),
            }
        }
    }

    /// As [`frame`](Self::frame), and says meanwhile that it is there, as often as this is due.
    ///
    /// # Errors
    /// Why there will be none.
    pub async fn attends(&mut self, beats: &mut Interval) -> Result<Frame, Closed> {
        loop {
            tokio::select! {
                frame = self.frame() => return frame,
                _ = beats.tick() => {}
            }
            self.say("hb", Value::Null).await?;
        }
    }

    /// Says goodbye.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: Default::default() };
        // A socket that is gone already is as good as closed.
        let _ = soon(self.stream.close(Some(frame))).await;
    }
}

fn address(api: &Api) -> (&str, u16) {
    let authority = api.authority();
    (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80))
}

/// When a client says that it is there.
#[must_use]
pub fn beats() -> Interval {
    interval_at(Instant::now() + BEATS_EVERY, BEATS_EVERY)
}

async fn soon<T>(step: impl Future<Output = T>) -> Result<T, Closed> {
    timeout(STEP_WITHIN, step).await.map_err(|_| Closed::Cut(format!("no progress within {STEP_WITHIN:?}")))
}

fn cut(why: Error) -> Closed {
    match why {
        Error::Http(response) => {
            let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
            Closed::Refused(response.status(), after.map(Duration::from_secs))
        }
        why => Closed::Cut(why.to_string()),
    }
}
