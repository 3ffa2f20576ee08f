//! How does one socket live? Identify, catch up room by room, then hear what happens, until one side ends it.

mod chase;
mod identify;

use super::{
    Live,
    close::Close,
    hub::Socket,
    outbox::Outbox,
    protocol::{self, HEARTBEAT, IDENTIFY_WITHIN, INBOUND_BYTES_MAX, INBOUND_PER_MINUTE, Said, Wanted},
};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use chase::{Chase, Round};
use chrono::Utc;
use events::Position;
use futures::SinkExt;
use platform::{Caller, Code};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;

/// Frames that are fed before a flush.
const FRAMES_PER_FLUSH: usize = 32;
/// A write that is blocked for longer ends the socket, resumably.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Two heartbeats and a half without a word.
const SILENCE_MAX: Duration = Duration::from_secs(HEARTBEAT.as_secs() * 5 / 2);
/// Rooms of which one socket may hear.
const ROOMS_MAX: usize = protocol::ROOMS_MAX;

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
    write(socket, vec![protocol::hello(epoch)]).await?;
    let said = match timeout(IDENTIFY_WITHIN, hear(socket)).await {
        Err(_) => return Err(Close::IdentifyTimeout),
        Ok(heard) => heard?,
    };
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

async fn write(socket: &mut WebSocket, frames: Vec<Utf8Bytes>) -> Result<(), Close> {
    let writing = async {
        for frame in frames {
            socket.feed(Message::Text(frame)).await?;
        }
        socket.flush().await
    };
    match timeout(WRITE_WITHIN, writing).await {
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
    chases: VecDeque<(Round, VecDeque<Chase>)>,
    rooms: usize,
    heard: Instant,
    minute: (Instant, u32),
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
        let chases = VecDeque::new();
        let mut connection = Connection { live, id, caller, outbox, chases, rooms: 0, heard: now, minute: (now, 0) };
        let end = match connection.identify(socket, wanted, resume).await {
            Err(why) => Some(why),
            Ok(()) => connection.listen(socket).await.err().flatten(),
        };
        live.hub.leave(id);
        end
    }

    fn position(&self) -> Result<Position, Close> {
        self.live.hub.position().ok_or(Close::GoingAway)
    }

    /// Until the end; `Err(None)` when the client is gone.
    async fn listen(&mut self, socket: &mut WebSocket) -> Result<(), Option<Close>> {
        loop {
            self.finish_rounds();
            let outbox = Arc::clone(&self.outbox);
            let expires = (self.caller.expires_at - Utc::now()).to_std().unwrap_or_default();
            let deadline = (self.heard + SILENCE_MAX).min(Instant::now() + expires);
            let chase = self.next_chase();
            tokio::select! {
                said = hear(socket) => {
                    let said = said?.ok_or(None)?;
                    self.answer(said).await?;
                }
                () = outbox.ready() => self.write_what_waits(socket).await?,
                page = self.fetch(chase), if chase.is_some() => {
                    if let Some(chase) = chase {
                        self.step(socket, chase, page).await?;
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Err(Some(self.overdue())),
            }
        }
    }

    fn overdue(&self) -> Close {
        if self.caller.expires_at <= Utc::now() { Close::TokenExpired } else { Close::HeartbeatMissed }
    }

    async fn write_what_waits(&self, socket: &mut WebSocket) -> Result<(), Option<Close>> {
        let (frames, close) = self.outbox.take(FRAMES_PER_FLUSH);
        metrics::counter!("live_frames_total").increment(frames.len() as u64);
        if !frames.is_empty() {
            write(socket, frames).await?;
        }
        close.map_or(Ok(()), |why| Err(Some(why)))
    }

    async fn answer(&mut self, said: Said) -> Result<(), Close> {
        self.heard = Instant::now();
        self.count()?;
        match said {
            Said::Identify { .. } => Err(Close::ProtocolError),
            Said::Heartbeat => {
                let p = self.position()?;
                self.outbox.push_with_heads(|heads| protocol::hb_ack(p, heads));
                Ok(())
            }
            Said::Auth { token } => {
                let fresh = verified(self.live, &token)?;
                if fresh.user != self.caller.user || fresh.session != self.caller.session {
                    return Err(Close::AuthenticationFailed);
                }
                let seconds = (fresh.expires_at - Utc::now()).num_seconds();
                self.outbox.push(protocol::auth_ok(u64::try_from(seconds).unwrap_or_default()), None);
                self.caller = fresh;
                Ok(())
            }
            Said::Unsub(room) => {
                self.chases.iter_mut().for_each(|(_, chases)| chases.retain(|chase| chase.room != room));
                self.live.hub.detach(self.id, room);
                self.rooms = self.rooms.saturating_sub(1);
                Ok(())
            }
            Said::Sub { wanted, at } => self.sub(wanted, at).await,
        }
    }

    async fn sub(&mut self, Wanted { room, seq }: Wanted, at: Option<Position>) -> Result<(), Close> {
        if self.rooms >= ROOMS_MAX {
            return Err(Close::ProtocolError);
        }
        let stale = match at {
            Some(position) => !self.reaches(position).await?,
            None => false,
        };
        self.learn(std::iter::once(room)).await.map_err(|_| Close::GoingAway)?;
        let Some((_, head)) = self.live.hub.standing(room, self.caller.user) else {
            self.live.hub.detach(self.id, room);
            self.outbox.push(protocol::room_gone(room, "not-a-member"), None);
            return Ok(());
        };
        let seq = match seq {
            Some(seq) if !stale && seq <= head => seq,
            Some(_) => {
                self.outbox.push(protocol::reset(room, "epoch", self.position()?, head), None);
                head
            }
            None => head,
        };
        self.rooms += 1;
        self.chases.push_back((Round::Sub(room), VecDeque::from([Chase { room, seq, tries: 0 }])));
        Ok(())
    }

    fn count(&mut self) -> Result<(), Close> {
        if !self.live.rate_limits {
            return Ok(());
        }
        if self.minute.0.elapsed() >= Duration::from_secs(60) {
            self.minute = (Instant::now(), 0);
        }
        self.minute.1 += 1;
        if self.minute.1 > INBOUND_PER_MINUTE { Err(Close::RateLimited) } else { Ok(()) }
    }
}
