//! What is delivered live? One task a socket hears its rooms, comes back after every cut, and notes what it heard.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    assign::Ear,
    journal::{Entry, Heard, Journal},
    script, verify,
};
use crate::client::{Api, Closed, Follow, Frame, Hello, Outcome, Session, Socket};

/// Full jitter from here, doubling, to the longest; anew after a connection that held this long.
const BACK_AFTER: Duration = Duration::from_millis(500);
const BACK_AT_LATEST: Duration = Duration::from_secs(30);
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// The client saw that nothing comes any more.
const CLOSE_ZOMBIE: u16 = 4000;
const CLOSE_NORMAL: u16 = 1000;
/// Reconnect and resume below, do not above.
const CLOSE_FINAL: u16 = 4500;
/// The token was not taken: it may have run out on the way. Once more with a fresh one.
const CLOSE_NOT_AUTHENTICATED: u16 = 4500;
const CLOSE_IDENTIFY_TIMEOUT: u16 = 4501;

/// What all ears have heard so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    /// Messages.
    pub(super) heard: u64,
    /// Connections that ended before they should.
    pub(super) cuts: u64,
    /// Rooms of which the server said that what was missed cannot be sent.
    pub(super) resets: u64,
    /// Frames with a `seq` that was there already, and no message's.
    pub(super) repeats: u64,
}

/// One socket and its rooms.
pub(super) struct Follower {
    api: Api,
    session: Arc<Session>,
    journal: Arc<Journal>,
    tally: watch::Sender<Tally>,
    stop: CancellationToken,
    /// Where everybody had joined: a server that is not there yet waits.
    since: String,
    rooms: Vec<Followed>,
    place: HashMap<events::RoomId, usize>,
}

struct Followed {
    number: u32,
    id: events::RoomId,
    heard: Heard,
}

/// What all followers share.
pub(super) struct Line {
    pub(super) api: Api,
    pub(super) journal: Arc<Journal>,
    pub(super) tally: watch::Sender<Tally>,
    pub(super) stop: CancellationToken,
    pub(super) since: String,
}

impl Follower {
    pub(super) fn new(
        line: &Line,
        session: Arc<Session>,
        ear: &Ear,
        ids: &[events::RoomId],
        heard: &mut HashMap<u32, Heard>,
    ) -> Self {
        let followed = |number: &u32| Followed {
            number: *number,
            id: ids[*number as usize],
            heard: heard.remove(number).unwrap_or_default(),
        };
        let rooms: Vec<Followed> = ear.rooms.iter().map(followed).collect();
        let place = rooms.iter().enumerate().map(|(place, room)| (room.id, place)).collect();
        Self {
            api: line.api.clone(),
            session,
            journal: Arc::clone(&line.journal),
            tally: line.tally.clone(),
            stop: line.stop.clone(),
            since: line.since.clone(),
            rooms,
            place,
        }
    }

    /// Hears until it is told to stop; then hands over what it heard, by room.
    pub(super) async fn run(mut self) -> Result<Vec<(u32, Heard)>> {
        let stop = self.stop.clone();
        let mut longest = BACK_AFTER;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let why = tokio::select! { () = stop.cancelled() => break, ended = self.listen() => ended? };
            self.tally.send_modify(|tally| tally.cuts += 1);
            longest = if begun.elapsed() < STABLE_AFTER { (longest * 2).min(BACK_AT_LATEST) } else { BACK_AFTER };
            // Right after a connection that worked there is no reason to wait long.
            let wait = rand::random_range(Duration::ZERO..=if why.worked { BACK_AFTER } else { longest });
            tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(wait) => {} }
        }
        Ok(self.rooms.into_iter().map(|room| (room.number, room.heard)).collect())
    }

    /// One connection, to its end. An error is what no other connection would mend.
    async fn listen(&mut self) -> Result<Ended> {
        let mut worked = false;
        let mut token = match self.session.access_token().await {
            Outcome::Applied(token) => token,
            Outcome::Refused(refusal) => bail!("a follower's session is over: {refusal}"),
            Outcome::Unknown { .. } => return Ok(Ended { worked }),
        };
        let Ok((mut socket, hello)) = Socket::open(&self.api).await else { return Ok(Ended { worked }) };
        let rooms: Vec<Follow> =
            self.rooms.iter().map(|room| Follow { room: room.id, seq: Some(room.heard.seq) }).collect();
        let mut outcome = socket.identify(&token, &rooms, Some(&self.since)).await;
        let mut beat = heartbeat(&hello);
        let mut silent = false;
        while outcome.is_ok() {
            let event = tokio::select! {
                frame = socket.frame() => Some(frame),
                _ = beat.tick() => None,
            };
            outcome = match event {
                Some(Ok(frame)) => {
                    silent = false;
                    worked |= frame.t == "ready";
                    self.take(frame)?
                }
                Some(Err(closed)) => Err(closed),
                None if silent => {
                    socket.close(CLOSE_ZOMBIE).await;
                    return Ok(Ended { worked });
                }
                None => {
                    silent = true;
                    self.beat(&mut socket, &mut token).await
                }
            };
        }
        match outcome {
            Err(Closed::Code(code, reason)) if is_final(code) => {
                bail!("a socket was closed for good: {code} {reason:?}")
            }
            Err(Closed::Cut(_)) => socket.close(CLOSE_NORMAL).await,
            _ => {}
        }
        Ok(Ended { worked })
    }

    /// Says that it is there, and with which token from now on.
    async fn beat(&self, socket: &mut Socket, token: &mut String) -> Result<(), Closed> {
        socket.say("hb", json!({})).await?;
        if let Outcome::Applied(fresh) = self.session.access_token().await
            && fresh != *token
        {
            socket.say("auth", json!({ "token": fresh })).await?;
            *token = fresh;
        }
        Ok(())
    }

    /// Notes a frame. `Err(Closed)` ends the connection, to resume.
    fn take(&mut self, frame: Frame) -> Result<Result<(), Closed>> {
        match (frame.t.as_str(), frame.room, frame.seq) {
            ("reset", ..) => self.reset(&frame.d)?,
            ("room_gone", ..) => bail!("a room that is followed is gone: {}", frame.d),
            ("hb_ack", ..) => return Ok(self.compare_heads(&frame.d)),
            ("drain", ..) => return Ok(Err(Closed::Cut("the server drains".into()))),
            (_, Some(room), Some(seq)) => {
                let Some(place) = self.place.get(&room) else { bail!("a frame of room {room}, which is not followed") };
                return self.hear(*place, seq, &frame);
            }
            // Control frames and those without a place in a room.
            _ => {}
        }
        Ok(Ok(()))
    }

    fn hear(&mut self, place: usize, seq: u64, frame: &Frame) -> Result<Result<(), Closed>> {
        let Followed { number, heard, .. } = &mut self.rooms[place];
        if seq > heard.seq + 1 {
            return Ok(Err(Closed::Cut(format!("seq {seq} after {}", heard.seq))));
        }
        let is_new = seq > heard.seq;
        heard.seq = heard.seq.max(seq);
        let Some((id, text)) = frame.posted() else {
            if !is_new {
                self.tally.send_modify(|tally| tally.repeats += 1);
            }
            return Ok(Ok(()));
        };
        let text = script::digest(text.as_bytes());
        // Also what came before already: the comparison shall see it.
        heard.said.push(verify::Said { id: id.0, text });
        self.journal.note(&Entry::Heard { room: *number, seq, id, text })?;
        self.tally.send_modify(|tally| tally.heard += 1);
        Ok(Ok(()))
    }

    /// The server cannot send what was missed: what lies between counts as not delivered.
    fn reset(&mut self, d: &Value) -> Result<()> {
        let room = d["room"].as_str().and_then(|room| room.parse().ok());
        let place = room.and_then(|room| self.place.get(&room)).context("a reset without a room of ours")?;
        let head = d["head"].as_u64().context("a reset without a head")?;
        let heard = &mut self.rooms[*place].heard;
        heard.seq = heard.seq.max(head);
        self.tally.send_modify(|tally| tally.resets += 1);
        Ok(())
    }

    fn compare_heads(&self, d: &Value) -> Result<(), Closed> {
        let behind = d["heads"].as_object().into_iter().flatten().find(|(room, head)| {
            let place = room.parse().ok().and_then(|room| self.place.get(&room));
            place.is_some_and(|place| head.as_u64() > Some(self.rooms[*place].heard.seq))
        });
        match behind {
            Some((room, head)) => Err(Closed::Cut(format!("behind the head {head} of {room}"))),
            None => Ok(()),
        }
    }
}

/// How a connection ended: whether it had identified.
struct Ended {
    worked: bool,
}

fn is_final(code: u16) -> bool {
    code >= CLOSE_FINAL && !matches!(code, CLOSE_NOT_AUTHENTICATED | CLOSE_IDENTIFY_TIMEOUT)
}

/// With jitter, so that many sockets do not beat at once.
fn heartbeat(hello: &Hello) -> tokio::time::Interval {
    let every = Duration::from_millis(hello.heartbeat_ms.max(1_000)).mul_f64(rand::random_range(0.8..1.0));
    let mut beat = tokio::time::interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}
