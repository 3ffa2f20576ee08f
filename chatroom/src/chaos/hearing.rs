//! What does one socket hear of one room? Numbers without a hole, each with how long it took; and the rest when it comes back.

use anyhow::{Context, Result};
use events::RoomId;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{person::Person, verdict::Verdict};
use crate::client::{Api, Closed, Follow, Frame, Socket, beats};

/// What has not come so long after is lost.
const HEARS_WITHIN: Duration = Duration::from_secs(60);
const SERVED_WITHIN: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Also with everything else that the play does meanwhile.
const PLAYED_WITHIN: Duration = Duration::from_mins(10);

pub(super) struct Reader {
    socket: Socket,
    person: Person,
    room: RoomId,
    heard: Heard,
}

/// What it heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    first: u64,
    pub(super) last: u64,
    numbers: u64,
    /// Numbers that did not follow on.
    wrong: u64,
    caught_up: u64,
    resets: u64,
    /// Microseconds from post to reader, in each part of the play.
    pub(super) waits: [Vec<u32>; 3],
}

impl Heard {
    fn takes(&mut self, frame: &Frame) {
        self.caught_up += u64::from(frame.t == "caught_up");
        self.resets += u64::from(frame.t == "reset");
        let Some(seq) = frame.seq else { return };
        self.numbers += 1;
        self.wrong += u64::from(seq != self.last + 1);
        self.last = seq;
    }

    fn times(&mut self, frame: &Frame, begun: Instant) {
        let Some((_, words)) = frame.posted() else { return };
        let mut words = words.split(' ');
        let (part, micros) = (words.next().and_then(|part| part.parse::<usize>().ok()), words.next());
        if let (Some(waits), Some(at)) =
            (part.and_then(|part| self.waits.get_mut(part)), micros.and_then(|at| at.parse::<u128>().ok()))
        {
            waits.push(u32::try_from(begun.elapsed().as_micros().saturating_sub(at)).unwrap_or(u32::MAX));
        }
    }

    /// Every number up to this one, once and in order.
    pub(super) fn is_all(&self, last: u64) -> bool {
        self.wrong == 0 && self.resets == 0 && self.last == last && self.numbers == last - self.first
    }

    /// What was heard before on another socket counts too.
    fn follows(&mut self, before: &Self) {
        self.first = before.first;
        self.numbers += before.numbers;
        self.wrong += before.wrong;
    }

    pub(super) fn is_caught_up_once(&self) -> bool {
        self.caught_up == 1
    }

    pub(super) fn judge(&self, what: &'static str, verdict: &mut Verdict) {
        verdict.counts(what, self.numbers, self.wrong);
        if self.wrong > 0 {
            verdict.names(format!("{what}: {} of {} did not follow on", self.wrong, self.numbers));
        }
    }
}

impl Reader {
    /// Opens a socket that hears the room from now on.
    pub(super) async fn opens(
        api: &Api,
        person: &Person,
        room: RoomId,
        since: &str,
        receive_bytes: Option<u32>,
    ) -> Result<Self, Closed> {
        let socket = match receive_bytes {
            Some(bytes) => Socket::narrow(api, bytes).await?,
            None => Socket::open(api).await?.0,
        };
        let mut reader = Self::of(socket, person.clone(), room);
        reader.identify(None, since).await?;
        let heads = reader.until(|frame| frame.t == "ready").await?.heads();
        let mut head = *heads.get(&room).ok_or_else(|| Closed::Cut("the room is not heard".to_owned()))?;
        loop {
            let frame = reader.socket.frame().await?;
            // What was said since that position is not counted.
            head = frame.seq.unwrap_or(head);
            if frame.t == "caught_up" {
                break;
            }
        }
        reader.heard = Heard { first: head, last: head, ..Heard::default() };
        Ok(reader)
    }

    /// Behind this number.
    pub(super) async fn resumes(&mut self, after: u64) -> Result<(), Closed> {
        (self.heard.first, self.heard.last) = (after, after);
        self.identify(Some(after), "").await
    }

    async fn identify(&mut self, seq: Option<u64>, since: &str) -> Result<(), Closed> {
        let since = Some(since).filter(|since| !since.is_empty());
        self.socket.identify(&self.person.access, &[Follow { room: self.room, seq }], since).await
    }

    pub(super) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// A socket of the same, which has said nothing yet.
    pub(super) fn of(socket: Socket, person: Person, room: RoomId) -> Self {
        Self { socket, person, room, heard: Heard::default() }
    }

    async fn until(&mut self, is_it: impl Fn(&Frame) -> bool) -> Result<Frame, Closed> {
        loop {
            let frame = self.socket.frame().await?;
            self.heard.takes(&frame);
            if is_it(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Goes on over another socket, behind what it heard last.
    pub(super) async fn goes_on(&mut self, socket: Socket) -> Result<(), Closed> {
        (self.socket, self.heard.caught_up) = (socket, 0);
        self.identify(Some(self.heard.last), "").await
    }

    /// Hears until these words; tells each time when it has caught up.
    pub(super) async fn hears(&mut self, begun: Instant, words: &str, caught_up: impl Fn()) -> Result<(), Closed> {
        let mut due = beats();
        loop {
            let frame = self.socket.attends(&mut due).await?;
            self.heard.takes(&frame);
            self.heard.times(&frame, begun);
            if frame.t == "caught_up" {
                caught_up();
            }
            if frame.posted().is_some_and(|(_, said)| said == words) {
                return Ok(());
            }
        }
    }

    /// Hears until these words, on this socket.
    pub(super) async fn hears_to(mut self, begun: Instant, words: &str) -> Result<Heard> {
        timeout(PLAYED_WITHIN, self.hears(begun, words, || ())).await.context("the end was not heard")??;
        Ok(self.heard)
    }

    /// Catches up, a few frames and a breath at a time, and hears that all is answered by then.
    pub(super) async fn catches_up(mut self, at_once: u64, breath: Duration) -> Result<Heard, Closed> {
        let late = |_| Closed::Cut(format!("nothing more comes within {HEARS_WITHIN:?}"));
        while self.heard.caught_up == 0 {
            let frame = timeout(HEARS_WITHIN, self.socket.frame()).await.map_err(late)??;
            self.heard.takes(&frame);
            if at_once > 0 && self.heard.numbers.is_multiple_of(at_once) {
                sleep(breath).await;
            }
        }
        // What would come twice would come before the answer.
        self.socket.say("hb", serde_json::Value::Null).await?;
        timeout(HEARS_WITHIN, self.until(|frame| frame.t == "hb_ack")).await.map_err(late)??;
        Ok(self.heard)
    }

    /// Hears until the socket ends: whether it was told before that the service goes, and how it ended.
    pub(super) async fn hears_its_end(mut self) -> (bool, Option<Closed>) {
        let mut is_told = false;
        let ending = async {
            loop {
                match self.socket.frame().await {
                    Ok(frame) => is_told |= frame.t == "drain",
                    Err(why) => return why,
                }
            }
        };
        let why = timeout(HEARS_WITHIN, ending).await.ok();
        (is_told, why)
    }

    /// Reads what there is, to its end, and comes back for the rest; gives how it ended, if it did.
    pub(super) async fn reads_at_last(mut self, api: &Api) -> Result<(Option<Closed>, Heard)> {
        let closed = timeout(HEARS_WITHIN, self.until(|_| false)).await.ok().and_then(Result::err);
        let back = async || {
            let mut back = Self::of(Socket::open(api).await?.0, self.person.clone(), self.room);
            back.resumes(self.heard.last).await?;
            back.catches_up(0, Duration::ZERO).await
        };
        let mut heard = until_served(back).await?;
        // Both together are all of it.
        heard.follows(&self.heard);
        Ok((closed, heard))
    }
}

/// Once more where a service that is behind sends clients away for a while.
pub(super) async fn until_served<T>(coming: impl AsyncFn() -> Result<T, Closed>) -> Result<T> {
    let deadline = Instant::now() + SERVED_WITHIN;
    loop {
        match coming().await {
            Ok(come) => return Ok(come),
            Err(why) if Instant::now() > deadline => return Err(why.into()),
            Err(_) => sleep(AGAIN_AFTER).await,
        }
    }
}

/// Of the waits of one part of the play, in milliseconds.
pub(super) fn p99(heard: &[Heard], part: usize) -> f64 {
    let mut all: Vec<u32> = heard.iter().flat_map(|heard| heard.waits[part].iter().copied()).collect();
    all.sort_unstable();
    let at = all.len().saturating_sub(1) * 99 / 100;
    all.get(at).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}
