//! How fast may somebody try passwords? Each failure doubles the pause; nobody is locked out.

use crate::memory::Generations;
use events::PhoneTag;
use platform::address::AddressKey;
use platform::{Code, Problem};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a first failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);
/// Failures of one phone that cost nothing: people mistype.
const FREE_PHONE: u32 = 2;
/// Failures of one address that cost nothing: many people share one.
const FREE_ADDRESS: u32 = 20;
/// Phones and addresses in one of two generations.
const REMEMBERED_MAX: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Phone(PhoneTag),
    Address(AddressKey),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Failed sign-ins, per phone and per address, counted by this instance.
pub(crate) struct Throttle {
    failures: Mutex<Generations<Who, Failures>>,
    is_lifted: bool,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { failures: Mutex::new(Generations::new(REMEMBERED_MAX)), is_lifted: false }
    }

    /// One that slows nobody, where rate limits are lifted.
    pub(crate) fn lifted() -> Self {
        Self { is_lifted: true, ..Self::new() }
    }

    /// Whether a password may be tried now.
    ///
    /// # Errors
    /// 429 `rate-limited` with the time that is left.
    pub(crate) fn check(&self, phone: PhoneTag, address: AddressKey) -> Result<(), Problem> {
        let mut all = self.all();
        let left = [(Who::Phone(phone), FREE_PHONE), (Who::Address(address), FREE_ADDRESS)].map(|(who, free)| {
            all.get(&who)
                .map_or(Duration::ZERO, |failures| failures.pause(free).saturating_sub(failures.last.elapsed()))
        });
        let left = left[0].max(left[1]);
        if left.is_zero() || self.is_lifted {
            return Ok(());
        }
        metrics::counter!("rate_limited_total", "limit" => "sign-in").increment(1);
        Err(Problem::new(Code::RateLimited, "Too many failed sign-ins. Nothing was tried.").after(left))
    }

    /// A wrong password.
    pub(crate) fn failed(&self, phone: PhoneTag, address: AddressKey) {
        let mut all = self.all();
        for who in [Who::Phone(phone), Who::Address(address)] {
            let count = match all.get(&who) {
                // After a quiet time as long as the longest pause, all is forgiven.
                Some(failures) if failures.last.elapsed() < PAUSE_MAX => failures.count + 1,
                Some(_) | None => 1,
            };
            all.insert(who, Failures { count, last: Instant::now() });
        }
    }

    /// The right one: the phone begins anew. The address does not, or one account of one's own would buy tries.
    pub(crate) fn succeeded(&self, phone: PhoneTag) {
        self.all().remove(&Who::Phone(phone));
    }

    fn all(&self) -> MutexGuard<'_, Generations<Who, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn pause(self, free: u32) -> Duration {
        match self.count.checked_sub(free + 1) {
            None => Duration::ZERO,
            Some(doublings) => PAUSE.saturating_mul(1 << doublings.min(16)).min(PAUSE_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn address(last: u8) -> AddressKey {
        IpAddr::from([10, 0, 0, last]).into()
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_pause_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::new();
        let ada = PhoneTag([1; 32]);
        let left = || throttle.check(ada, address(1)).err().and_then(|problem| problem.retry_after);
        let mut pauses = Vec::new();
        for _ in 0..16 {
            throttle.failed(ada, address(1));
            pauses.push(left().map_or(0, |left| left.as_secs()));
        }
        assert_eq!(&pauses[..6], &[0, 0, 1, 2, 4, 8]);
        assert_eq!(pauses[15], 900);
        assert!(throttle.check(PhoneTag([2; 32]), address(1)).is_ok(), "another phone");
        tokio::time::advance(PAUSE_MAX).await;
        assert_eq!(left(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_tries_many_phones_is_slowed_too() {
        let throttle = Throttle::new();
        for n in 0..=FREE_ADDRESS {
            throttle.failed(PhoneTag([u8::try_from(n).expect("few"); 32]), address(1));
        }
        throttle.succeeded(PhoneTag([0; 32]));
        assert!(throttle.check(PhoneTag([99; 32]), address(1)).is_err());
        assert!(throttle.check(PhoneTag([99; 32]), address(2)).is_ok());
    }
}
