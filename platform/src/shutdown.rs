//! How does a process end? Together: the first task that ends, or a signal, asks all others to.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The one way in which tasks are started and a process ends. Clones are the same shutdown.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
    /// Those of the tasks that take in work, on which the others wait with their end.
    listeners: TaskTracker,
    tasks: Arc<Mutex<Tasks>>,
}

#[derive(Debug, Default)]
struct Tasks {
    running: Vec<(&'static str, AbortHandle)>,
    /// Why it ends, when that is an error. The first one counts: the others follow from it.
    failure: Option<anyhow::Error>,
}

impl Shutdown {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that lives until the shutdown. If it ends before, with an error or without, or
    /// panics, everything is asked to end and [`Shutdown::wait`] reports it.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = self.clone();
        self.start(name, async move {
            match AssertUnwindSafe(task).catch_unwind().await {
                Ok(Ok(())) if shutdown.token.is_cancelled() => {}
                Ok(Ok(())) => shutdown.fail(anyhow!("the task {name:?} ended before the shutdown")),
                Ok(Err(error)) => shutdown.fail(error.context(format!("the task {name:?} failed"))),
                Err(_) => shutdown.fail(anyhow!("the task {name:?} panicked")),
            }
        });
    }

    /// Starts a task that takes in work, as [`Shutdown::spawn`]. What it has accepted stands on other tasks: those
    /// live until all listeners have ended, with [`Shutdown::drained`].
    pub fn spawn_listener<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.spawn(name, self.listeners.track_future(task));
    }

    /// Starts a task that has an end of its own. An error or a panic still ends everything.
    pub fn spawn_once<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let shutdown = self.clone();
        self.start(name, async move {
            match AssertUnwindSafe(task).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => shutdown.fail(error.context(format!("the task {name:?} failed"))),
                Err(_) => shutdown.fail(anyhow!("the task {name:?} panicked")),
            }
        });
    }

    /// Asks everything to end. Idempotent.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Asks everything to end because of an error, which [`Shutdown::wait`] reports if it is the first.
    pub fn fail(&self, error: anyhow::Error) {
        tracing::error!(error = format!("{error:#}"), "ending");
        self.lock().failure.get_or_insert(error);
        self.token.cancel();
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until somebody asks to end.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Waits until somebody asks to end and every listener has ended: nothing accepted is left to be answered.
    pub async fn drained(&self) {
        self.token.cancelled().await;
        self.listeners.close();
        self.listeners.wait().await;
    }

    /// The token itself, for what takes one.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Waits until the shutdown is asked for and then until all tasks have ended, at most `deadline`
    /// after the asking; tasks that still run then are aborted and named.
    ///
    /// # Errors
    /// The first error that ended a task, or the names of the tasks that had to be aborted.
    pub async fn wait(&self, deadline: Duration) -> anyhow::Result<()> {
        self.token.cancelled().await;
        self.tracker.close();
        let in_time = tokio::time::timeout(deadline, self.tracker.wait()).await;
        let mut tasks = self.lock();
        if let Some(failure) = tasks.failure.take() {
            tasks.abort();
            return Err(failure);
        }
        match in_time {
            Ok(()) => Ok(()),
            Err(_) => Err(anyhow!("still running {deadline:?} after the shutdown: {}", tasks.abort().join(", "))),
        }
    }

    /// Asks to end at the first SIGTERM or SIGINT. A second one ends the process at once.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let shutdown = self.clone();
        // Not tracked: it has to outlive the tracked tasks to hear the second signal.
        tokio::spawn(async move {
            for calm in [true, false] {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "{}", if calm { "ending" } else { "ending at once" });
                shutdown.cancel();
            }
            std::process::exit(130);
        });
        Ok(())
    }

    fn start(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tracker.spawn(task).abort_handle();
        let mut tasks = self.lock();
        tasks.running.retain(|(_, handle)| !handle.is_finished());
        tasks.running.push((name, handle));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn abort(&mut self) -> Vec<&'static str> {
        self.running.retain(|(_, handle)| !handle.is_finished());
        self.running
            .drain(..)
            .map(|(name, handle)| {
                handle.abort();
                name
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_first_failure_ends_all_and_is_reported() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        shutdown.spawn("patient", async move {
            other.cancelled().await;
            Ok(())
        });
        shutdown.spawn("failing", async { Err(anyhow!("out of ink")) });
        let error = shutdown.wait(SOON).await.expect_err("it failed");
        assert_eq!(format!("{error:#}"), "the task \"failing\" failed: out of ink");
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_ends_all() {
        let shutdown = Shutdown::new();
        shutdown.spawn_once("brief", async { Ok(()) });
        shutdown.spawn("lazy", async { Ok(()) });
        let error = shutdown.wait(SOON).await.expect_err("it ended");
        assert!(error.to_string().contains("lazy"));
    }

    #[tokio::test]
    async fn a_panic_is_noticed() {
        let shutdown = Shutdown::new();
        shutdown.spawn("clumsy", async { panic!("dropped the cup") });
        assert!(shutdown.wait(SOON).await.expect_err("it panicked").to_string().contains("clumsy"));
    }

    // Red with `cancelled` in place of `drained`.
    #[tokio::test]
    async fn what_the_accepted_stands_on_ends_after_the_last_listener() {
        let shutdown = Shutdown::new();
        let (order, mut ended) = tokio::sync::mpsc::channel(2);
        let (backing, says) = (shutdown.clone(), order.clone());
        shutdown.spawn("backing", async move {
            backing.drained().await;
            says.send("backing").await.context("the test listens")
        });
        let (answered, answering) = tokio::sync::oneshot::channel();
        let ending = shutdown.clone();
        shutdown.spawn_listener("listener", async move {
            ending.cancelled().await;
            answering.await.context("the last request")?;
            order.send("listener").await.context("the test listens")
        });
        shutdown.cancel();
        tokio::task::yield_now().await;
        assert!(ended.try_recv().is_err(), "a request is still being answered");
        answered.send(()).expect("it waits");
        assert_eq!((ended.recv().await, ended.recv().await), (Some("listener"), Some("backing")));
        shutdown.wait(SOON).await.expect("all end well");
    }

    #[tokio::test]
    async fn who_does_not_end_is_named() {
        let shutdown = Shutdown::new();
        shutdown.spawn("stubborn", std::future::pending());
        shutdown.cancel();
        let error = shutdown.wait(Duration::from_millis(10)).await.expect_err("it hangs");
        assert!(error.to_string().contains("stubborn"));
    }
}
