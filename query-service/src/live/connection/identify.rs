//! Who is it, and what is it to hear? Rights and heads in one step, `ready`, and where each room is taken up.

use super::{
    Connection,
    chase::{Chase, Round},
};
use crate::live::{
    catch_up::{self, MISSED_MAX},
    close::Close,
    form::Frame,
    hub::{Learned, Standing},
    members,
    protocol::{self, Identity, RoomSummary, Wanted},
    wire::Wire,
};
use events::{Epoch, Position, RoomId};
use platform::Problem;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};
use tokio::time::timeout;

/// How long the hub may take to a position that a client has seen elsewhere.
const POSITION_WITHIN: Duration = Duration::from_secs(4);

/// How long `ready` waits for the read model to count what is unread up to the heads that it tells.
const UNREAD_WITHIN: Duration = Duration::from_secs(1);

/// What happened since the position of a resume.
#[derive(Default)]
struct Since {
    /// The numbers that rooms had there, of those that the client gave no number of.
    seqs: HashMap<RoomId, u64>,
    /// The latest state of people and lounges that changed.
    changed: Vec<Frame>,
}

impl Connection<'_> {
    /// Rights and heads in one step, then `ready`, then the rooms in the order asked.
    pub(super) async fn identify(
        &mut self,
        wire: &mut Wire,
        Identity { token: _, rooms: mut wanted, resume, deflates }: Identity,
    ) -> Result<(), Close> {
        self.is_still_welcome()?;
        if deflates {
            self.outbox.deflate();
        }
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
            if self.live.checkpoint.goes_on(wanted.room).is_err() {
                frames.push(self.parked(wanted.room, p, standing));
                continue;
            }
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
        self.count_unread(p, &mut summaries).await.map_err(|_| Close::GoingAway)?;
        frames.extend(since.changed);
        frames.insert(0, protocol::ready(self.caller.user, self.caller.session, p, &summaries));
        wire.write(frames).await?;
        self.rounds.push_back(Round::new(None, chases));
        Ok(())
    }

    /// A room whose events wait, because one of them cannot be applied, is not heard: behind it may wait a ban.
    pub(super) fn parked(&self, room: RoomId, p: Position, (_, head): Standing) -> Frame {
        self.live.hub.detach(self.id, room);
        metrics::counter!("live_resets_total", "reason" => "parked").increment(1);
        protocol::reset(room, "parked", p, head)
    }

    /// Counts what is unread up to these heads, by a read model that is there; by one that is late, as far as it is.
    async fn count_unread(&self, p: Position, summaries: &mut [RoomSummary]) -> Result<(), Problem> {
        // Late, it counts less: the client counts on from there with what it reads.
        let _ = self.live.checkpoint.reaches(p, UNREAD_WITHIN).await;
        let read = self.live.hub.read_by(self.caller.user, summaries.iter().map(|room| room.id));
        let _permit = self.live.queries.acquire().await.map_err(|_| Problem::internal())?;
        catch_up::unread(&self.live.pool, self.caller.user, &read, summaries).await
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
    async fn changed_since(&self, rooms: &[RoomId], position: Position) -> Result<Vec<Frame>, Problem> {
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
