//! Who goes on while things break? Clients that ask one after the other, each again with its key until the answer is
//! certain.

use anyhow::{Context, Result, bail};
use events::RoomId;
use futures::future::try_join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    book::Book,
    deed::{Deed, Done, End},
};
use crate::{
    chaos::{instance::Instance, person::Person, sabotage::Sabotage},
    client::{Outcome, Wait},
    progress::Progress,
};

/// Rooms that each client has still to join.
const ROOMS_TO_JOIN: usize = 24;
/// A command is repeated until it is certain what became of it, for less than a minute: a key that is older is looked up
/// in a read model, and there is none.
const CERTAIN_WITHIN: Duration = Duration::from_secs(50);
/// Of a log that breaks a rule less is expected: some commands never have a certain answer then.
const CERTAIN_WITHIN_SABOTAGED: Duration = Duration::from_secs(15);
/// Between two repeats. Less than the service asks for: the impatient have the same right to be answered truly.
const AGAIN_AFTER_MS: std::ops::RangeInclusive<u64> = 20..=200;
/// Commands that are applied between two faults, and after the last.
const BETWEEN_FAULTS: u64 = 100;
/// More than a crowd begins within all of them.
const COMMANDS_MAX: u64 = 10_000_000;
/// What a 5xx says that is certain. Of those who read it at their first try half take its word and do not repeat.
const NOTHING_DONE: &str = "Nothing was done.";

/// Who comes.
pub(in crate::chaos) struct Gather<'a> {
    /// The part's name and place: no two parts say the same, or have a number in common.
    pub(in crate::chaos) part: &'static str,
    pub(in crate::chaos) number: u8,
    pub(in crate::chaos) clients: u16,
    pub(in crate::chaos) seed: u64,
    /// Where the stage is set, undisturbed.
    pub(in crate::chaos) calm: &'a Instance,
    /// Through what they ask: each through one, and its repeats through the next.
    pub(in crate::chaos) ways: Vec<Arc<Instance>>,
    /// What is broken on purpose.
    pub(in crate::chaos) sabotage: Option<Sabotage>,
}

/// People who are ready to act.
pub(in crate::chaos) struct Crowd {
    clients: Vec<Client>,
}

struct Client {
    person: Person,
    /// `part client`: the beginning of all that it says.
    name: String,
    phones: String,
    phone: String,
    hall: RoomId,
    outside: RoomId,
    to_join: Vec<RoomId>,
    ways: Vec<Arc<Instance>>,
    certain_within: Duration,
    draw: StdRng,
    deeds: u32,
}

impl Gather<'_> {
    /// Registers everybody, opens the rooms, and lets all into the first of them.
    pub(in crate::chaos) async fn crowd(self) -> Result<Crowd> {
        let Self { part, number, clients, seed, calm, ways, sabotage } = self;
        let certain_within = sabotage.map_or(CERTAIN_WITHIN, |_| CERTAIN_WITHIN_SABOTAGED);
        let owner = Person::registered(calm, &format!("+4915{number}00000000")).await?;
        let hall = owner.opens_room(calm).await?;
        let outside = owner.opens_room(calm).await?;
        let to_join = try_join_all((0..ROOMS_TO_JOIN).map(|_| owner.opens_room(calm))).await?;
        let client = |n: u16| {
            let (to_join, ways) = (to_join.clone(), ways.clone());
            async move {
                let phone = format!("+4917{number}{n:08}");
                let person = Person::registered(calm, &phone).await?;
                calm.insist(person.joins(hall)).await.applied().context("joining the hall")?;
                let mut ways = ways;
                let first = usize::from(n) % ways.len();
                ways.rotate_left(first);
                anyhow::Ok(Client {
                    person,
                    name: format!("{part} {n}"),
                    phones: format!("+4916{number}{n:03}"),
                    phone,
                    hall,
                    outside,
                    to_join,
                    ways,
                    certain_within,
                    draw: StdRng::seed_from_u64(seed ^ u64::from(number) << 32 ^ u64::from(n)),
                    deeds: 0,
                })
            }
        };
        Ok(Crowd { clients: try_join_all((0..clients).map(client)).await? })
    }
}

impl Crowd {
    /// Acts until `commands` were begun or `enough` is said, and each that was begun has ended. Dropped, all stop in the
    /// middle of it.
    pub(in crate::chaos) async fn act(self, book: Arc<Book>, commands: u64, enough: &CancellationToken) -> Result<()> {
        let begun = Arc::new(AtomicU64::new(0));
        let mut acting = JoinSet::new();
        for mut client in self.clients {
            let (book, begun, enough) = (Arc::clone(&book), Arc::clone(&begun), enough.clone());
            acting.spawn(async move {
                while !enough.is_cancelled() && begun.fetch_add(1, Ordering::Relaxed) < commands {
                    let deed = client.thinks_of();
                    book.note(client.insists_on(&deed).await);
                }
            });
        }
        while let Some(ended) = acting.join_next().await {
            if let Err(why) = ended {
                bail!("a client of the crowd ended: {why}");
            }
        }
        Ok(())
    }

    /// Acts while something breaks so often: whenever it goes on again, and until it goes on after the last time. Gives how
    /// often it broke before all was stopped.
    pub(in crate::chaos) async fn goes_through(
        self,
        part: &'static str,
        times: u64,
        stop: &CancellationToken,
        mut fault: impl AsyncFnMut(&Book) -> Result<()>,
    ) -> Result<(Arc<Book>, u64)> {
        let (book, progress) = (Arc::new(Book::default()), Progress::of(part, times, 0));
        let enough = stop.child_token();
        let faults = async {
            let _enough = enough.clone().drop_guard();
            let mut played = 0;
            loop {
                book.goes_on_by(BETWEEN_FAULTS, stop).await?;
                if played == times || stop.is_cancelled() {
                    return anyhow::Ok(played);
                }
                fault(&book).await?;
                played += 1;
                progress.at(played);
            }
        };
        // What cannot be broken or mended ends all of it at once.
        let ((), played) = tokio::try_join!(self.act(Arc::clone(&book), COMMANDS_MAX, &enough), faults)?;
        Ok((book, played))
    }
}

impl Client {
    fn thinks_of(&mut self) -> Deed {
        self.deeds += 1;
        let what = format!("{}/{}", self.name, self.deeds);
        match self.draw.random_range(0..100) {
            0..70 => Deed::Says { room: self.hall, text: what },
            70..80 => match self.to_join.pop() {
                Some(room) => Deed::Joins { room },
                None => Deed::Says { room: self.hall, text: what },
            },
            80..86 => Deed::Registers { phone: format!("{}{:05}", self.phones, self.deeds), name: what },
            86..92 => Deed::Founds { name: what },
            92..97 => Deed::Trespasses { room: self.outside, text: what },
            _ => Deed::Steals { phone: self.phone.clone(), name: what },
        }
    }

    async fn insists_on(&mut self, deed: &Deed) -> Done {
        let (key, deadline) = (Uuid::now_v7().to_string(), Instant::now() + self.certain_within);
        let mut repeats = 0;
        let end = loop {
            let way = &self.ways[repeats as usize % self.ways.len()];
            let why = match way.send(deed.ask(&self.person, &key)).await {
                Outcome::Applied(answer) => break deed.applied(&answer),
                Outcome::Refused(refusal) if refusal.wait() != Wait::Never => refusal.to_string(),
                Outcome::Refused(refusal) if deed.is_allowed() => break End::Wronged(refusal.to_string()),
                Outcome::Refused(refusal) => break End::Refused(refusal.code),
                Outcome::Unknown { why, .. } if repeats == 0 && why.ends_with(NOTHING_DONE) && self.draw.random() => {
                    break End::Refused(why);
                }
                Outcome::Unknown { why, .. } => why,
            };
            if Instant::now() > deadline {
                break End::Open(why);
            }
            repeats += 1;
            tokio::time::sleep(Duration::from_millis(self.draw.random_range(AGAIN_AFTER_MS))).await;
        };
        Done { traces: deed.traces(&self.person), end, repeats }
    }
}
