//! How does one client hear? Over one socket after the other, each cut somewhere, now to the one instance, now to the other.

use anyhow::{Context, Result, bail};
use events::RoomId;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    LiveReport,
    fold::{Came, Held, Told, read},
    spoiled::{Ears, Spoiled},
    stage::Scene,
};
use crate::{
    chaos::person::Person,
    client::{Api, Closed, Follow, Frame, Outcome, Socket},
};

/// A socket is cut after up to so many frames, or after a while in which there were not as many.
const FRAMES_MAX: u32 = 60;
const HEARS_FOR_MAX: Duration = Duration::from_millis(400);
/// When nobody is there.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long the end may take: the servers have just come back.
const END_WITHIN: Duration = Duration::from_secs(120);
/// The end of a play, read: the read model has to be there.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// Violations that are told in words; further ones are counted.
const NAMED_MAX: usize = 20;

pub(super) struct Listener {
    scene: Scene,
    person: Person,
    draw: StdRng,
    sabotage: Option<Spoiled>,
    ears: Ears,
    rooms: BTreeMap<RoomId, Held>,
    /// Where it was last, with all rooms caught up.
    position: Option<String>,
    heard: Heard,
}

/// What one client heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    frames: u64,
    resets: BTreeMap<String, u64>,
    missed: u64,
    repeated: u64,
    different: u64,
    unheard: u64,
    named: Vec<String>,
}

impl Heard {
    pub(super) fn tell(self, report: &mut LiveReport) {
        report.frames += self.frames;
        for (reason, times) in self.resets {
            *report.resets.entry(reason).or_default() += times;
        }
        report.missed += self.missed;
        report.repeated += self.repeated;
        report.different += self.different;
        report.unheard += self.unheard;
        report.named.extend(self.named);
        report.named.truncate(NAMED_MAX);
    }

    fn named(&mut self, what: impl FnOnce() -> String) {
        if self.named.len() < NAMED_MAX {
            self.named.push(what());
        }
    }
}

/// When a connection ends by us.
enum Until {
    Cut {
        frames: u32,
        at: Instant,
    },
    /// Every room is at its head.
    End(BTreeMap<RoomId, u64>),
}

impl Listener {
    pub(super) fn new(scene: Scene, person: Person, seed: u64, sabotage: Option<Spoiled>) -> Self {
        let rooms = scene.rooms.iter().map(|room| (*room, Held::default())).collect();
        let (draw, heard) = (StdRng::seed_from_u64(seed), Heard::default());
        Self { scene, person, draw, sabotage, ears: Ears::default(), rooms, position: None, heard }
    }

    /// Hears, and is cut, until that is over; then hears to the end, and compares with a fresh read.
    pub(super) async fn hears(mut self, resumes: Arc<AtomicU64>, over: CancellationToken) -> Result<Heard> {
        while !over.is_cancelled() {
            let frames = self.draw.random_range(1..=FRAMES_MAX);
            let at = Instant::now() + self.draw.random_range(Duration::ZERO..=HEARS_FOR_MAX);
            match self.listens(Until::Cut { frames, at }, None).await {
                Ok(()) => _ = resumes.fetch_add(1, Ordering::Relaxed),
                Err(Closed::Refused(..) | Closed::Cut(_) | Closed::Code(..)) => sleep(AGAIN_AFTER).await,
            }
        }
        let end = self.scene.end.wait_for(Option::is_some).await.context("an end")?.clone().flatten();
        let Some(end) = end else { return Ok(self.heard) };
        // The end comes as it is: what was spoiled before is noticed by now, or by what is held.
        self.sabotage = None;
        if timeout(END_WITHIN, self.hears_to(&end)).await.is_err() {
            self.heard.unheard += 1;
            self.heard.named(|| format!("the end was not heard within {END_WITHIN:?}"));
            return Ok(self.heard);
        }
        for room in self.scene.rooms.clone().iter() {
            self.compares(*room, &end).await?;
        }
        Ok(self.heard)
    }

    async fn hears_to(&mut self, end: &str) {
        while let Err(_again) = self.listens(Until::End(BTreeMap::new()), Some(end)).await {
            sleep(AGAIN_AFTER).await;
        }
    }

    /// One connection, which has said who it is; to whichever instance.
    async fn listens(&mut self, until: Until, end: Option<&str>) -> Result<(), Closed> {
        let api = self.scene.queries[self.draw.random_range(0..2)].clone();
        let (mut socket, _) = Socket::open(&api).await?;
        // Now and then the position alone says where to go on, else each room's own number.
        let by_position = end.is_none() && self.draw.random_bool(0.3);
        let resume = if by_position { self.position.clone() } else { None };
        let follow: Vec<Follow> = match &resume {
            Some(_) => self.rooms.keys().map(|room| Follow { room: *room, seq: None }).collect(),
            None => self.rooms.iter().map(|(room, held)| Follow { room: *room, seq: Some(held.seq) }).collect(),
        };
        // At the beginning somebody who has just joined waits until this instance has heard of it.
        let position = resume.as_deref().or(end).unwrap_or(&self.scene.since);
        socket.identify(&self.person.access, &follow, Some(position)).await?;
        let outcome = self.follows(&mut socket, &api, until).await;
        // Cut, without a goodbye.
        drop(socket);
        outcome
    }

    async fn follows(&mut self, socket: &mut Socket, api: &Api, mut until: Until) -> Result<(), Closed> {
        self.ears.connects();
        let mut frames = 0;
        // Until all is caught up, a position says nothing of the other rooms.
        self.position = None;
        let mut is_caught_up = false;
        loop {
            let frame = match &until {
                Until::Cut { frames: max, at } => {
                    if frames >= *max {
                        return Ok(());
                    }
                    match tokio::time::timeout_at(*at, socket.frame()).await {
                        Ok(frame) => frame?,
                        Err(_) => return Ok(()),
                    }
                }
                Until::End(heads) if is_caught_up && self.is_at(heads) => return Ok(()),
                Until::End(_) => socket.frame().await?,
            };
            frames += 1;
            let heard = match self.sabotage {
                Some(sabotage) => sabotage.spoil(frame, &mut self.ears),
                None => vec![frame],
            };
            for frame in heard {
                match frame.t.as_str() {
                    "ready" => {
                        if let Until::End(heads) = &mut until {
                            *heads = frame.heads();
                        }
                    }
                    "caught_up" => {
                        is_caught_up = true;
                        self.position = frame.d["p"].as_str().map(str::to_owned);
                    }
                    "reset" => self.is_reset(api, &frame.d).await?,
                    _ => self.takes(&frame, is_caught_up),
                }
            }
        }
    }

    fn takes(&mut self, frame: &Frame, is_caught_up: bool) {
        let (Some(room), Some(seq)) = (frame.room, frame.seq) else { return };
        let Some(held) = self.rooms.get_mut(&room) else { return };
        self.heard.frames += 1;
        let before = held.seq;
        match held.take(frame, seq) {
            Came::InOrder => {}
            Came::Missing(count) => {
                self.heard.missed += count;
                self.heard.named(|| format!("{room}: {seq} came after {before}"));
            }
            Came::Again => {
                self.heard.repeated += 1;
                self.heard.named(|| format!("{room}: {seq} came again after {before}"));
            }
        }
        if is_caught_up {
            self.position.clone_from(&frame.p);
        }
    }

    fn is_at(&self, heads: &BTreeMap<RoomId, u64>) -> bool {
        self.rooms.iter().all(|(room, held)| heads.get(room).is_some_and(|head| held.seq >= *head))
    }

    /// The room is read anew, at this position or later, and goes on from its head.
    async fn is_reset(&mut self, api: &Api, d: &Value) -> Result<(), Closed> {
        let reason = d["reason"].as_str().unwrap_or_default().to_owned();
        *self.heard.resets.entry(reason).or_default() += 1;
        let room = d["room"].as_str().and_then(|room| room.parse().ok());
        let (Some(room), Some(head), Some(p)) = (room, d["head"].as_u64(), d["p"].as_str()) else {
            return Err(Closed::Cut(format!("a reset that says nothing: {d}")));
        };
        let read = self.reads(api, room, p).await.map_err(|why| Closed::Cut(format!("{why:#}")))?;
        if let Some(held) = self.rooms.get_mut(&room) {
            held.load(head, read.into_iter().map(|(id, (told, _))| (id, told)).collect());
        }
        Ok(())
    }

    /// Every message of a room, and how often it was reacted to with what.
    async fn reads(
        &self,
        api: &Api,
        room: RoomId,
        at_least: &str,
    ) -> Result<BTreeMap<String, (Told, BTreeMap<String, u64>)>> {
        let mut all = BTreeMap::new();
        let mut path = format!("/v1/rooms/{room}/messages?limit=50");
        loop {
            let ask = self.person.reads(&path, at_least);
            let page = Outcome::of(api.send(ask).await).applied()?.value();
            let items = page["items"].as_array().context("a page has items")?;
            for item in items {
                let counts =
                    item["reactions"].as_array().into_iter().flatten().filter_map(|reaction| {
                        Some((reaction["emoji"].as_str()?.to_owned(), reaction["count"].as_u64()?))
                    });
                all.insert(item["id"].as_str().unwrap_or_default().to_owned(), (read(item), counts.collect()));
            }
            if page["page"]["has_more_before"] == false {
                return Ok(all);
            }
            let prev = page["page"]["prev"].as_str().context("there is more")?;
            path = format!("/v1/rooms/{room}/messages?limit=50&before={prev}");
        }
    }

    /// What the client holds of a room is what a fresh read says.
    async fn compares(&mut self, room: RoomId, end: &str) -> Result<()> {
        let deadline = Instant::now() + READ_WITHIN;
        let fresh = loop {
            match self.reads(&self.scene.queries[0].clone(), room, end).await {
                Ok(fresh) => break fresh,
                Err(why) if Instant::now() > deadline => bail!("reading {room} to the end: {why:#}"),
                Err(_) => sleep(AGAIN_AFTER).await,
            }
        };
        let held = &self.rooms[&room].messages;
        let mut wrong = Vec::new();
        for id in fresh.keys().chain(held.keys().filter(|id| !fresh.contains_key(*id))) {
            match (held.get(id), fresh.get(id)) {
                (Some(told), Some((read, counts))) if is_same(told, read, counts) => {}
                (told, read) => wrong.push(format!("{room}: {id} is held as {told:?}, and read as {read:?}")),
            }
        }
        self.heard.different += wrong.len() as u64;
        for what in wrong {
            self.heard.named(|| what);
        }
        Ok(())
    }
}

/// Who reacted is not known of a room that was loaded anew.
fn is_same(told: &Told, read: &Told, counts: &BTreeMap<String, u64>) -> bool {
    let is_text = told.is_to_be_read || told.text == read.text;
    let is_count = told.status != "visible" || told.counts().is_none_or(|told| told == *counts);
    told.status == read.status && told.author == read.author && is_text && is_count
}
