//! How does one socket live? Identify, catch up room by room, then hear what happens, until one side ends it.

use super::{
    Live,
    catch_up::{self, MISSED_MAX, Page},
    close::Close,
    frame::Name,
    hub::{Attached, Socket},
    members,
    outbox::Outbox,
    protocol::{self, HEARTBEAT, IDENTIFY_WITHIN, INBOUND_PER_MINUTE, RoomSummary, Said, Wanted},
};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use chrono::Utc;
use events::{Position, RoomId, UserId};
use futures::SinkExt;
use platform::{Caller, Code, Problem};

use crate::feed::Viewer;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Frames that are fed before a flush.
const FRAMES_PER_FLUSH: usize = 32;
/// A write that is blocked for longer ends the socket, resumably.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Two heartbeats and a half without a word.
const SILENCE_MAX: Duration = Duration::from_secs(HEARTBEAT.as_secs() * 5 / 2);
/// How long the hub may take to a position that a client has seen elsewhere.
const POSITION_WITHIN: Duration = Duration::from_secs(4);
/// While the read model is behind what a client missed, it is looked at again after this.
const FEED_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often, before the room is reset.
const FEED_TRIES_MAX: u32 = 40;
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
            Some(Ok(Message::Text(text))) => return protocol::read(&text).map(Some),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Close::ProtocolError),
            // A frame over the limit is answered 1009 by the protocol's own layer before this.
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
        }
    }
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

/// A room that is being caught up.
#[derive(Debug, Clone, Copy)]
struct Chase {
    room: RoomId,
    seq: u64,
    tries: u32,
}

/// Whose `caught_up` it is.
#[derive(Debug, Clone, Copy)]
enum Round {
    Identify,
    Sub(RoomId),
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

    /// Rights and heads in one step, then `ready`, then the rooms in the order asked.
    async fn identify(
        &mut self,
        socket: &mut WebSocket,
        wanted: Vec<Wanted>,
        resume: Option<Position>,
    ) -> Result<(), Close> {
        // Between the token's check and here it may have been revoked: from now on the hub would close us.
        if self.live.authenticator.revocations().revoked(&self.caller) {
            return Err(Close::SessionRevoked);
        }
        let stale = match resume {
            Some(position) => !self.reaches(position).await?,
            None => false,
        };
        self.learn(wanted.iter().map(|wanted| wanted.room)).await.map_err(|_| Close::GoingAway)?;
        let p = self.position()?;
        let mut summaries = Vec::with_capacity(wanted.len());
        let mut chases = VecDeque::new();
        let mut others = Vec::new();
        for Wanted { room, seq } in wanted {
            let Some((role, head)) = self.live.hub.standing(room, self.caller.user) else {
                others.push(protocol::room_gone(room, "not-a-member"));
                self.live.hub.detach(self.id, room);
                continue;
            };
            summaries.push(RoomSummary { id: room, role, head, read: 0, unread: 0, mentions: 0 });
            self.rooms += 1;
            if stale {
                others.push(protocol::reset(room, "epoch", p, head));
                chases.push_back(Chase { room, seq: head, tries: 0 });
                continue;
            }
            let from = match (seq, resume) {
                (Some(seq), _) if seq > head => {
                    others.push(protocol::reset(room, "ahead", p, head));
                    head
                }
                (Some(seq), _) => seq,
                (None, Some(position)) => self.seq_at(room, position, head).await?,
                (None, None) => head,
            };
            chases.push_back(Chase { room, seq: from, tries: 0 });
        }
        catch_up::unread(&self.live.pool, self.caller.user, &mut summaries).await.map_err(|_| Close::GoingAway)?;
        let mut frames = vec![protocol::ready(self.caller.user, self.caller.session, p, &summaries)];
        frames.extend(others);
        write(socket, frames).await?;
        self.chases.push_back((Round::Identify, chases));
        Ok(())
    }

    /// The number that a room had at a position.
    async fn seq_at(&self, room: RoomId, position: Position, head: u64) -> Result<u64, Close> {
        let seq = catch_up::seq_at(&self.live.pool, room, position).await.map_err(|_| Close::GoingAway)?;
        Ok(seq.unwrap_or(head).min(head))
    }

    async fn reaches(&self, position: Position) -> Result<bool, Close> {
        match timeout(POSITION_WITHIN, self.live.hub.reaches(position)).await {
            Ok(same_epoch) => Ok(same_epoch),
            // Of another instance, which is ahead of this one by more than seconds.
            Err(_) => Err(Close::GoingAway),
        }
    }

    /// Makes the members of these rooms known to the hub.
    async fn learn(&self, rooms: impl Iterator<Item = RoomId>) -> Result<(), Problem> {
        let rooms: Vec<RoomId> = rooms.collect();
        let unknown = self.live.hub.unknown(rooms.iter().copied());
        let mut loaded = match unknown.is_empty() {
            true => HashMap::new(),
            false => {
                let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
                members::load(&self.live.pool, &unknown).await?
            }
        };
        for room in rooms {
            let known = loaded.remove(&room);
            // Known already, unless it was forgotten in between: then the client asks again.
            let known = known.unwrap_or_else(|| members::Loaded {
                checkpoint: self.live.hub.position().map_or(0, |at| at.seq),
                lounge: None,
                members: HashMap::new(),
            });
            if !self.live.hub.learn(self.id, room, known) {
                return Err(crate::wait::behind());
            }
        }
        Ok(())
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

    /// Tells `caught_up` for each round whose rooms are all attached.
    fn finish_rounds(&mut self) {
        while let Some((round, _)) = self.chases.front().filter(|(_, chases)| chases.is_empty()) {
            let room = match round {
                Round::Identify => None,
                Round::Sub(room) => Some(*room),
            };
            if let Some(p) = self.live.hub.position() {
                self.outbox.push(protocol::caught_up(room, p), None);
            }
            self.chases.pop_front();
        }
    }

    fn next_chase(&self) -> Option<Chase> {
        self.chases.front().and_then(|(_, chases)| chases.front()).copied()
    }

    /// What a room needs next: nothing to read where it can be attached, else a page of its feed.
    async fn fetch(&self, chase: Option<Chase>) -> Result<Fetched, Problem> {
        let Some(Chase { room, seq, tries }) = chase else { return Ok(Fetched::Nothing) };
        let Some((role, head)) = self.live.hub.standing(room, self.caller.user) else { return Ok(Fetched::NoMember) };
        if head.saturating_sub(seq) > MISSED_MAX {
            return Ok(Fetched::TooMuch { head });
        }
        let mut known: HashMap<UserId, Name> = HashMap::new();
        loop {
            match self.live.hub.attach(self.id, room, seq, &known) {
                Attached::Yes => return Ok(Fetched::Nothing),
                Attached::NoMember => return Ok(Fetched::NoMember),
                Attached::Unnamed(users) => {
                    let found = members::names(&self.live.pool, &users).await?;
                    known.extend(users.into_iter().map(|user| (user, Name::unknown())));
                    known.extend(found);
                }
                Attached::NotYet { .. } => break,
            }
        }
        if tries > 0 {
            tokio::time::sleep(FEED_AGAIN_AFTER).await;
        }
        // Held for one page's query, never while writing to a socket: a slow reader delays nobody.
        let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
        let viewer = Viewer { user: self.caller.user, role };
        catch_up::page(&self.live.pool, room, seq, viewer).await.map(Fetched::Page)
    }

    /// Writes what was fetched, and goes on with the next room when this one is done.
    async fn step(
        &mut self,
        socket: &mut WebSocket,
        chase: Chase,
        fetched: Result<Fetched, Problem>,
    ) -> Result<(), Close> {
        let Some(current) = self.chases.front_mut().and_then(|(_, chases)| chases.front_mut()) else { return Ok(()) };
        let head = self.live.hub.standing(chase.room, self.caller.user).map_or(0, |(_, head)| head);
        match fetched {
            Ok(Fetched::Nothing) => self.done(),
            Ok(Fetched::NoMember) => {
                self.outbox.push(protocol::room_gone(chase.room, "not-a-member"), None);
                self.done();
            }
            Ok(Fetched::TooMuch { head }) => self.reset(chase.room, "too-much", head)?,
            Err(_) if current.tries >= FEED_TRIES_MAX => self.reset(chase.room, "unavailable", head)?,
            Err(_) => current.tries += 1,
            Ok(Fetched::Page(Page { follows_on: false, .. })) => self.reset(chase.room, "forgotten", head)?,
            Ok(Fetched::Page(Page { frames, .. })) => match frames.last() {
                Some((last, _)) => {
                    (current.seq, current.tries) = (*last, 0);
                    // Rights are watched during the chase as when live.
                    if self.live.hub.standing(chase.room, self.caller.user).is_some() {
                        write(socket, frames.into_iter().map(|(_, frame)| frame).collect()).await?;
                    }
                }
                None if current.tries >= FEED_TRIES_MAX => self.reset(chase.room, "behind", head)?,
                None => current.tries += 1,
            },
        }
        Ok(())
    }

    /// The explicit verdict: the client drops what it holds of the room, loads it anew, and goes on from `head`.
    fn reset(&mut self, room: RoomId, reason: &str, head: u64) -> Result<(), Close> {
        metrics::counter!("live_resets_total", "reason" => reason.to_owned()).increment(1);
        self.outbox.push(protocol::reset(room, reason, self.position()?, head), None);
        if let Some(chase) = self.chases.front_mut().and_then(|(_, chases)| chases.front_mut()) {
            (chase.seq, chase.tries) = (head, 0);
        }
        Ok(())
    }

    fn done(&mut self) {
        if let Some((_, chases)) = self.chases.front_mut() {
            chases.pop_front();
        }
    }
}

/// What a room needed next.
enum Fetched {
    /// It is attached.
    Nothing,
    NoMember,
    TooMuch {
        head: u64,
    },
    Page(Page),
}
