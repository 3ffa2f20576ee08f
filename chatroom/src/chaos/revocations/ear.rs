//! What does one socket of somebody hear who is about to be shut out? Everything, with when; up to its end.

use anyhow::Result;
use events::{Position, RoomId};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::scene::Scene;
use crate::{
    chaos::{hearing::until_served, person::Person},
    client::{Closed, Follow, Frame, Socket},
};

/// Of a socket that catches up the kernel keeps little, so that the rest waits in the service.
const NARROW_BYTES: u32 = 4 << 10;
/// What it hears of its past before it stops to listen until its person is shut out.
const HEARD_BEFORE: usize = 20;
/// What has not ended so long after it was to has not ended.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A frame, as far as it is judged.
pub(super) struct Noted {
    pub(super) at: Instant,
    pub(super) t: String,
    /// Which room it is of, or tells of.
    pub(super) room: Option<RoomId>,
    pub(super) p: Option<Position>,
    reason: Option<String>,
}

/// What a socket heard.
pub(super) struct Heard {
    pub(super) frames: Vec<Noted>,
    /// How it ended, unless by what it was to hear to.
    pub(super) closed: Option<Closed>,
    /// It heard what it was to hear to.
    pub(super) is_through: bool,
    /// It was read all the time.
    pub(super) is_read: bool,
    is_caught_up: bool,
    heads: BTreeMap<RoomId, u64>,
}

/// A socket that is open. It catches up where it was not to listen yet.
pub(super) struct Ear {
    socket: Socket,
    heard: Heard,
    listens: Option<CancellationToken>,
}

impl Ear {
    /// Hears what happens in these rooms from now on.
    pub(super) async fn live(scene: &Scene, on: usize, who: &Person, rooms: [RoomId; 2], since: &str) -> Result<Self> {
        let follow = rooms.map(|room| Follow { room, seq: None });
        until_served(async || {
            let (mut socket, _) = Socket::open(&scene.queries[on]).await?;
            socket.identify(&who.access, &follow, Some(since)).await?;
            Self::of(socket, None).hears_until(|frame, _| frame.t == "caught_up").await
        })
        .await
    }

    /// Has missed much of the first room, and stops to listen in the midst of it, until it is told to go on.
    pub(super) async fn behind(
        scene: &Scene,
        on: usize,
        who: &Person,
        follow: [Follow; 2],
        since: &str,
        go_on: CancellationToken,
    ) -> Result<Self> {
        until_served(async || {
            let mut socket = Socket::narrow(&scene.queries[on], NARROW_BYTES).await?;
            socket.identify(&who.access, &follow, Some(since)).await?;
            Self::of(socket, Some(go_on.clone())).hears_until(|_, heard| heard.frames.len() >= HEARD_BEFORE).await
        })
        .await
    }

    fn of(socket: Socket, listens: Option<CancellationToken>) -> Self {
        let (frames, heads) = (Vec::new(), BTreeMap::new());
        let is_read = listens.is_none();
        let heard = Heard { frames, closed: None, is_through: false, is_read, is_caught_up: false, heads };
        Self { socket, heard, listens }
    }

    async fn hears_until(mut self, is_enough: impl Fn(&Frame, &Heard) -> bool) -> Result<Self, Closed> {
        loop {
            let frame = self.socket.frame().await?;
            self.heard.note(&frame);
            if is_enough(&frame, &self.heard) {
                return Ok(self);
            }
        }
    }

    /// Where the room was when it was opened.
    pub(super) fn head(&self, room: RoomId) -> u64 {
        self.heard.heads.get(&room).copied().unwrap_or_default()
    }

    /// Hears until the socket is closed, or these words are said in this room.
    pub(super) async fn hears(mut self, lobby: RoomId, words: &str) -> Heard {
        if let Some(listens) = self.listens.take() {
            listens.cancelled().await;
        }
        let hearing = async {
            loop {
                match self.socket.frame().await {
                    Ok(frame) => {
                        self.heard.note(&frame);
                        if frame.room == Some(lobby) && frame.posted().is_some_and(|(_, said)| said == words) {
                            self.heard.is_through = true;
                            break;
                        }
                    }
                    Err(closed) => {
                        self.heard.closed = Some(closed);
                        break;
                    }
                }
            }
        };
        // Without an end it is judged as what it is.
        let _ = timeout(ENDS_WITHIN, hearing).await;
        self.heard
    }
}

impl Heard {
    fn note(&mut self, frame: &Frame) {
        self.is_caught_up |= frame.t == "caught_up";
        if frame.t == "ready" {
            self.heads = frame.heads();
        }
        let told = || frame.d["room"].as_str().and_then(|room| room.parse().ok());
        self.frames.push(Noted {
            at: Instant::now(),
            t: frame.t.clone(),
            room: frame.room.or_else(told),
            p: frame.p.as_deref().and_then(|p| p.parse().ok()),
            reason: frame.d["reason"].as_str().map(str::to_owned),
        });
    }

    /// It ended, or lost the room, before it had caught up with it.
    pub(super) fn was_catching_up(&self, room: RoomId) -> bool {
        match self.gone(room).next() {
            Some(gone) => gone.reason.as_deref() == Some("not-a-member"),
            None => !self.is_caught_up,
        }
    }

    /// Where it was told that the room is lost.
    pub(super) fn gone(&self, room: RoomId) -> impl Iterator<Item = &Noted> {
        self.frames.iter().filter(move |frame| frame.t == "room_gone" && frame.room == Some(room))
    }
}
