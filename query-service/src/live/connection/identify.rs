//! Who is it, and what is it to hear? Rights and heads in one step, `ready`, and where each room is taken up.

use super::{
    Connection, FRAMES_PER_FLUSH,
    chase::{Chase, Round},
    write,
};
use crate::live::{
    catch_up::{self, MISSED_MAX},
    close::Close,
    hub::{Learned, Standing},
    members,
    protocol::{self, RoomSummary, Wanted},
};
use axum::extract::ws::{Utf8Bytes, WebSocket};
use events::{Epoch, Position, RoomId};
use platform::Problem;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};
use tokio::time::timeout;

/// How long the hub may take to a position that a client has seen elsewhere.
const POSITION_WITHIN: Duration = Duration::from_secs(4);

/// What happened since the position of a resume.
#[derive(Default)]
struct Since {
    /// The numbers that rooms had there, of those that the client gave no number of.
    seqs: HashMap<RoomId, u64>,
    /// The latest state of people and lounges that changed.
    changed: Vec<Utf8Bytes>,
}

impl Connection<'_> {
    /// Rights and heads in one step, then `ready`, then the rooms in the order asked.
    pub(super) async fn identify(
        &mut self,
        socket: &mut WebSocket,
        mut wanted: Vec<Wanted>,
        resume: Option<Position>,
    ) -> Result<(), Close> {
        self.is_still_welcome()?;
        let is_stale = match resume {
            Some(position) => !self.reaches(position).await?,
            None => false,
        };
        // Of a room that is named twice, the first counts.
        let mut named = HashSet::new();
        wanted.retain(|wanted| named.insert(wanted.room));
        let rooms: Vec<RoomId> = wanted.iter().map(|wanted| wanted.room).collect();
        self.learn(&rooms).await.map_err(|_| Close::GoingAway)?;
        let (p, standings) = self.live.hub.standings(&rooms, self.caller.user).ok_or(Close::GoingAway)?;
        let mut frames = Vec::new();
        let mut theirs = Vec::with_capacity(wanted.len());
        for (wanted, standing) in wanted.into_iter().zip(standings) {
            let Some(standing) = standing else {
                self.live.hub.detach(self.id, wanted.room);
                frames.push(protocol::room_gone(wanted.room, "not-a-member"));
                continue;
            };
            theirs.push((wanted, standing));
        }
        let (since, verdict) = match resume {
            Some(_) if is_stale => (Since::default(), Some("epoch")),
            Some(position) => self.since(&theirs, position).await.map_err(|_| Close::GoingAway)?,
            None => (Since::default(), None),
        };
        let mut summaries = Vec::with_capacity(theirs.len());
        let mut chases = VecDeque::with_capacity(theirs.len());
        for (Wanted { room, seq }, (role, head)) in theirs {
            self.rooms.insert(room);
            summaries.push(RoomSummary { id: room, role, head, read: 0, unread: 0, mentions: 0 });
            let verdict = verdict.or(seq.filter(|seq| *seq > head).map(|_| "ahead"));
            frames.extend(verdict.map(|reason| protocol::reset(room, reason, p, head)));
            let from = seq.or(since.seqs.get(&room).copied()).filter(|_| verdict.is_none());
            chases.push_back(Chase::after(room, from.unwrap_or(head).min(head)));
        }
        catch_up::unread(&self.live.pool, self.caller.user, &mut summaries).await.map_err(|_| Close::GoingAway)?;
        frames.extend(since.changed);
        write(socket, [protocol::ready(self.caller.user, self.caller.session, p, &summaries)]).await?;
        for some in frames.chunks(FRAMES_PER_FLUSH) {
            write(socket, some.iter().cloned()).await?;
        }
        self.rounds.push_back(Round::new(None, chases));
        Ok(())
    }

    /// Between the token's check and the hub's knowing of us it may have been revoked: from now on the hub would close us.
    fn is_still_welcome(&self) -> Result<(), Close> {
        if self.live.authenticator.revocations().revoked(&self.caller) {
            return Err(Close::SessionRevoked);
        }
        Ok(())
    }

    /// What happened in these rooms since a position, or why they have to be loaded anew.
    async fn since(
        &self,
        rooms: &[(Wanted, Standing)],
        position: Position,
    ) -> Result<(Since, Option<&'static str>), Problem> {
        let all: Vec<RoomId> = rooms.iter().map(|(wanted, _)| wanted.room).collect();
        let changed = self.changed_since(&all, position).await?;
        if changed.len() as u64 > MISSED_MAX {
            return Ok((Since::default(), Some("too-much")));
        }
        let without = rooms.iter().filter(|(wanted, _)| wanted.seq.is_none());
        let seqs = self.seqs_at(without.map(|(wanted, _)| wanted.room), position).await?;
        Ok((Since { seqs, changed }, None))
    }

    /// The numbers that rooms had at a position. The hub knows them first: the read model may be behind it, and
    /// would take a room up too early.
    async fn seqs_at(
        &self,
        rooms: impl Iterator<Item = RoomId>,
        position: Position,
    ) -> Result<HashMap<RoomId, u64>, Problem> {
        let mut seqs = HashMap::new();
        let mut unknown = Vec::new();
        for room in rooms {
            match self.live.hub.seq_at(room, position) {
                Some(seq) => _ = seqs.insert(room, seq),
                None => unknown.push(room),
            }
        }
        if !unknown.is_empty() {
            let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
            seqs.extend(catch_up::seqs_at(&self.live.pool, &unknown, position).await?);
        }
        Ok(seqs)
    }

    /// The latest state of people and lounges that changed since: from the rows, and what came after them.
    async fn changed_since(&self, rooms: &[RoomId], position: Position) -> Result<Vec<Utf8Bytes>, Problem> {
        let (later, is_all) = self.live.hub.changed_since(rooms, position);
        if is_all {
            return Ok(later);
        }
        let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
        let mut frames = catch_up::changed_since(&self.live.pool, rooms, position).await?;
        frames.extend(later);
        Ok(frames)
    }

    pub(super) async fn reaches(&self, position: Position) -> Result<bool, Close> {
        match timeout(POSITION_WITHIN, self.live.hub.reaches(position)).await {
            Ok(same_epoch) => Ok(same_epoch),
            // Of another instance, which is ahead of this one by more than seconds.
            Err(_) => Err(Close::GoingAway),
        }
    }

    /// Makes the members of these rooms known to the hub.
    pub(super) async fn learn(&self, rooms: &[RoomId]) -> Result<(), Problem> {
        let hub = &self.live.hub;
        let mut unknown: Vec<RoomId> =
            rooms.iter().copied().filter(|room| hub.learn(self.id, *room, None) == Learned::Unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut loaded = {
            let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
            members::load(&self.live.pool, &unknown).await?
        };
        // The read model may be ahead: what the rows know, the hub must not tell as news.
        let epoch = hub.position().map_or(Epoch(0), |at| at.epoch);
        let seq = loaded.values().map(|loaded| loaded.checkpoint).max().unwrap_or_default();
        let there = timeout(POSITION_WITHIN, hub.reaches(Position { epoch, seq })).await;
        there.map_err(|_| crate::wait::behind())?;
        unknown.retain(|room| hub.learn(self.id, *room, loaded.remove(room)) != Learned::Yes);
        if unknown.is_empty() { Ok(()) } else { Err(crate::wait::behind()) }
    }
}
