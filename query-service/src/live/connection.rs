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
    protocol::{self, HEARTBEAT, IDENTIFY_WITHIN, Identity, Said},
    wire::Wire,
};
use chase::{Fetching, Round, fetched};
use chrono::Utc;
use events::{Position, PresenceState, RoomId, UserId};
use platform::{Caller, Code};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};

/// Two heartbeats and a half without a word.
const SILENCE_MAX: Duration = Duration::from_secs(HEARTBEAT.as_secs() * 5 / 2);

/// Runs a socket from its upgrade to its end.
pub(super) async fn run(live: Live, mut wire: Wire) {
    let why = match greet(&live, &mut wire).await {
        Err(why) => Some(why),
        Ok(None) => None,
        Ok(Some((caller, identity))) => Connection::run(&live, &mut wire, caller, identity).await,
    };
    end(wire, why).await;
}

/// As [`run`], of somebody who has said who he is.
pub(super) async fn run_identified(live: Live, mut wire: Wire, caller: Caller, identity: Identity) {
    let why = Connection::run(&live, &mut wire, caller, identity).await;
    end(wire, why).await;
}

async fn end(wire: Wire, why: Option<Close>) {
    let Some(why) = why else { return };
    metrics::counter!("live_closes_total", "code" => why.code().to_string()).increment(1);
    wire.close(why).await;
}

/// Says hello and waits for the client to say who it is; `None` when it went away.
async fn greet(live: &Live, wire: &mut Wire) -> Result<Option<(Caller, Identity)>, Close> {
    let epoch = live.hub.position().map_or(0, |at| at.epoch.0);
    wire.write(vec![protocol::hello(epoch)]).await?;
    let ending = live.shutdown.token();
    let said = tokio::select! {
        said = timeout(IDENTIFY_WITHIN, wire.hear()) => said.map_err(|_| Close::IdentifyTimeout)??,
        () = ending.cancelled() => return Err(Close::GoingAway),
    };
    match said {
        None => Ok(None),
        Some(Said::Identify(identity)) => Ok(Some((verified(live, &identity.token)?, identity))),
        Some(_) => Err(Close::ProtocolError),
    }
}

fn verified(live: &Live, token: &str) -> Result<Caller, Close> {
    live.authenticator.verify(token, Utc::now()).map_err(|problem| match problem.code {
        Code::TokenExpired => Close::TokenExpired,
        _ => Close::AuthenticationFailed,
    })
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
    /// When it last said that he types.
    typed: Option<Instant>,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.live.hub.leave(self.id);
        self.live.here.goes(self.caller.user, self.id);
    }
}

impl<'a> Connection<'a> {
    async fn run(live: &'a Live, wire: &mut Wire, caller: Caller, identity: Identity) -> Option<Close> {
        let outbox = Arc::clone(wire.outbox());
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
            typed: None,
        };
        live.here.shows(user, id, PresenceState::Online);
        match connection.identify(wire, identity).await {
            Err(why) => Some(why),
            Ok(()) => connection.listen(wire).await.err().flatten(),
        }
    }

    fn position(&self) -> Result<Position, Close> {
        self.live.hub.position().ok_or(Close::GoingAway)
    }

    /// Until the end; `Err(None)` when the client is gone.
    async fn listen(&mut self, wire: &mut Wire) -> Result<(), Option<Close>> {
        let outbox = Arc::clone(&self.outbox);
        // One timer for the socket's life: what is delivered does not move it.
        let mut overdue = pin!(sleep_until(self.deadline(wire)));
        loop {
            self.advance()?;
            let waits_for_room = self.waits_for_room();
            tokio::select! {
                said = wire.hear() => {
                    let said = said?.ok_or(None)?;
                    self.answer(said).await?;
                    overdue.as_mut().reset(self.deadline(wire));
                }
                () = outbox.ready(waits_for_room) => self.write_what_waits(wire).await?,
                fetched = fetched(&mut self.fetching) => self.take(fetched)?,
                () = &mut overdue => return Err(Some(self.overdue())),
            }
        }
    }

    /// When it ends, if nothing is said until then.
    fn deadline(&self, wire: &Wire) -> Instant {
        let expires = (self.caller.expires_at - Utc::now()).to_std().unwrap_or_default();
        let over = Instant::now() + expires;
        if wire.is_spoken_on() { over.min(self.heard + SILENCE_MAX) } else { over }
    }

    fn overdue(&self) -> Close {
        if self.caller.expires_at <= Utc::now() { Close::TokenExpired } else { Close::HeartbeatMissed }
    }

    /// Ends the socket where that was to be behind what waited.
    async fn write_what_waits(&self, wire: &mut Wire) -> Result<(), Option<Close>> {
        wire.write_some().await?;
        self.outbox.ends().map_or(Ok(()), |why| Err(Some(why)))
    }
}
