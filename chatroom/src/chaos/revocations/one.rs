//! How is one person shut out, and what came of it? Sockets on both instances, one of which still catches up, hear it out.

use anyhow::{Result, bail};
use events::{Position, RoomId, UserId};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    ear::{Ear, Heard, Noted},
    scene::Scene,
    way::Way,
};
use crate::{
    chaos::{person::Person, verdict::Verdict},
    client::{Closed, Follow, Socket},
};

/// What is promised: so long after the answer nothing is told any more, and nobody is let in.
const OVER_WITHIN: Duration = Duration::from_secs(1);
/// How long somebody who comes back may be kept waiting for what becomes of him.
const CERTAIN_WITHIN: Duration = Duration::from_secs(30);
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The one promise that is about time, of sockets that read: what waits for one that does not, waits for it.
pub const LATE: &str = "nothing comes later than 1 s after the answer";
const BEYOND: &str = "nothing comes that happened from the revocation on";
const TOLD: &str = "whoever is put out of a room is told so once on each socket";
const CLOSED: &str = "a socket is closed with its documented code";
const LET_IN: &str = "nobody comes back with what was revoked";

/// Somebody who was shut out, and what his sockets heard.
pub(super) struct Revoked {
    pub(super) way: Way,
    pub(super) room: RoomId,
    pub(super) user: UserId,
    /// Where it stands in the log.
    at: Option<Position>,
    answered: Instant,
    pub(super) ears: Vec<Heard>,
    /// What became of him when he came back.
    back: Back,
}

enum Back {
    Closed(Closed),
    /// He is let in, and the room is told to be lost, or not.
    In {
        is_gone: bool,
    },
}

/// Plays one; his third socket catches up on this instance, and he comes back on the other one.
pub(super) async fn revoke(scene: Scene, number: u32, way: Way, room: RoomId, instance: usize) -> Result<Revoked> {
    let rooms = [room, scene.lobby];
    let (victim, since) = way.comes(&scene, number, rooms).await?;
    let (person, go_on) = (&victim.person, CancellationToken::new());
    let one = Ear::live(&scene, 0, person, rooms, &since).await?;
    let two = Ear::live(&scene, 1, person, rooms, &since).await?;
    let missed = Some(one.head(room).saturating_sub(scene.behind));
    let follow = [Follow { room, seq: missed }, Follow { room: scene.lobby, seq: None }];
    let three = Ear::behind(&scene, instance, person, follow, &since, go_on.clone()).await?;

    // Heard in another room behind it, this says that what comes before it has been heard.
    let words = format!("{number} is over");
    let ears = [one, two, three].map(|ear| {
        let (lobby, words) = (scene.lobby, words.clone());
        tokio::spawn(async move { ear.hears(lobby, &words).await })
    });
    let at = way.happens(&scene, &victim, room).await?;
    let answered = Instant::now();
    go_on.cancel();
    scene.says(room, "and on it goes").await?;
    scene.says(scene.lobby, &words).await?;
    let ears = futures::future::try_join_all(ears).await?;
    sleep_until(answered + OVER_WITHIN).await;
    let back = comes_back(&scene, 1 - instance, person, room).await?;
    Ok(Revoked { way, room, user: person.id, at, answered, ears, back })
}

/// Until it is certain what becomes of him: a service that is behind sends clients away for a while.
async fn comes_back(scene: &Scene, instance: usize, person: &Person, room: RoomId) -> Result<Back> {
    let deadline = Instant::now() + CERTAIN_WITHIN;
    loop {
        match comes(scene, instance, person, room).await {
            Ok(is_gone) => return Ok(Back::In { is_gone }),
            Err(why) if why.is_for_good() => return Ok(Back::Closed(why)),
            Err(why) if Instant::now() > deadline => bail!("nothing becomes of who comes back: {why}"),
            Err(_) => sleep(AGAIN_AFTER).await,
        }
    }
}

/// Lets itself in; true where the room is lost, and nothing of it is heard.
async fn comes(scene: &Scene, instance: usize, person: &Person, room: RoomId) -> Result<bool, Closed> {
    let (mut socket, _) = Socket::open(&scene.queries[instance]).await?;
    socket.identify(&person.access, &[Follow { room, seq: Some(0) }], Some(&scene.since)).await?;
    let mut is_gone = false;
    loop {
        let frame = socket.frame().await?;
        is_gone |= frame.t == "room_gone";
        // One frame of the room would say that he is in it.
        if frame.t == "caught_up" || frame.room == Some(room) {
            return Ok(is_gone && frame.room.is_none());
        }
    }
}

impl Revoked {
    pub(super) fn catching_up(&self) -> usize {
        self.ears.iter().filter(|ear| ear.was_catching_up(self.room)).count()
    }

    /// What he was not to hear any more: of a room, or at all.
    fn lost<'a>(&'a self, ear: &'a Heard) -> impl Iterator<Item = &'a Noted> {
        let is_all = self.way.closes_with().is_some();
        ear.frames.iter().filter(move |frame| is_all || (frame.room == Some(self.room) && frame.t != "room_gone"))
    }

    /// How long after the answer the last of it came.
    pub(super) fn latest(&self) -> Option<Duration> {
        let all = self.ears.iter().filter(|ear| ear.is_read).flat_map(|ear| self.lost(ear));
        all.map(|frame| frame.at.saturating_duration_since(self.answered)).max()
    }

    pub(super) fn judge(&self, verdict: &mut Verdict) {
        for ear in &self.ears {
            self.judge_ear(ear, verdict);
        }
        let (is_kept, back) = match (&self.back, self.way.closes_with()) {
            (Back::Closed(_), Some(_)) | (Back::In { is_gone: true }, None) => (true, String::new()),
            (Back::Closed(why), None) => (false, format!("whose room alone is lost was {why}")),
            (Back::In { is_gone }, Some(_)) => (false, format!("he was let in, rooms lost: {is_gone}")),
            (Back::In { is_gone: false }, None) => (false, "he heard the room".to_owned()),
        };
        verdict.holds(LET_IN, is_kept, || format!("{} ({}): {back}", self.user, self.way.told()));
    }

    fn judge_ear(&self, ear: &Heard, verdict: &mut Verdict) {
        let who = || format!("{} ({})", self.user, self.way.told());
        for frame in self.lost(ear) {
            let after = frame.at.saturating_duration_since(self.answered);
            if ear.is_read {
                verdict.holds(LATE, after <= OVER_WITHIN, || format!("{} heard {} after {after:?}", who(), frame.t));
            }
            if let Some((at, p)) = self.at.zip(frame.p) {
                // Of a room that is lost even the loss itself is not told as the others hear it.
                let is_before = if self.way.closes_with().is_some() { p.seq <= at.seq } else { p.seq < at.seq };
                verdict.holds(BEYOND, is_before, || {
                    format!("{} heard {} of {}, and was out at {}", who(), frame.t, p.seq, at.seq)
                });
            }
        }
        match self.way.closes_with() {
            Some(code) => {
                let is_so = matches!(&ear.closed, Some(Closed::Code(closed, _)) if *closed == code);
                verdict.holds(CLOSED, is_so, || format!("{}: {:?}", who(), ear.closed));
            }
            None => {
                let times = ear.gone(self.room).count();
                verdict.holds(TOLD, times == 1 && ear.is_through, || {
                    format!("{}: told {times} times, at the end: {}, {:?}", who(), ear.is_through, ear.closed)
                });
            }
        }
    }
}
