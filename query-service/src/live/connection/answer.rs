//! What does a client say once it is known, and what is done about it? Heartbeats, fresh tokens, rooms that come and go.

use super::{
    Connection,
    chase::{Chase, Round},
    verified,
};
use crate::live::{
    close::Close,
    protocol::{self, INBOUND_PER_MINUTE, ROOMS_MAX, Said, TYPING_EVERY, Wanted},
};
use chrono::Utc;
use event_log::Typing;
use events::{Position, RoomId};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

impl Connection<'_> {
    pub(super) async fn answer(&mut self, said: Said) -> Result<(), Close> {
        self.heard = Instant::now();
        self.count()?;
        match said {
            Said::Identify(_) => Err(Close::ProtocolError),
            Said::Heartbeat => {
                let p = self.position()?;
                self.outbox.push_with_heads(|heads| protocol::hb_ack(p, heads));
                Ok(())
            }
            Said::Auth { token } => self.renew(&token),
            Said::Unsub(room) => {
                self.give_up(room);
                self.drop_room(room);
                Ok(())
            }
            Said::Sub { wanted, at } => self.sub(wanted, at).await,
            Said::Typing(room) => {
                self.types(Typing { room, user: self.caller.user }).await;
                Ok(())
            }
            Said::Presence(state) => {
                self.live.here.shows(self.caller.user, self.id, state);
                Ok(())
            }
        }
    }

    /// What is said more often than the protocol has it is not told; nor is what the person may not say.
    async fn types(&mut self, typing: Typing) {
        let is_late_enough = self.typed.is_none_or(|typed| typed.elapsed() >= TYPING_EVERY);
        if is_late_enough && self.live.hub.may_type(typing) {
            self.typed = Some(Instant::now());
            self.live.typing.say(typing).await;
        }
    }

    /// A fresh token of the same session, without a reconnect.
    fn renew(&mut self, token: &str) -> Result<(), Close> {
        let fresh = verified(self.live, token)?;
        if fresh.user != self.caller.user || fresh.session != self.caller.session {
            return Err(Close::AuthenticationFailed);
        }
        let seconds = (fresh.expires_at - Utc::now()).num_seconds();
        self.outbox.push(protocol::auth_ok(u64::try_from(seconds).unwrap_or_default()), None);
        self.caller = fresh;
        Ok(())
    }

    /// Asked for again, a room is taken up anew: it is attached until its members are known.
    async fn sub(&mut self, Wanted { room, seq }: Wanted, at: Option<Position>) -> Result<(), Close> {
        self.give_up(room);
        if !self.may_hear(room) {
            return Err(Close::ProtocolError);
        }
        let stale = match at {
            Some(position) => !self.reaches(position).await?,
            None => false,
        };
        if self.learn(&[room]).await.is_err() {
            // Who is in it cannot be read now; the other rooms go on.
            self.leave(room, "unavailable");
            return Ok(());
        }
        let Some(standing @ (_, head)) = self.live.hub.standing(room, self.caller.user) else {
            self.leave(room, "not-a-member");
            return Ok(());
        };
        if self.live.checkpoint.goes_on(room).is_err() {
            let reset = self.parked(room, self.position()?, standing);
            self.rooms.remove(&room);
            self.outbox.push(reset, None);
            return Ok(());
        }
        let verdict = if stale { Some("epoch") } else { seq.filter(|seq| *seq > head).map(|_| "ahead") };
        if let Some(reason) = verdict {
            self.outbox.push(protocol::reset(room, reason, self.position()?, head), None);
        }
        let from = seq.filter(|_| verdict.is_none()).unwrap_or(head);
        self.rooms.insert(room);
        self.rounds.push_back(Round::new(Some(room), VecDeque::from([Chase::after(room, from)])));
        Ok(())
    }

    fn may_hear(&mut self, room: RoomId) -> bool {
        if self.rooms.len() == ROOMS_MAX {
            let (hub, user) = (&self.live.hub, self.caller.user);
            self.rooms.retain(|room| hub.standing(*room, user).is_some());
        }
        self.rooms.len() < ROOMS_MAX || self.rooms.contains(&room)
    }

    /// Hears no more of a room, and is told why.
    pub(super) fn leave(&mut self, room: RoomId, reason: &str) {
        self.drop_room(room);
        self.outbox.push(protocol::room_gone(room, reason), None);
    }

    fn drop_room(&mut self, room: RoomId) {
        self.live.hub.detach(self.id, room);
        self.rooms.remove(&room);
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
