//! How do many questions become one query? Who asks while one is under way is in the next. There is no timer.

use platform::Problem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Ids in one query: as many commands as one send of the log takes.
const IDS_MAX: usize = 200;
/// Questions that wait for the next query; a further one is refused.
const WAITING_MAX: usize = 1_024;

/// Questions about ids, of which one query at a time is under way. `A` answers for all ids of its query.
///
/// There is no task: one of those who wait asks for all of them. Should he go away meanwhile, the others ask again.
pub(super) struct Together<A> {
    waiting: Mutex<Vec<Waiting<A>>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting<A> {
    id: Uuid,
    reply: oneshot::Sender<Result<A, Problem>>,
}

impl<A: Clone> Together<A> {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::new(Vec::new()), turn: tokio::sync::Mutex::new(()) }
    }

    /// The answer of a query that holds this id and began after the question was asked.
    ///
    /// # Errors
    /// What the query failed with; 503 `overloaded` when too many wait.
    pub(super) async fn ask<F>(&self, id: Uuid, query: impl Fn(Vec<Uuid>) -> F) -> Result<A, Problem>
    where
        F: Future<Output = Result<A, Problem>>,
    {
        let mut answer = self.wait(id)?;
        loop {
            // Answers first: who asked for others gives the turn back only after he has told them.
            let turn = tokio::select! {
                biased;
                answered = &mut answer => match answered {
                    Ok(answered) => return answered,
                    // Whoever asked for this one has gone away.
                    Err(_) => { answer = self.wait(id)?; continue }
                },
                turn = self.turn.lock() => turn,
            };
            let next = self.next();
            let answered = query(next.iter().map(|waiting| waiting.id).collect()).await;
            for waiting in next {
                // Who has gone away does not hear it.
                let _ = waiting.reply.send(answered.clone());
            }
            drop(turn);
        }
    }

    fn wait(&self, id: Uuid) -> Result<oneshot::Receiver<Result<A, Problem>>, Problem> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX {
            return Err(Problem::overloaded("Too much waits for the read model. Nothing was done."));
        }
        waiting.push(Waiting { id, reply });
        Ok(answer)
    }

    /// Those who have waited longest.
    fn next(&self) -> Vec<Waiting<A>> {
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.reply.is_closed());
        let ids = waiting.len().min(IDS_MAX);
        waiting.drain(..ids).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::{JoinHandle, yield_now};

    /// A read model that tells when it is asked for what, and answers when it may.
    struct Slow {
        together: Arc<Together<Vec<Uuid>>>,
        may: Arc<Semaphore>,
        asked: mpsc::Receiver<usize>,
        tell: mpsc::Sender<usize>,
    }

    impl Slow {
        fn new() -> Self {
            let (tell, asked) = mpsc::channel(16);
            Self { together: Arc::new(Together::new()), may: Arc::new(Semaphore::new(0)), asked, tell }
        }

        fn ask(&self, id: u128) -> JoinHandle<Result<Vec<Uuid>, Problem>> {
            let (together, may, tell) = (Arc::clone(&self.together), Arc::clone(&self.may), self.tell.clone());
            tokio::spawn(async move {
                let query = |ids: Vec<Uuid>| async {
                    tell.send(ids.len()).await.expect("the test listens");
                    may.acquire().await.expect("it is never closed").forget();
                    Ok(ids)
                };
                together.ask(Uuid::from_u128(id), query).await
            })
        }

        /// Until so many wait for the next query.
        async fn wait_for(&self, waiting: usize) {
            while self.together.waiting().len() < waiting {
                yield_now().await;
            }
        }

        async fn is_asked_for(&mut self) -> usize {
            self.asked.recv().await.expect("a query")
        }
    }

    // Red with `waiting.drain(..1)`: each asks for himself.
    #[tokio::test]
    async fn who_asks_while_a_query_runs_is_in_the_next() {
        let mut slow = Slow::new();
        let first = slow.ask(0);
        assert_eq!(slow.is_asked_for().await, 1);
        let others: Vec<_> = (1..=4).map(|id| slow.ask(id)).collect();
        slow.wait_for(4).await;
        slow.may.add_permits(2);
        assert_eq!(first.await.expect("it ran").expect("an answer"), [Uuid::from_u128(0)]);
        assert_eq!(slow.is_asked_for().await, 4);
        for (other, id) in others.into_iter().zip(1..) {
            assert!(other.await.expect("it ran").expect("an answer").contains(&Uuid::from_u128(id)));
        }
    }

    // Red with `Err(_) => return Err(Problem::internal())` where an answer does not come.
    #[tokio::test]
    async fn who_goes_away_while_he_asks_for_all_leaves_nobody_without_an_answer() {
        let mut slow = Slow::new();
        let first = slow.ask(0);
        assert_eq!(slow.is_asked_for().await, 1);
        let (second, third) = (slow.ask(1), slow.ask(2));
        slow.wait_for(2).await;
        slow.may.add_permits(1);
        first.await.expect("it ran").expect("an answer");
        assert_eq!(slow.is_asked_for().await, 2);
        // Turns go by arrival: the second asks for both.
        second.abort();
        slow.may.add_permits(1);
        assert_eq!(third.await.expect("it ran").expect("an answer"), [Uuid::from_u128(2)]);
    }

    #[tokio::test]
    async fn a_query_holds_so_many_and_the_rest_is_in_the_one_after() {
        let mut slow = Slow::new();
        let first = slow.ask(0);
        assert_eq!(slow.is_asked_for().await, 1);
        let others: Vec<_> = (1..=IDS_MAX as u128 + 5).map(|id| slow.ask(id)).collect();
        slow.wait_for(IDS_MAX + 5).await;
        slow.may.add_permits(3);
        first.await.expect("it ran").expect("an answer");
        assert_eq!((slow.is_asked_for().await, slow.is_asked_for().await), (IDS_MAX, 5));
        for other in others {
            other.await.expect("it ran").expect("an answer");
        }
    }
}
