//! How does a room catch up? Chase its feed page by page, then attach it where the rest lies in the ring.

use super::Connection;
use crate::{
    feed::Viewer,
    live::{
        catch_up::{self, MISSED_MAX, Page},
        close::Close,
        form::Frame,
        frame::Name,
        hub::Attached,
        members, protocol,
    },
};
use events::{RoomId, UserId};
use platform::Problem;
use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};
use tokio_util::task::AbortOnDropHandle;

/// While the read model is behind what a client missed, it is looked at again after this.
const FEED_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often, before the room is reset.
const FEED_TRIES_MAX: u32 = 40;

/// A room that is being caught up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chase {
    pub(super) room: RoomId,
    pub(super) seq: u64,
    tries: u32,
}

impl Chase {
    /// Behind this number.
    pub(super) fn after(room: RoomId, seq: u64) -> Self {
        Self { room, seq, tries: 0 }
    }
}

/// Rooms that are caught up together, one after the other, with one `caught_up` at their end.
#[derive(Debug)]
pub(super) struct Round {
    /// The room that was asked for by `sub`; absent: those of `identify`.
    pub(super) of: Option<RoomId>,
    pub(super) chases: VecDeque<Chase>,
    /// Why what the ring does not hold cannot be had now.
    hopeless: Option<&'static str>,
}

impl Round {
    pub(super) fn new(of: Option<RoomId>, chases: VecDeque<Chase>) -> Self {
        Self { of, chases, hopeless: None }
    }
}

/// What was read for the room that is next.
pub(super) enum Fetched {
    Page(Page),
    Names(HashMap<UserId, Name>),
}

/// Reads in a task of its own: frames that wait meanwhile do not end the query.
pub(super) type Fetching = AbortOnDropHandle<Result<Fetched, Problem>>;

/// What is being read, if anything is.
pub(super) async fn fetched(fetching: &mut Option<Fetching>) -> Result<Fetched, Problem> {
    let Some(task) = fetching else { return pending().await };
    let outcome = task.await;
    *fetching = None;
    outcome.unwrap_or_else(|_| Err(Problem::internal()))
}

impl Connection<'_> {
    /// Goes on with the rooms that are caught up, until something has to be read or written first.
    pub(super) fn advance(&mut self) -> Result<(), Close> {
        while self.fetching.is_none() && self.outbox.has_room() {
            let Some(round) = self.rounds.front() else { return Ok(()) };
            match round.chases.front().copied() {
                Some(chase) => self.go_on_with(chase, round.hopeless)?,
                None => {
                    self.live.hub.caught_up(self.id, round.of);
                    self.rounds.pop_front();
                }
            }
        }
        Ok(())
    }

    /// Whether all that keeps it from going on is what waits in the outbox.
    pub(super) fn waits_for_room(&self) -> bool {
        self.fetching.is_none() && !self.rounds.is_empty()
    }

    fn go_on_with(&mut self, Chase { room, seq, tries }: Chase, hopeless: Option<&str>) -> Result<(), Close> {
        let user = self.caller.user;
        let Some((role, head)) = self.live.hub.standing(room, user) else {
            self.gone(room);
            return Ok(());
        };
        if head.saturating_sub(seq) > MISSED_MAX {
            return self.reset(room, "too-much", head);
        }
        match (self.live.hub.attach(self.id, room, seq, &self.named), hopeless) {
            (Attached::Yes, _) => self.done(),
            (Attached::UpTo(seq), _) => self.is_at(seq),
            (Attached::NoMember, _) => self.gone(room),
            (Attached::NotYet | Attached::Unnamed(_), Some(reason)) => self.reset(room, reason, head)?,
            (Attached::NotYet, None) => {
                let (pool, viewer) = (self.live.pool.clone(), Viewer { user, role });
                self.fetch(tries, async move { catch_up::page(&pool, room, seq, viewer).await.map(Fetched::Page) });
            }
            (Attached::Unnamed(users), None) => {
                let pool = self.live.pool.clone();
                self.fetch(tries, async move {
                    let found = members::names(&pool, &users).await?;
                    let unknown = users.into_iter().map(|user| (user, Name::unknown()));
                    Ok(Fetched::Names(unknown.chain(found).collect()))
                });
            }
        }
        Ok(())
    }

    /// Begins to read, after a while if it was in vain before. The permit is held for the query alone.
    fn fetch(&mut self, tries: u32, reading: impl Future<Output = Result<Fetched, Problem>> + Send + 'static) {
        let queries = Arc::clone(&self.live.queries);
        self.fetching = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            if tries > 0 {
                tokio::time::sleep(FEED_AGAIN_AFTER).await;
            }
            let _permit = queries.acquire().await.map_err(|_| Problem::internal())?;
            reading.await
        })));
    }

    /// Takes what was read for the room that is next.
    pub(super) fn take(&mut self, fetched: Result<Fetched, Problem>) -> Result<(), Close> {
        let Some(Chase { room, .. }) = self.next_chase().copied() else { return Ok(()) };
        // Rights are watched during the chase as when live: who is out by now is told so, and nothing else.
        let Some((_, head)) = self.live.hub.standing(room, self.caller.user) else { return Ok(()) };
        match fetched {
            Ok(Fetched::Names(named)) => self.named.extend(named),
            Ok(Fetched::Page(Page::Forgotten)) => self.reset(room, "forgotten", head)?,
            Ok(Fetched::Page(Page::Entries(frames))) if !frames.is_empty() => self.put(room, frames),
            // The read model is behind; or it is ahead, and the hub will hear soon why this person is out.
            Ok(Fetched::Page(Page::Entries(_) | Page::NoMember)) => self.again("behind"),
            Err(_) => self.again("unavailable"),
        }
        Ok(())
    }

    fn put(&mut self, room: RoomId, frames: Vec<(u64, Frame)>) {
        for (seq, frame) in frames {
            if !self.outbox.has_room() {
                return;
            }
            self.outbox.push(frame, Some((room, seq)));
            self.is_at(seq);
        }
    }

    /// Forgets what is being caught up of a room.
    pub(super) fn give_up(&mut self, room: RoomId) {
        if self.next_chase().is_some_and(|chase| chase.room == room) {
            self.fetching = None;
            self.named.clear();
        }
        self.rounds.retain(|round| round.of != Some(room));
        self.rounds.iter_mut().for_each(|round| round.chases.retain(|chase| chase.room != room));
    }

    fn again(&mut self, reason: &'static str) {
        let Some(round) = self.rounds.front_mut() else { return };
        let Some(chase) = round.chases.front_mut() else { return };
        chase.tries += 1;
        if chase.tries > FEED_TRIES_MAX {
            // This one and those after it: each would wait as long for nothing.
            round.hopeless = Some(reason);
        }
    }

    /// The explicit verdict: the client drops what it holds of the room, loads it anew, and goes on from `head`.
    fn reset(&mut self, room: RoomId, reason: &str, head: u64) -> Result<(), Close> {
        metrics::counter!("live_resets_total", "reason" => reason.to_owned()).increment(1);
        self.outbox.push(protocol::reset(room, reason, self.position()?, head), None);
        self.is_at(head);
        Ok(())
    }

    fn gone(&mut self, room: RoomId) {
        self.leave(room, "not-a-member");
        self.done();
    }

    fn is_at(&mut self, seq: u64) {
        if let Some(chase) = self.next_chase() {
            (chase.seq, chase.tries) = (seq, 0);
        }
    }

    fn done(&mut self) {
        self.named.clear();
        if let Some(round) = self.rounds.front_mut() {
            round.chases.pop_front();
        }
    }

    fn next_chase(&mut self) -> Option<&mut Chase> {
        self.rounds.front_mut()?.chases.front_mut()
    }
}
