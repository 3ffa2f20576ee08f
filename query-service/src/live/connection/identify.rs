//! Who is it, and what is it to hear? Rights and heads in one step, `ready`, and where each room is taken up.

use super::{
    Connection,
    chase::{Chase, Round},
    write,
};
use crate::live::{
    catch_up,
    close::Close,
    hub::Learned,
    members,
    protocol::{self, RoomSummary, Wanted},
};
use axum::extract::ws::WebSocket;
use events::{Epoch, Position, RoomId};
use platform::Problem;
use std::{collections::VecDeque, time::Duration};
use tokio::time::timeout;

/// How long the hub may take to a position that a client has seen elsewhere.
const POSITION_WITHIN: Duration = Duration::from_secs(4);

impl Connection<'_> {
    /// Rights and heads in one step, then `ready`, then the rooms in the order asked.
    pub(super) async fn identify(
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

    /// The number that a room had at a position. The hub knows it first: the read model may be behind it, and
    /// would take the room up too early, or miss a room that it does not have yet.
    async fn seq_at(&self, room: RoomId, position: Position, head: u64) -> Result<u64, Close> {
        if let Some(seq) = self.live.hub.seq_at(room, position) {
            return Ok(seq.min(head));
        }
        let seq = catch_up::seq_at(&self.live.pool, room, position).await.map_err(|_| Close::GoingAway)?;
        // No entry that old: the room is younger, or the feed has forgotten, which the chase will tell by a `reset`.
        Ok(seq.unwrap_or(0).min(head))
    }

    pub(super) async fn reaches(&self, position: Position) -> Result<bool, Close> {
        match timeout(POSITION_WITHIN, self.live.hub.reaches(position)).await {
            Ok(same_epoch) => Ok(same_epoch),
            // Of another instance, which is ahead of this one by more than seconds.
            Err(_) => Err(Close::GoingAway),
        }
    }

    /// Makes the members of these rooms known to the hub.
    pub(super) async fn learn(&self, rooms: impl Iterator<Item = RoomId>) -> Result<(), Problem> {
        let hub = &self.live.hub;
        let mut unknown: Vec<RoomId> =
            rooms.filter(|room| hub.learn(self.id, *room, None) == Learned::Unknown).collect();
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
