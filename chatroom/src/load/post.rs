//! Who says what next? The lines of a room one after the other, many rooms at once, each line until its outcome is certain.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use events::MessageId;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::{
    Play,
    insist::GaveUp,
    journal::{Entry, Memory},
    script::{Cue, Pace},
    stage::Stage,
};
use crate::client::Made;
use crate::progress::Progress;

/// Lines read ahead of their turn. When so many wait for their rooms, reading waits for them.
const WAITING_MAX: usize = 16_384;
/// Refusals that are told; the others are only counted.
const REFUSALS_TOLD: usize = 20;

/// What became of a line.
enum Done {
    Posted(Made<MessageId>),
    Refused(String),
}

/// The lines that wait, by room. A room is in it while one of its lines is under way.
#[derive(Default)]
struct Rooms {
    waiting: HashMap<u32, VecDeque<Cue>>,
    count: usize,
    ready: VecDeque<(u32, Cue)>,
}

impl Rooms {
    fn push(&mut self, room: u32, cue: Cue) {
        self.count += 1;
        match self.waiting.get_mut(&room) {
            Some(waiting) => waiting.push_back(cue),
            None => {
                self.waiting.insert(room, VecDeque::new());
                self.ready.push_back((room, cue));
            }
        }
    }

    /// A line of this room has been acknowledged: the next one may follow.
    fn acknowledged(&mut self, room: u32) {
        self.count -= 1;
        match self.waiting.get_mut(&room).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back((room, next)),
            None => {
                self.waiting.remove(&room);
            }
        }
    }
}

/// Posts what is not settled yet, and notes what became of it. Stops early, in good order, when the run is
/// being stopped.
pub(super) async fn all(play: &Arc<Play>, stage: &Arc<Stage>, memory: &mut Memory) -> Result<()> {
    let settled: Vec<bool> = (0..play.lines()).map(|line| memory.is_settled(line)).collect();
    let done = settled.iter().filter(|settled| **settled).count() as u64;
    let progress = Progress::of("posts", u64::from(play.lines()), done);
    let (mut cues, reading) = play.script.cues(move |line| !settled[line as usize]);
    let mut rooms = Rooms::default();
    let mut under_way = JoinSet::new();
    let mut clock = Clock { pace: play.pace, began: None };
    let mut next: Option<(Cue, Instant)> = None;
    let mut more = true;
    loop {
        while under_way.len() < play.at_once
            && !play.insist.stop.is_cancelled()
            && let Some((room, cue)) = rooms.ready.pop_front()
        {
            let key = memory.keys.get(&cue.line).copied();
            under_way.spawn(one(Arc::clone(play), Arc::clone(stage), room, cue, key));
        }
        if play.insist.stop.is_cancelled() {
            more = false;
            next = None;
        }
        let due = next.as_ref().map(|(_, due)| *due);
        let may_read = more && due.is_none() && rooms.count < WAITING_MAX;
        tokio::select! {
            biased;
            Some(ended) = under_way.join_next() => {
                let (line, done) = ended.context("posting")??;
                rooms.acknowledged(play.script.lines[line as usize].room);
                settle(play, memory, &progress, line, done)?;
            }
            cue = cues.recv(), if may_read => match cue {
                Some(cue) => next = Some(clock.due(cue)),
                None => more = false,
            },
            () = until(due), if due.is_some() => {
                let (cue, _) = next.take().context("a line was due")?;
                rooms.push(play.script.lines[cue.line as usize].room, cue);
            }
            () = play.insist.stop.cancelled(), if more => {}
            else => break,
        }
    }
    drop(cues);
    reading.await.context("reading the file")?
}

fn settle(play: &Play, memory: &mut Memory, progress: &Progress, line: u32, done: Option<Done>) -> Result<()> {
    match done {
        Some(Done::Posted(posted)) => {
            memory.posted[line as usize] = posted.id.0;
            memory.positions.insert(play.script.lines[line as usize].room, posted.position);
            progress.inc();
        }
        Some(Done::Refused(code)) => {
            if memory.refused.len() < REFUSALS_TOLD {
                progress.say(&format!("line {} was refused: {code}", line + 1));
            }
            memory.refused.insert(line, code);
            progress.inc();
        }
        // Stopped: whether it was posted, the next run finds out.
        None => {}
    }
    Ok(())
}

/// Posts one line. `None`: stopped before it was certain.
async fn one(
    play: Arc<Play>,
    stage: Arc<Stage>,
    room: u32,
    cue: Cue,
    key: Option<Uuid>,
) -> Result<(u32, Option<Done>)> {
    let line = cue.line;
    let key = match key {
        Some(key) => key,
        None => {
            let key = Uuid::now_v7();
            play.journal.note(&Entry::Key { line, key })?;
            key
        }
    };
    let author = &stage.authors[play.script.lines[line as usize].author as usize];
    let (room, key) = (stage.rooms[room as usize], key.to_string());
    match play.insist.on(|| author.post(room, &key, &cue.text)).await {
        Ok(posted) => {
            play.journal.note(&Entry::Posted { line, id: posted.id, position: posted.position.clone() })?;
            Ok((line, Some(Done::Posted(posted))))
        }
        // The text's own fault; any other no is ours, and ends the run.
        Err(GaveUp::Refused(no)) if matches!(no.code.as_str(), "validation" | "payload-too-large") => {
            let code = no.to_string();
            play.journal.note(&Entry::Refused { line, code: code.clone() })?;
            Ok((line, Some(Done::Refused(code))))
        }
        Err(GaveUp::Stopped) => Ok((line, None)),
        Err(why) => bail!("line {}: {why}", line + 1),
    }
}

/// When each line is due.
struct Clock {
    pace: Pace,
    began: Option<(Instant, DateTime<Utc>)>,
}

impl Clock {
    fn due(&mut self, cue: Cue) -> (Cue, Instant) {
        let now = Instant::now();
        let (Pace::Times(times), Some(at)) = (self.pace, cue.at) else { return (cue, now) };
        let (began, first) = *self.began.get_or_insert((now, at));
        // A line that is dated before the first one is due at once.
        let later = (at - first).to_std().unwrap_or_default().as_secs_f64() / times;
        let due = Duration::try_from_secs_f64(later).ok().and_then(|later| began.checked_add(later));
        (cue, due.unwrap_or(now))
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(line: u32) -> Cue {
        Cue { line, at: None, text: String::new() }
    }

    #[test]
    fn a_room_has_one_line_under_way_at_a_time() {
        let mut rooms = Rooms::default();
        for (line, room) in [(0, 7), (1, 7), (2, 8), (3, 7)] {
            rooms.push(room, cue(line));
        }
        let take = |rooms: &mut Rooms| {
            std::mem::take(&mut rooms.ready).into_iter().map(|(_, cue)| cue.line).collect::<Vec<_>>()
        };
        assert_eq!(take(&mut rooms), [0, 2]);
        rooms.acknowledged(7);
        assert_eq!(take(&mut rooms), [1]);
        rooms.acknowledged(8);
        rooms.push(8, cue(4));
        assert_eq!(take(&mut rooms), [4]);
        rooms.acknowledged(7);
        assert_eq!((take(&mut rooms), rooms.count), (vec![3], 2));
    }

    #[test]
    fn lines_are_due_as_far_apart_as_in_the_file() {
        let mut clock = Clock { pace: Pace::Times(10.0), began: None };
        let at = |text: &str| Some(text.parse().expect("a time"));
        let (_, first) = clock.due(Cue { at: at("2018-04-10T18:00:00Z"), ..cue(0) });
        let (_, second) = clock.due(Cue { at: at("2018-04-10T18:01:40Z"), ..cue(1) });
        assert_eq!(second - first, Duration::from_secs(10));
    }
}
