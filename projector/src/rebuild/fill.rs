//! How does the log fill a new model? One reader proves what it reads and deals it out to parts, one a core.

use super::{Progress, part::Part};
use crate::{batch::Reading, checkpoint::Checkpoint};
use anyhow::{Context, bail, ensure};
use deadpool_postgres::Pool;
use event_log::{EventLog, Record};
use events::StreamName;
use futures::{StreamExt, future::try_join_all};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Events between two checkpoints of the parts: what a transaction of each holds, and what is read again after a stop.
const CHUNK_EVENTS: usize = 16_384;
/// Chunks that may wait for a part. When they do, the reader waits.
const CHUNKS_WAITING: usize = 2;
/// Records that are taken from the follower at once.
const READY_MAX: usize = 1_000;

/// What a part has to write next.
pub(super) struct Chunk {
    /// Of its keys only, in the order of the log.
    pub(super) records: Vec<Record>,
    /// Where all parts stand after it.
    pub(super) upto: Checkpoint,
}

/// Fills the parts from where they are up to `target`.
pub(super) async fn fill(
    log: &dyn EventLog,
    pool: &Pool,
    from: Vec<Checkpoint>,
    reading: &Arc<Reading>,
    target: u64,
    progress: &watch::Sender<Progress>,
) -> anyhow::Result<()> {
    let (senders, parts): (Vec<_>, Vec<_>) = from
        .iter()
        .zip(0..)
        .map(|(checkpoint, number)| {
            let (send, chunks) = mpsc::channel(CHUNKS_WAITING);
            let part = Part { number, at: *checkpoint, reading: Arc::clone(reading) };
            (send, part.run(pool.clone(), chunks))
        })
        .unzip();
    let least = from.into_iter().min_by_key(|checkpoint| checkpoint.seq).context("a model has a part")?;
    let reading = deal(log, least, target, senders, progress);
    // A part that fails drops its chunks, and the reader fails with it: its own reason is the better one.
    let (dealt, written) = tokio::join!(reading, try_join_all(parts));
    written?;
    dealt
}

async fn deal(
    log: &dyn EventLog,
    mut at: Checkpoint,
    target: u64,
    parts: Vec<mpsc::Sender<Chunk>>,
    progress: &watch::Sender<Progress>,
) -> anyhow::Result<()> {
    if at.seq >= target {
        return Ok(());
    }
    let mut dealt: Vec<Vec<Record>> = parts.iter().map(|_| Vec::new()).collect();
    let mut held = 0;
    let mut records = log.follow(StreamName::Chat, at.start(), Vec::new()).ready_chunks(READY_MAX);
    while at.seq < target {
        let Some(ready) = tokio::task::coop::unconstrained(records.next()).await else {
            bail!("the log was followed to an end that it does not have");
        };
        for record in ready {
            let record = record?;
            // The checkpoint's own comes again.
            if record.seq <= at.seq {
                continue;
            }
            ensure!(record.seq == at.seq + 1, "the log goes on at {} after {}", record.seq, at.seq);
            at = at.after(&record);
            held += 1;
            dealt[part_of(&record.subject, parts.len())].push(record);
            if held == CHUNK_EVENTS || at.seq == target {
                hand_out(&mut dealt, at, &parts).await?;
                held = 0;
                progress.send_modify(|progress| progress.done = at.seq);
            }
            if at.seq == target {
                break;
            }
        }
    }
    Ok(())
}

async fn hand_out(dealt: &mut [Vec<Record>], upto: Checkpoint, parts: &[mpsc::Sender<Chunk>]) -> anyhow::Result<()> {
    for (records, part) in dealt.iter_mut().zip(parts) {
        let chunk = Chunk { records: std::mem::take(records), upto };
        part.send(chunk).await.ok().context("a part has ended")?;
    }
    Ok(())
}

/// Which part an event belongs to: all of a room's to one, because a part folds alone. What has no partition in its
/// subject is of part 0.
fn part_of(subject: &str, parts: usize) -> usize {
    let mut tokens = subject.split('.').skip(2);
    let (partition, kind) = (tokens.next().unwrap_or_default(), tokens.next());
    match (u8::from_str_radix(partition, 16), kind) {
        (Ok(partition), Some("room")) => usize::from(partition) % parts,
        (Ok(_) | Err(_), _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::part_of;
    use events::{LoungeId, RoomId, Subject, UserId};
    use uuid::Uuid;

    #[test]
    fn all_of_a_room_is_of_one_part_and_people_and_lounges_are_of_the_first() {
        for parts in 1..9 {
            for n in 0..100 {
                let (room, user) = (RoomId(Uuid::from_u128(n)), UserId(Uuid::from_u128(n)));
                let part = part_of(&Subject::Room(room).to_string(), parts);
                assert!(part < parts);
                for subject in [Subject::Member(room, user), Subject::RoomMessages(room), Subject::RoomReports(room)] {
                    assert_eq!(part_of(&subject.to_string(), parts), part);
                }
                let lounge = Subject::Lounge(LoungeId(Uuid::from_u128(n)));
                for subject in [Subject::User(user), lounge, Subject::Relay] {
                    assert_eq!(part_of(&subject.to_string(), parts), 0);
                }
            }
        }
    }
}
