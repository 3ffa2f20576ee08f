//! What does a delivery cost? A room's sockets beside as many plain connections that are written bytes which are ready, and
//! eight messages in one go beside one: P5 and P5b.

use anyhow::{Context, Result};
use bytes::Bytes;
use std::{cell::Cell, time::Duration};
use tokio::{sync::Mutex, time::Instant};

use super::{
    BenchArgs,
    bed::{Bed, Readers},
    company::Company,
    cpu,
    crowd::{Crowd, SOCKETS_PER_PERSON},
    goal::{Better, Goal},
    listener,
    poster::TEXT,
    sink::Sink,
    turns,
};

/// Sockets, unless told otherwise, and in the short form.
const SOCKETS: u32 = 1_000;
const SOCKETS_SHORT: u32 = 200;
/// Messages that are ready at once, the goal of each, and so many times more deliveries a turn: each costs less.
const READY: [(usize, &str, u32); 3] = [(1, "P5.1", 1), (8, "P5.8", 2), (32, "P5.32", 4)];

/// Measures all of them; in the short form P5b alone.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let sockets = args.sockets.unwrap_or(if args.short { SOCKETS_SHORT } else { SOCKETS }) as usize;
    let company = Company::gather(bed, 1, sockets.div_ceil(SOCKETS_PER_PERSON)).await?;
    let readers = bed.readers().await?;
    company.is_known(readers.listen).await?;
    let pressure = cpu::pressure();
    let mut goals = Vec::new();
    if !args.short {
        for (ready, name, times) in READY {
            let deliveries = args.deliveries.saturating_mul(times);
            let ours = Room::open(&company, &readers, sockets).await?;
            // What a frame looks like is known once one has been heard.
            ours.deliver(1, sockets as u32).await?;
            let plain = Plain::open(&ours, sockets).await?;
            let runs = turns::take(args, name, || ours.deliver(ready, deliveries), || plain.deliver(ready, deliveries))
                .await?;
            goals.push(Goal {
                name,
                what: match ready {
                    1 => "CPU of a delivery (query service) ÷ of pre-framed bytes to a plain connection, 1 message a write",
                    8 => "the same, 8 messages ready at once",
                    _ => "the same, 32 messages ready at once",
                },
                must: 1.4,
                aim: 1.15,
                ..goal(turns::means(&runs, |cost| *cost), pressure)
            });
        }
    }
    let room = Room::open(&company, &readers, sockets).await?;
    let (eight, one) = (|| room.deliver(8, args.deliveries), || room.deliver(1, args.deliveries));
    let runs = turns::take(args, "eight messages at once beside one", eight, one).await?;
    bed.is_whole()?;
    goals.push(goal(turns::means(&runs, |cost| *cost), pressure));
    Ok(goals)
}

fn goal(runs: Vec<[f64; 2]>, pressure: f64) -> Goal {
    Goal {
        name: "P5b",
        what: "CPU of a delivery (query service) with 8 messages ready at once ÷ with 1",
        unit: "ns",
        better: Better::Less,
        must: 0.3,
        aim: 0.2,
        runs,
        pressure,
        is_skipped: false,
        // What is not heard, or not in order, has failed the run before.
        lost: 0,
    }
}

/// Sockets that all hear one room.
pub(super) struct Room<'a> {
    company: &'a Company,
    query_service: u32,
    pub(super) crowd: Mutex<Crowd>,
}

impl<'a> Room<'a> {
    pub(super) async fn open(company: &'a Company, readers: &Readers, sockets: usize) -> Result<Self> {
        let crowd = Crowd::open(readers.listen, &company.people, &[company.room()], sockets).await?;
        Ok(Self { company, query_service: readers.query_service, crowd: Mutex::new(crowd) })
    }

    /// Nanoseconds of the query service for one delivery, where so many messages are said at once, and again when
    /// everybody has heard them.
    async fn deliver(&self, ready: usize, deliveries: u32) -> Result<f64> {
        self.say(TEXT, ready, deliveries).await
    }

    /// As [`Room::deliver`], of any text.
    pub(super) async fn say(&self, text: &str, ready: usize, deliveries: u32) -> Result<f64> {
        let mut crowd = self.crowd.lock().await;
        crowd.beat().await?;
        let rounds = rounds(crowd.len(), ready, deliveries);
        let before = cpu::used(&[self.query_service])?;
        for _ in 0..rounds {
            crowd.will_hear(ready, Instant::now());
            self.company.say(text, ready).await?;
            crowd.tally.all_is_heard().await?;
        }
        Ok(each(cpu::used(&[self.query_service])? - before, rounds * ready * crowd.len()))
    }
}

/// As many plain connections.
struct Plain {
    crowd: Crowd,
    sink: Sink,
    /// A frame up to its number.
    frame: Vec<u8>,
    said: Cell<u64>,
}

impl Plain {
    async fn open(room: &Room<'_>, sockets: usize) -> Result<Self> {
        let frame = room.crowd.lock().await.tally.sample().context("a frame that was heard")?.to_vec();
        let (crowd, ends) = Crowd::plain(sockets, 1).await?;
        Ok(Self { crowd, sink: Sink::start(ends)?, frame, said: Cell::new(0) })
    }

    async fn deliver(&self, ready: usize, deliveries: u32) -> Result<f64> {
        let rounds = rounds(self.crowd.len(), ready, deliveries);
        let before = self.sink.used()?;
        for _ in 0..rounds {
            let batch = (0..ready).map(|_| self.next()).collect();
            self.crowd.will_hear(ready, Instant::now());
            self.sink.write(batch)?;
            self.crowd.tally.all_is_heard().await?;
        }
        Ok(each(self.sink.used()? - before, rounds * ready * self.crowd.len()))
    }

    fn next(&self) -> Bytes {
        self.said.set(self.said.get() + 1);
        numbered(&self.frame, self.said.get())
    }
}

/// The bytes of a frame like this one, with this number.
pub(super) fn numbered(frame: &[u8], seq: u64) -> Bytes {
    let mut payload = frame.to_vec();
    payload.extend(format!("{seq}}}").as_bytes());
    listener::told(&payload).into()
}

fn rounds(listeners: usize, ready: usize, deliveries: u32) -> usize {
    (deliveries as usize).div_ceil(listeners * ready)
}

fn each(used: Duration, deliveries: usize) -> f64 {
    used.as_secs_f64() * 1e9 / deliveries as f64
}
