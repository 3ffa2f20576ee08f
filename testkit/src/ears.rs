//! A socket that listens to one room, and holds that nothing is missing between two frames.

use crate::user::Known;
use chatroom::client::{Api, Closed, Follow, Frame, Session, Socket};
use events::RoomId;
use std::time::Duration;
use tokio::time::timeout;

/// How long a frame may take on a machine that is busy with other tests.
const HEARS_WITHIN: Duration = Duration::from_secs(20);

/// A socket on one room.
pub struct Ears {
    socket: Socket,
    room: RoomId,
    /// The number of the last frame of the room.
    pub seq: u64,
    /// Whether `seq` is certain: not before the first frame, where others acted while it was opened.
    certain: bool,
    /// What `ready` said.
    pub ready: Frame,
    known: Known,
}

impl Ears {
    /// From behind `seq`, else from behind `resume`, else from now. With `resume` the hub waits for that
    /// position: who has just joined is not sent away.
    pub(crate) async fn open(
        api: &Api,
        session: &Session,
        room: RoomId,
        seq: Option<u64>,
        resume: Option<&str>,
        known: &Known,
    ) -> Self {
        let (mut socket, _) = Socket::open(api).await.expect("a socket");
        let token = session.access_token().await.applied().expect("a token");
        socket.identify(&token, &[Follow { room, seq }], resume).await.expect("it is open");
        let ready = soon(&mut socket).await.expect("ready");
        assert_eq!(ready.t, "ready", "{ready:?}");
        let head = ready.d["rooms"][0]["head"].as_u64();
        let certain = seq.is_some() || resume.is_none();
        let seq = seq.or(head).unwrap_or_else(|| panic!("ready names no head: {ready:?}"));
        Self { socket, room, seq, certain, ready, known: known.clone() }
    }

    /// The next frame of the room; what is not of a room is passed over.
    pub async fn hears(&mut self) -> Frame {
        loop {
            let frame = self.next().await.expect("a frame");
            if frame.room != Some(self.room) {
                continue;
            }
            if let Some(seq) = frame.seq {
                let follows = if self.certain { seq == self.seq + 1 } else { seq <= self.seq + 1 };
                assert!(follows, "a frame is missing, or comes twice, after {}: {frame:?}", self.seq);
                (self.seq, self.certain) = (seq, true);
                return frame;
            }
        }
    }

    /// The next frame of this kind, of the room or not.
    pub async fn hears_of(&mut self, t: &str) -> Frame {
        loop {
            let frame = self.next().await.expect("a frame");
            if let (Some(seq), true) = (frame.seq, frame.room == Some(self.room)) {
                (self.seq, self.certain) = (seq, true);
            }
            if frame.t == t {
                return frame;
            }
        }
    }

    /// How the server ends it.
    pub async fn is_closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    async fn next(&mut self) -> Result<Frame, Closed> {
        let frame = soon(&mut self.socket).await?;
        if let (Some(position), Some(_)) = (&frame.p, frame.room) {
            self.known.saw(position);
        }
        Ok(frame)
    }

    /// The socket itself.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

async fn soon(socket: &mut Socket) -> Result<Frame, Closed> {
    timeout(HEARS_WITHIN, socket.frame()).await.expect("a frame, or an end, in time")
}
