//! Do the others hear who was put out, and all else? Somebody who is in all rooms, and listens to the end.

use anyhow::{Context, Result};
use events::RoomId;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::{Duration, timeout};

use super::{
    one::Revoked,
    scene::{END, Scene},
};
use crate::{
    chaos::{person::Person, verdict::Verdict},
    client::{Closed, Follow, Socket, beats},
};

const HEARD: &str = "the others hear of each kick and ban";
const DENSE: &str = "the others hear every number of their rooms, once and in order";
/// A play that takes longer than its tokens is over.
const ENDS_WITHIN: Duration = Duration::from_mins(14);

pub(super) struct Witness {
    socket: Socket,
    heads: BTreeMap<RoomId, u64>,
    /// Who was put out of which room, and how.
    out: BTreeSet<(RoomId, String, String)>,
    numbers: u64,
    wrong: Vec<String>,
    instance: usize,
}

impl Witness {
    pub(super) async fn listens(scene: &Scene, instance: usize) -> Result<Self> {
        let person = Person::guest(&scene.commands).await?;
        let mut since = String::new();
        for room in scene.rooms.iter() {
            let joined = scene.commands.insist(person.joins(*room)).await.applied().context("joining")?;
            since = joined.value()["position"].as_str().context("a position")?.to_owned();
        }
        let follow: Vec<Follow> = scene.rooms.iter().map(|room| Follow { room: *room, seq: None }).collect();
        let (mut socket, _) = Socket::open(&scene.queries[instance]).await?;
        socket.identify(&person.access, &follow, Some(&since)).await?;
        let mut heads = BTreeMap::new();
        loop {
            let frame = socket.frame().await?;
            match (frame.t.as_str(), frame.room, frame.seq) {
                ("ready", ..) => heads = frame.heads(),
                ("caught_up", ..) => break,
                // Somebody spoke since he joined.
                (_, Some(room), Some(seq)) => _ = heads.insert(room, seq),
                _ => {}
            }
        }
        Ok(Self { socket, heads, out: BTreeSet::new(), numbers: 0, wrong: Vec::new(), instance })
    }

    pub(super) async fn hears_to_the_end(mut self) -> Result<Self> {
        let hearing = timeout(ENDS_WITHIN, self.hears()).await;
        hearing.context("a witness does not hear the end")??;
        Ok(self)
    }

    async fn hears(&mut self) -> Result<(), Closed> {
        let mut open: BTreeSet<RoomId> = self.heads.keys().copied().collect();
        let mut due = beats();
        while !open.is_empty() {
            let frame = self.socket.attends(&mut due).await?;
            let (Some(room), Some(seq)) = (frame.room, frame.seq) else { continue };
            let head = self.heads.entry(room).or_default();
            self.numbers += 1;
            if seq != *head + 1 {
                self.wrong.push(format!("{seq} came after {head} in {room} on instance {}", self.instance));
            }
            *head = seq;
            if frame.posted().is_some_and(|(_, words)| words == END) {
                open.remove(&room);
            }
            if let Some(user) = frame.d["user"].as_str().filter(|_| frame.t.starts_with("member.")) {
                self.out.insert((room, user.to_owned(), frame.t));
            }
        }
        Ok(())
    }

    pub(super) fn judge(self, revoked: &[Revoked], verdict: &mut Verdict) {
        verdict.counts(DENSE, self.numbers, self.wrong.len() as u64);
        self.wrong.into_iter().for_each(|words| verdict.names(words));
        for one in revoked {
            if let Some(heard_as) = one.way.heard_as() {
                let wanted = (one.room, one.user.to_string(), heard_as.to_owned());
                verdict.holds(HEARD, self.out.contains(&wanted), || format!("{wanted:?}"));
            }
        }
    }
}
