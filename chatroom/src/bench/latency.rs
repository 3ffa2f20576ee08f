//! How soon is it heard? A post's way to its last socket beside a bare publish's to as many plain connections, and a room
//! with sockets that never read beside one without: P7 and P10.

use anyhow::{Result, bail};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    BenchArgs,
    bed::{Bed, Readers},
    company::Company,
    cpu,
    crowd::{self, Crowd, SOCKETS_PER_PERSON},
    fanout::{Room, numbered},
    goal::{Better, Goal},
    poster::{Poster, TEXT},
    raw::Publisher,
    sink::Sink,
    turns,
};

/// Sockets, unless told otherwise.
const SOCKETS: u32 = 200;
/// Of what can be delivered at most.
const LOAD: f64 = 0.2;
/// Messages of one turn at that load.
const PACED: u32 = 200;
/// One in so many sockets does not read.
const DEAF_ONE_IN: usize = 20;
/// Messages that are said at once where some do not read.
const READY: usize = 8;
/// The longest text there is: a socket that does not read is full within a turn, the kernel's buffers included.
const LONG: &str = "🎈";
const LONG_CHARS: usize = 4_000;

/// Measures both.
pub(super) async fn measure(bed: &Bed, args: &BenchArgs) -> Result<Vec<Goal>> {
    let sockets = args.sockets.unwrap_or(SOCKETS) as usize;
    // Whoever does not read is somebody else.
    let deaf = sockets.div_ceil(DEAF_ONE_IN);
    let people = sockets.div_ceil(SOCKETS_PER_PERSON);
    let company = Company::gather(bed, 1, people + deaf.div_ceil(SOCKETS_PER_PERSON)).await?;
    let readers = bed.readers().await?;
    company.is_known(readers.listen).await?;

    let pressure = cpu::pressure();
    let room = Room::open(&company, &readers, sockets).await?;
    let began = Instant::now();
    room.say(TEXT, READY, args.deliveries).await?;
    let at_most = f64::from(args.deliveries) / began.elapsed().as_secs_f64();
    let every = Duration::from_secs_f64(sockets as f64 / (at_most * LOAD));
    eprintln!("{at_most:.0} deliveries a second at most; {sockets} sockets have one every {every:?}");
    let poster = Poster::new(bed.listen, company.room(), company.people[0].user, &company.people[0].token);
    let reference = Reference::start(bed, &room, sockets).await?;
    let posts = || posted(&room, &poster, every);
    let publishes = || reference.published(every);
    let paced = turns::take(args, "posts beside bare publishes", posts, publishes).await?;

    let long = LONG.repeat(LONG_CHARS);
    let few = args.deliveries / 2;
    let some_are = || beside_deaf(&company, &readers, &room, &long, few, (people, deaf));
    let none_is = || saying(&room, &long, few);
    let beside = turns::take(args, "with sockets that do not read beside without", some_are, none_is).await?;
    bed.is_whole()?;

    let goal = |name, what, unit, (must, aim), runs, is_skipped| Goal {
        name,
        what,
        unit,
        better: Better::Less,
        must,
        aim,
        runs,
        pressure,
        is_skipped,
        // What is not heard, or not in order, has failed the run before.
        lost: 0,
    };
    let is_busy = pressure >= cpu::QUIET_PERCENT;
    Ok(vec![
        goal(
            "P7",
            "p99 from a post through HTTP to its sockets, at 20 % of saturation ÷ from a bare durable publish through a \
             bare ordered consumer to as many plain connections",
            "µs",
            (3.0, 1.5),
            turns::means(&paced, |p99| *p99),
            is_busy,
        ),
        goal(
            "P10",
            "CPU of a delivery (query service) beside 5 % of sockets that do not read ÷ without them",
            "ns",
            (1.3, 1.1),
            turns::means(&beside, |turn| turn.cpu),
            false,
        ),
        goal(
            "P10b",
            "p99 of a delivery beside 5 % of sockets that do not read ÷ without them",
            "µs",
            (1.3, 1.1),
            turns::means(&beside, |turn| turn.p99),
            is_busy,
        ),
    ])
}

/// Of posts, one after the other, at this pace.
async fn posted(room: &Room<'_>, poster: &Poster, every: Duration) -> Result<f64> {
    let mut crowd = room.crowd.lock().await;
    crowd.beat().await?;
    let mut connected = poster.connect().await?;
    paced(&crowd, every, async || connected.post().await.map(drop)).await
}

/// Microseconds that 99 % of the deliveries took at most, each from when it was to be sent.
async fn paced(crowd: &Crowd, every: Duration, mut send: impl AsyncFnMut() -> Result<()>) -> Result<f64> {
    crowd.tally.take_times();
    let began = Instant::now();
    for turn in 0..PACED {
        let due = began + every * turn;
        let is_early = Instant::now() < due;
        sleep_until(due).await;
        // A timer is late by up to a millisecond, which is nobody's fault; who still waits for the last one is late himself.
        crowd.will_hear(1, if is_early { Instant::now() } else { due });
        send().await?;
    }
    crowd.tally.all_is_heard().await?;
    Ok(p99(crowd.tally.take_times()))
}

fn p99(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let at = (took.len() * 99).div_ceil(100).saturating_sub(1);
    took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
}

/// What is possible: durable publishes, one ordered consumer, and plain connections that are written ready bytes.
struct Reference {
    publisher: Publisher,
    crowd: Mutex<Crowd>,
    _forwarding: AbortOnDropHandle<()>,
}

impl Reference {
    async fn start(bed: &Bed, room: &Room<'_>, sockets: usize) -> Result<Self> {
        let Some(frame) = room.crowd.lock().await.tally.sample().map(<[u8]>::to_vec) else {
            bail!("nothing was heard")
        };
        let publisher = Publisher::start(bed).await?;
        let (crowd, ends) = Crowd::plain(sockets, 1).await?;
        let sink = Sink::start(ends)?;
        let mut stored = Box::pin(publisher.hear().await?);
        let tally = Arc::clone(&crowd.tally);
        let forwarding = tokio::spawn(async move {
            for seq in 1.. {
                let written = match stored.next().await {
                    Some(Ok(())) => sink.write(vec![numbered(&frame, seq)]),
                    Some(Err(why)) => Err(why),
                    None => return,
                };
                if let Err(why) = written {
                    return tally.fails(why);
                }
            }
        });
        Ok(Self { publisher, crowd: Mutex::new(crowd), _forwarding: AbortOnDropHandle::new(forwarding) })
    }

    async fn published(&self, every: Duration) -> Result<f64> {
        let crowd = self.crowd.lock().await;
        paced(&crowd, every, async || self.publisher.publish(1, 1).await.map(drop)).await
    }
}

/// A turn of long messages.
#[derive(Clone, Copy)]
struct Turn {
    cpu: f64,
    p99: f64,
}

async fn saying(room: &Room<'_>, text: &str, deliveries: u32) -> Result<Turn> {
    room.crowd.lock().await.tally.take_times();
    let cpu = room.say(text, READY, deliveries).await?;
    Ok(Turn { cpu, p99: p99(room.crowd.lock().await.tally.take_times()) })
}

/// The same, while others hear the room and do not read what they are sent.
async fn beside_deaf(
    company: &Company,
    readers: &Readers,
    room: &Room<'_>,
    text: &str,
    deliveries: u32,
    (listening, deaf): (usize, usize),
) -> Result<Turn> {
    let others = crowd::deaf(readers.listen, &company.people[listening..], &[company.room()], deaf).await?;
    let turn = saying(room, text, deliveries).await;
    drop(others);
    turn
}
