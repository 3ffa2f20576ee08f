//! How does a room catch up? Chase its feed page by page, then attach it where the rest lies in the ring.

use super::{Connection, write};
use crate::{
    feed::Viewer,
    live::{
        catch_up::{self, MISSED_MAX, Page},
        close::Close,
        frame::Name,
        hub::Attached,
        members, protocol,
    },
};
use axum::extract::ws::WebSocket;
use events::{RoomId, UserId};
use platform::Problem;
use std::{collections::HashMap, time::Duration};

/// While the read model is behind what a client missed, it is looked at again after this.
const FEED_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often, before the room is reset.
const FEED_TRIES_MAX: u32 = 40;

/// A room that is being caught up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chase {
    pub(super) room: RoomId,
    pub(super) seq: u64,
    pub(super) tries: u32,
}

/// Whose `caught_up` it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Round {
    Identify,
    Sub(RoomId),
}

/// What a room needed next.
pub(super) enum Fetched {
    /// It is attached.
    Nothing,
    NoMember,
    TooMuch {
        head: u64,
    },
    Page(Page),
}

impl Connection<'_> {
    /// Tells `caught_up` for each round whose rooms are all attached.
    pub(super) fn finish_rounds(&mut self) {
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

    pub(super) fn next_chase(&self) -> Option<Chase> {
        self.chases.front().and_then(|(_, chases)| chases.front()).copied()
    }

    /// What a room needs next: nothing to read where it can be attached, else a page of its feed.
    pub(super) async fn fetch(&self, chase: Option<Chase>) -> Result<Fetched, Problem> {
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
    pub(super) async fn step(
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
