//! Does one read for all, and does nobody get what was no longer so when he came? Played step by step.

use super::*;
use futures::FutureExt;
use platform::Code;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::oneshot;

/// What the hub has seen: an answer is current from its last change on.
#[derive(Default)]
struct Seen(AtomicU64);

impl Seen {
    fn is_current(&self) -> impl Fn(&u64) -> bool + '_ {
        |checkpoint| *checkpoint >= self.0.load(Relaxed)
    }

    fn changes_at(&self, position: u64) {
        self.0.store(position, Relaxed);
    }
}

type Checkpoints = Ready<u8, u64>;

fn ready() -> Checkpoints {
    Ready::of("test", 4)
}

async fn finds(checkpoint: u64) -> Result<u64, Problem> {
    Ok(checkpoint)
}

async fn nobody_reads() -> Result<u64, Problem> {
    panic!("it is there, or somebody else reads it")
}

fn entries(ready: &Checkpoints) -> usize {
    ready.lock().kept.len()
}

async fn got(ready: &Checkpoints, seen: &Seen, read: impl Future<Output = Result<u64, Problem>>) -> u64 {
    *ready.get(1, seen.is_current(), read).await.expect("nothing fails")
}

// Red where the `kept` of `turn` is given out without `is_current`.
#[tokio::test]
async fn what_has_changed_since_it_was_kept_is_read_again() {
    let (ready, seen) = (ready(), Seen::default());
    assert_eq!(got(&ready, &seen, finds(5)).await, 5);
    assert_eq!(got(&ready, &seen, nobody_reads()).await, 5);
    seen.changes_at(7);
    assert_eq!(got(&ready, &seen, finds(7)).await, 7);
    assert_eq!(got(&ready, &seen, nobody_reads()).await, 7);
}

// The hub is ahead of the read model: it has seen the change before the statement's answer comes to fill the place.
// Red where `lands` keeps without `is_current`.
#[tokio::test]
async fn an_answer_older_than_the_last_change_is_given_to_who_read_it_and_not_kept() {
    let (ready, seen) = (ready(), Seen::default());
    let (answer, statement) = oneshot::channel();
    let read = async { Ok(statement.await.expect("it answers")) };
    let mut reader = Box::pin(got(&ready, &seen, read));
    assert!((&mut reader).now_or_never().is_none());
    seen.changes_at(7);
    answer.send(5).expect("it is waited for");
    assert_eq!(reader.await, 5, "what a read without a cache would say");
    assert_eq!(entries(&ready), 0);
    assert_eq!(got(&ready, &seen, finds(7)).await, 7);
}

// Red where who waits is given what landed without `is_current`.
#[tokio::test]
async fn who_comes_after_a_change_does_not_get_what_was_read_before_it() {
    let (ready, seen) = (ready(), Seen::default());
    let (answer, statement) = oneshot::channel();
    let mut first = Box::pin(got(&ready, &seen, async { Ok(statement.await.expect("it answers")) }));
    assert!((&mut first).now_or_never().is_none());
    seen.changes_at(7);
    let mut second = Box::pin(got(&ready, &seen, finds(8)));
    assert!((&mut second).now_or_never().is_none(), "it waits for the first");
    answer.send(5).expect("it is waited for");
    assert_eq!((first.await, second.await), (5, 8));
}

// While the read model is behind, nothing is current: what began after one came is his own answer nevertheless.
// Red where `began_before` stays.
#[tokio::test]
async fn nobody_waits_for_more_than_two_readings() {
    let (ready, seen) = (ready(), Seen::default());
    seen.changes_at(100);
    let (first_answer, statement) = oneshot::channel();
    let mut first = Box::pin(got(&ready, &seen, async { Ok(statement.await.expect("it answers")) }));
    assert!((&mut first).now_or_never().is_none());
    let (second_answer, statement) = oneshot::channel();
    let mut second = Box::pin(got(&ready, &seen, async { Ok(statement.await.expect("it answers")) }));
    let mut third = Box::pin(got(&ready, &seen, nobody_reads()));
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    first_answer.send(5).expect("it is waited for");
    assert_eq!(first.await, 5);
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    second_answer.send(6).expect("it is waited for");
    assert_eq!((second.await, third.await), (6, 6));
}

// Red without the `Drop` of `Reading`.
#[tokio::test]
async fn who_goes_away_while_he_reads_is_replaced() {
    let (ready, seen) = (ready(), Seen::default());
    let mut first = Box::pin(got(&ready, &seen, std::future::pending()));
    assert!((&mut first).now_or_never().is_none());
    let mut second = Box::pin(got(&ready, &seen, finds(5)));
    let mut third = Box::pin(got(&ready, &seen, nobody_reads()));
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    drop(first);
    assert_eq!((second.await, third.await), (5, 5));
    assert!(ready.lock().readings.is_empty());
}

// Red where `lands` tells only what was found.
#[tokio::test]
async fn a_failure_is_told_to_all_and_the_next_reads_anew() {
    let (ready, seen) = (ready(), Seen::default());
    let (fail, statement) = oneshot::channel::<()>();
    let reading = async {
        statement.await.expect("it fails when the test says so");
        Err(Problem::overloaded("Postgres is away."))
    };
    let mut first = Box::pin(ready.get(1, seen.is_current(), reading));
    let mut second = Box::pin(ready.get(1, seen.is_current(), nobody_reads()));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    fail.send(()).expect("it is waited for");
    let codes = [first.await, second.await].map(|outcome| outcome.expect_err("it failed").code);
    assert_eq!(codes, [Code::Overloaded; 2]);
    assert_eq!(got(&ready, &seen, finds(5)).await, 5);
}
