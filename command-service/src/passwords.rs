//! How are passwords hashed? bcrypt over a peppered HMAC, on threads of their own that give way to everything else.

use crate::domain::text::Password;
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use platform::config::Secret;
use platform::{Code, Problem};
use sha2::Sha384;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Passwords that wait for each thread. At 290 ms each the last is done within a request's time; when all places
/// are taken, the answer is 503 `overloaded` at once.
const WAITING_MAX_THREAD: usize = 12;
/// How far the hashing threads give way: the lowest there is.
const NICENESS: i32 = 19;

/// Hashes and compares passwords. Its threads end with it.
pub(crate) struct Passwords {
    pepper: Secret,
    queue: SyncSender<Job>,
    /// What an unknown phone is compared with, so that it costs what a known one does.
    nobodys: String,
}

enum Job {
    Hash { input: String, answer: oneshot::Sender<Option<String>> },
    Compare { input: String, hash: String, answer: oneshot::Sender<Option<Match>> },
}

/// Whether a password is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Right,
    Wrong,
}

impl Passwords {
    /// Starts max(1, cores / 2) threads.
    ///
    /// # Errors
    /// When no thread can be started, or bcrypt refuses the cost.
    pub(crate) async fn start(pepper: Secret, cost: u32) -> anyhow::Result<Self> {
        ensure!(!pepper.expose().is_empty(), "PEPPER is empty");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).max(1);
        let (queue, waiting) = sync_channel(threads * WAITING_MAX_THREAD);
        let waiting = Arc::new(Mutex::new(waiting));
        for n in 0..threads {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(format!("password-{n}"))
                .spawn(move || work(&waiting, cost))
                .context("starting a thread for passwords")?;
        }
        let mut passwords = Self { pepper, queue, nobodys: String::new() };
        let nobodys = passwords.hashed("nobody has this password".to_owned()).await;
        passwords.nobodys = nobodys.ok().context("hashing the first password")?;
        Ok(passwords)
    }

    /// The hash to be stored.
    ///
    /// # Errors
    /// 503 `overloaded` when too many wait.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, Problem> {
        self.hashed(self.peppered(password)).await
    }

    /// Compares with a stored hash; with `None`, for an account that is not there, in the same time.
    ///
    /// # Errors
    /// 503 `overloaded` when too many wait.
    pub(crate) async fn compare(&self, password: &Password, hash: Option<&str>) -> Result<Match, Problem> {
        let input = self.peppered(password);
        let compared = hash.unwrap_or(&self.nobodys).to_owned();
        let found = self.ask(|answer| Job::Compare { input, hash: compared, answer }).await?;
        Ok(if hash.is_some() { found } else { Match::Wrong })
    }

    async fn hashed(&self, input: String) -> Result<String, Problem> {
        self.ask(|answer| Job::Hash { input, answer }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Option<T>>) -> Job) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(job(answer)).map_err(|full| match full {
            TrySendError::Full(_) => Problem::overloaded("Too many passwords wait to be checked. Nothing was done."),
            TrySendError::Disconnected(_) => Problem::internal(),
        })?;
        let gauge = metrics::gauge!("passwords_waiting");
        gauge.increment(1.0);
        let answered = answered.await;
        gauge.decrement(1.0);
        answered.ok().flatten().ok_or_else(|| Problem::new(Code::Internal, "The password could not be checked."))
    }

    /// 64 characters, whatever the password's length: bcrypt takes 71 bytes and stops at a NUL.
    fn peppered(&self, password: &Password) -> String {
        let mut mac = Hmac::<Sha384>::new_from_slice(self.pepper.expose().as_bytes()).expect("HMAC takes any key");
        mac.update(password.expose().as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

fn work(waiting: &Mutex<Receiver<Job>>, cost: u32) {
    // Best effort: without it, hashing competes with requests.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "the threads for passwords do not give way");
    }
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // All senders are gone: so is the service.
        let Ok(job) = job else { return };
        // Who gave up waiting shall not keep the others waiting.
        if job.is_pointless() {
            metrics::counter!("passwords_given_up_total").increment(1);
            continue;
        }
        // A thread that dies would be missed only by those who wait.
        if catch_unwind(AssertUnwindSafe(|| job.done(cost))).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}

impl Job {
    fn is_pointless(&self) -> bool {
        match self {
            Self::Hash { answer, .. } => answer.is_closed(),
            Self::Compare { answer, .. } => answer.is_closed(),
        }
    }

    /// Who waited may have gone away meanwhile, which is no matter.
    fn done(self, cost: u32) {
        let began = Instant::now();
        match self {
            Self::Hash { input, answer } => {
                let hash = bcrypt::hash(input, cost).inspect_err(broken).ok();
                worked("hash", Some(cost), began);
                let _gone = answer.send(hash);
            }
            Self::Compare { input, hash, answer } => {
                let compared = bcrypt::verify(input, &hash).inspect_err(broken).ok();
                worked("compare", cost_of(&hash), began);
                let _gone = answer.send(compared.map(|right| if right { Match::Right } else { Match::Wrong }));
            }
        }
    }
}

/// By what was done and at which cost: an unknown phone has to cost what a known one does.
fn worked(what: &'static str, cost: Option<u32>, began: Instant) {
    let cost = cost.map_or_else(String::new, |cost| cost.to_string());
    metrics::histogram!("password_seconds", "work" => what, "cost" => cost).record(began.elapsed().as_secs_f64());
}

/// The cost in a hash: `$2b$12$…`.
fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

fn broken(error: &bcrypt::BcryptError) {
    tracing::error!(%error, "bcrypt");
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST_COST: u32 = 4;

    fn password(text: &str) -> Password {
        Password::parse(text).expect("a password")
    }

    #[tokio::test]
    async fn only_the_right_password_with_the_right_pepper_matches() {
        let passwords = Passwords::start(Secret::from("pepper"), TEST_COST).await.expect("threads");
        let long = password(&"ä".repeat(120));
        let hash = passwords.hash(&long).await.expect("hashed");
        assert_eq!(passwords.compare(&long, Some(&hash)).await.expect("compared"), Match::Right);
        let longer = password(&"ä".repeat(121));
        assert_eq!(passwords.compare(&longer, Some(&hash)).await.expect("compared"), Match::Wrong);
        assert_eq!(passwords.compare(&long, None).await.expect("compared"), Match::Wrong);
        let other = Passwords::start(Secret::from("salt"), TEST_COST).await.expect("threads");
        assert_eq!(other.compare(&long, Some(&hash)).await.expect("compared"), Match::Wrong);
        assert_eq!((cost_of(&hash), cost_of(&passwords.nobodys), cost_of("")), (Some(4), Some(4), None));
    }

    /// Passwords whose one thread is kept busy for as long as the sender lives.
    fn busy() -> (Passwords, Receiver<Job>) {
        let (queue, waiting) = sync_channel(WAITING_MAX_THREAD);
        (Passwords { pepper: Secret::from("pepper"), queue, nobodys: String::new() }, waiting)
    }

    // Red with a hash that is never pointless: who gave up is hashed for.
    #[tokio::test]
    async fn a_full_gate_sends_away_at_once_and_who_gave_up_is_passed_over() {
        let (passwords, waiting) = busy();
        let given = password("correct horse battery");
        let mut asked: Vec<_> = (0..WAITING_MAX_THREAD).map(|_| Box::pin(passwords.hash(&given))).collect();
        for one in &mut asked {
            assert!(futures::poll!(one).is_pending());
        }
        let refused = passwords.hash(&given).await.expect_err("no place is left");
        assert_eq!((refused.code, refused.retry_after.is_some()), (Code::Overloaded, true));
        // All but the last give up.
        asked.drain(..WAITING_MAX_THREAD - 1);
        let jobs: Vec<Job> = waiting.try_iter().collect();
        assert_eq!(jobs.iter().filter(|job| job.is_pointless()).count(), WAITING_MAX_THREAD - 1);
    }
}
