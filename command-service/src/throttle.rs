//! How fast may somebody try passwords? Each failure doubles the pause; nobody is locked out.

use crate::memory::Generations;
use events::PhoneTag;
use platform::Problem;
use platform::address::AddressKey;
use platform::limits::{Policy, used_up};
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
    /// Tries whose verdict is still out: they count as failures, or a hundred at once would be one.
    under_way: u32,
    /// When the last one failed, or the first try began.
    last: Instant,
}

/// A try of a password. Without a verdict it counts for nothing.
pub(crate) struct Attempt<'t> {
    throttle: &'t Throttle,
    phone: PhoneTag,
    address: AddressKey,
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

    /// Begins a try, if one may be made now.
    ///
    /// # Errors
    /// 429 `rate-limited` with the time that is left.
    pub(crate) fn attempt(&self, phone: PhoneTag, address: AddressKey) -> Result<Attempt<'_>, Problem> {
        let mut all = self.all();
        let left = [(Who::Phone(phone), FREE_PHONE), (Who::Address(address), FREE_ADDRESS)].map(|(who, free)| {
            all.get(&who)
                .map_or(Duration::ZERO, |failures| failures.pause(free).saturating_sub(failures.last.elapsed()))
        });
        let left = left[0].max(left[1]);
        if !left.is_zero() && !self.is_lifted {
            let policy = Policy { name: "sign-in", quota: FREE_PHONE, window: PAUSE_MAX };
            return Err(used_up(policy, left, "Too many failed sign-ins. Nothing was tried."));
        }
        // Of an address no try counts before its verdict: many people may share one.
        let so_far = all.get(&Who::Phone(phone)).copied().filter(Failures::still_count);
        let so_far = so_far.unwrap_or(Failures { count: 0, under_way: 0, last: Instant::now() });
        let under_way = so_far.under_way + 1;
        all.insert(Who::Phone(phone), Failures { under_way, ..so_far });
        Ok(Attempt { throttle: self, phone, address })
    }

    fn all(&self) -> MutexGuard<'_, Generations<Who, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// A wrong password.
    pub(crate) fn failed(self) {
        let mut all = self.throttle.all();
        for who in [Who::Phone(self.phone), Who::Address(self.address)] {
            let so_far = all.get(&who).copied().filter(Failures::still_count);
            let (count, under_way) = so_far.map_or((0, 0), |failures| (failures.count, failures.under_way));
            all.insert(who, Failures { count: count + 1, under_way, last: Instant::now() });
        }
    }

    /// The right one: the phone begins anew. The address does not, or one account of one's own would buy tries.
    pub(crate) fn succeeded(self) {
        self.throttle.all().remove(&Who::Phone(self.phone));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(failures) = self.throttle.all().peek(&Who::Phone(self.phone)) {
            failures.under_way = failures.under_way.saturating_sub(1);
        }
    }
}

impl Failures {
    /// After a quiet time as long as the longest pause, all is forgiven.
    fn still_count(&self) -> bool {
        self.last.elapsed() < PAUSE_MAX
    }

    fn pause(self, free: u32) -> Duration {
        match (self.count + self.under_way).checked_sub(free + 1) {
            None => Duration::ZERO,
            Some(doublings) => PAUSE.saturating_mul(1 << doublings.min(16)).min(PAUSE_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const ADA: PhoneTag = PhoneTag([1; 32]);

    fn address(last: u8) -> AddressKey {
        IpAddr::from([10, 0, 0, last]).into()
    }

    fn fails(throttle: &Throttle, phone: PhoneTag, address: AddressKey) {
        // Whatever the pause: here it is the failures that are counted.
        Attempt { throttle, phone, address }.failed();
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_pause_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::new();
        let left = || throttle.attempt(ADA, address(1)).err().and_then(|problem| problem.retry_after);
        let mut pauses = Vec::new();
        for _ in 0..16 {
            fails(&throttle, ADA, address(1));
            pauses.push(left().map_or(0, |left| left.as_secs()));
        }
        assert_eq!(&pauses[..6], &[0, 0, 1, 2, 4, 8]);
        assert_eq!(pauses[15], 900);
        assert!(throttle.attempt(PhoneTag([2; 32]), address(1)).is_ok(), "another phone");
        tokio::time::advance(PAUSE_MAX).await;
        assert_eq!(left(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_tries_many_phones_is_slowed_too() {
        let throttle = Throttle::new();
        for n in 0..=FREE_ADDRESS {
            fails(&throttle, PhoneTag([u8::try_from(n).expect("few"); 32]), address(1));
        }
        // The address keeps its failures when one of its phones gets it right.
        Attempt { throttle: &throttle, phone: PhoneTag([0; 32]), address: address(1) }.succeeded();
        assert!(throttle.attempt(PhoneTag([99; 32]), address(1)).is_err());
        assert!(throttle.attempt(PhoneTag([99; 32]), address(2)).is_ok());
    }

    // Red without `under_way` in `Failures::pause`.
    #[tokio::test(start_paused = true)]
    async fn a_hundred_tries_at_once_are_a_hundred_and_one_without_a_verdict_is_none() {
        let throttle = Throttle::new();
        let (tries, refused): (Vec<_>, Vec<_>) =
            (0..100).map(|n| throttle.attempt(ADA, address(n))).partition(Result::is_ok);
        assert_eq!((tries.len(), refused.len()), (3, 97));
        drop(tries);
        assert!(throttle.attempt(ADA, address(1)).is_ok(), "nothing was tried");
    }

    // Red with `last: Instant::now()` in `attempt`.
    #[tokio::test(start_paused = true)]
    async fn a_try_without_a_verdict_does_not_begin_the_pause_anew() {
        let throttle = Throttle::new();
        for _ in 0..9 {
            fails(&throttle, ADA, address(1));
        }
        tokio::time::advance(Duration::from_secs(64)).await;
        for _ in 0..3 {
            let Ok(attempt) = throttle.attempt(ADA, address(1)) else { panic!("the pause is over") };
            drop(attempt);
        }
        throttle.attempt(ADA, address(1)).expect("the pause is still over").failed();
        assert!(throttle.attempt(ADA, address(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_it_right_begins_anew() {
        let throttle = Throttle::new();
        for _ in 0..5 {
            fails(&throttle, ADA, address(1));
        }
        assert!(throttle.attempt(ADA, address(1)).is_err());
        tokio::time::advance(Duration::from_secs(4)).await;
        let Ok(attempt) = throttle.attempt(ADA, address(1)) else { panic!("the pause is over") };
        attempt.succeeded();
        for _ in 0..FREE_PHONE {
            fails(&throttle, ADA, address(1));
        }
        assert!(throttle.attempt(ADA, address(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_when_to_come_back() {
        use axum::response::IntoResponse;
        let throttle = Throttle::new();
        (0..4).for_each(|_| fails(&throttle, ADA, address(1)));
        let refusal = throttle.attempt(ADA, address(1)).err().expect("a pause").into_response();
        assert_eq!(refusal.status(), 429);
        assert_eq!(refusal.headers()["retry-after"], "2");
        assert_eq!(refusal.headers()["ratelimit"], "\"sign-in\";r=0;t=2");
        assert_eq!(refusal.headers()["ratelimit-policy"], "\"sign-in\";q=2;w=900");
    }
}
