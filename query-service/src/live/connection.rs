//! How does one socket live? Identify, catch up room by room, then hear what happens, until one side ends it.

mod answer;
mod chase;
mod identify;

use super::{
    Live,
    close::Close,
    frame::Name,
    hub::Socket,
    outbox::Outbox,
    protocol::{self, HEARTBEAT, IDENTIFY_WITHIN, INBOUND_BYTES_MAX, Said, Wanted},
};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use chase::{Fetching, Round, fetched};
use chrono::Utc;
use events::{Position, RoomId, UserId};
use futures::SinkExt;
use platform::{Caller, Code};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;

/// Frames that are fed before a flush.
const FRAMES_PER_FLUSH: usize = 32;
/// A write that is blocked for longer ends the socket, resumably.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Two heartbeats and a half without a word.
const SILENCE_MAX: Duration = Duration::from_secs(HEARTBEAT.as_secs() * 5 / 2);

/// Runs a socket from its upgrade to its end.
pub(super) async fn run(live: Live, mut socket: WebSocket) {
    let why = match greet(&live, &mut socket).await {
        Err(why) => Some(why),
        Ok(None) => None,
        Ok(Some((caller, wanted, resume))) => Connection::run(&live, &mut socket, caller, wanted, resume).await,
    };
    let Some(why) = why else { return };
    metrics::counter!("live_closes_total", "code" => why.code().to_string()).increment(1);
    let frame = CloseFrame { code: why.code(), reason: why.reason().into() };
    // A client that is gone does not hear it.
    let _ = timeout(WRITE_WITHIN, socket.send(Message::Close(Some(frame)))).await;
}

type Identified = (Caller, Vec<Wanted>, Option<Position>);

/// Says hello and waits for the client to say who it is; `None` when it went away.
async fn greet(live: &Live, socket: &mut WebSocket) -> Result<Option<Identified>, Close> {
    let epoch = live.hub.position().map_or(0, |at| at.epoch.0);
    write(socket, [protocol::hello(epoch)]).await?;
    let said = timeout(IDENTIFY_WITHIN, hear(socket)).await.map_err(|_| Close::IdentifyTimeout)??;
    match said {
        None => Ok(None),
        Some(Said::Identify { token, rooms, resume }) => Ok(Some((verified(live, &token)?, rooms, resume))),
        Some(_) => Err(Close::ProtocolError),
    }
}

fn verified(live: &Live, token: &str) -> Result<Caller, Close> {
    live.authenticator.verify(token, Utc::now()).map_err(|problem| match problem.code {
        Code::TokenExpired => Close::TokenExpired,
        _ => Close::AuthenticationFailed,
    })
}

/// The next thing that the client says; `None` when it is gone.
async fn hear(socket: &mut WebSocket) -> Result<Option<Said>, Close> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) if text.len() > INBOUND_BYTES_MAX => return Err(Close::FrameTooBig),
            Some(Ok(Message::Text(text))) => return protocol::read(&text).map(Some),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Close::ProtocolError),
            Some(Err(why)) if is_too_big(&why) => return Err(Close::FrameTooBig),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
        }
    }
}

/// Whether the WebSocket layer refused a frame by its length, without reading it.
fn is_too_big(why: &axum::Error) -> bool {
    let cause = std::error::Error::source(why).and_then(|cause| cause.downcast_ref::<tungstenite::Error>());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Feeds frames, then flushes once.
async fn write(socket: &mut WebSocket, frames: impl IntoIterator<Item = Utf8Bytes>) -> Result<(), Close> {
    let mut written = 0;
    let writing = async {
        for frame in frames {
            socket.feed(Message::Text(frame)).await?;
            written += 1;
        }
        socket.flush().await
    };
    let ended = timeout(WRITE_WITHIN, writing).await;
    metrics::counter!("live_frames_total").increment(written);
    match ended {
        Ok(Ok(())) => Ok(()),
        // Cut: it resumes, if it can.
        Ok(Err(_)) => Err(Close::GoingAway),
        Err(_) => Err(Close::SlowConsumer),
    }
}

struct Connection<'a> {
    live: &'a Live,
    id: u64,
    caller: Caller,
    outbox: Arc<Outbox>,
    /// What it hears, or is about to; and what it was put out of since it was last counted.
    rooms: HashSet<RoomId>,
    /// What is being caught up, in order.
    rounds: VecDeque<Round>,
    fetching: Option<Fetching>,
    /// People whom the ring's frames of the next room name, and who are not in it.
    named: HashMap<UserId, Name>,
    heard: Instant,
    /// Since when, and how much was heard since.
    minute: (Instant, u32),
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.live.hub.leave(self.id);
    }
}

impl<'a> Connection<'a> {
    async fn run(
        live: &'a Live,
        socket: &mut WebSocket,
        caller: Caller,
        wanted: Vec<Wanted>,
        resume: Option<Position>,
    ) -> Option<Close> {
        let outbox = Arc::new(Outbox::default());
        let Caller { user, session, credential, .. } = caller;
        let known = Socket { user, session, credential, outbox: Arc::clone(&outbox) };
        let Some(id) = live.hub.enter(known, live.sockets_per_user) else { return Some(Close::TooManySockets) };
        let now = Instant::now();
        let mut connection = Connection {
            live,
            id,
            caller,
            outbox,
            rooms: HashSet::new(),
            rounds: VecDeque::new(),
            fetching: None,
            named: HashMap::new(),
            heard: now,
            minute: (now, 0),
        };
        match connection.identify(socket, wanted, resume).await {
            Err(why) => Some(why),
            Ok(()) => connection.listen(socket).await.err().flatten(),
        }
    }

    fn position(&self) -> Result<Position, Close> {
        self.live.hub.position().ok_or(Close::GoingAway)
    }

    /// Until the end; `Err(None)` when the client is gone.
    async fn listen(&mut self, socket: &mut WebSocket) -> Result<(), Option<Close>> {
        loop {
            self.advance()?;
            let outbox = Arc::clone(&self.outbox);
            let expires = (self.caller.expires_at - Utc::now()).to_std().unwrap_or_default();
            let deadline = (self.heard + SILENCE_MAX).min(Instant::now() + expires);
            tokio::select! {
                said = hear(socket) => {
                    let said = said?.ok_or(None)?;
                    self.answer(said).await?;
                }
                () = outbox.ready() => self.write_what_waits(socket).await?,
                fetched = fetched(&mut self.fetching) => self.take(fetched)?,
                () = tokio::time::sleep_until(deadline) => return Err(Some(self.overdue())),
            }
        }
    }

    fn overdue(&self) -> Close {
        if self.caller.expires_at <= Utc::now() { Close::TokenExpired } else { Close::HeartbeatMissed }
    }

    async fn write_what_waits(&self, socket: &mut WebSocket) -> Result<(), Option<Close>> {
        let (frames, close) = self.outbox.take(FRAMES_PER_FLUSH);
        if !frames.is_empty() {
            write(socket, frames).await?;
        }
        close.map_or(Ok(()), |why| Err(Some(why)))
    }
}
