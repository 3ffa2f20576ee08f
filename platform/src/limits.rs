//! How often may somebody do something? Named rate limits, counted per instance and key.

mod admission;
mod rate;

use std::borrow::Cow;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use clap::Args;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

pub use admission::{Admission, AdmissionArgs, admit};
pub use rate::{NoRate, Rate};

use crate::address::AddressKey;
use crate::problem::{Code, Problem};

/// A limit forgets keys that are fresh again once in so many checks.
const CHECKS_BETWEEN_PRUNINGS: u32 = 4_096;
/// Beyond so many keys that are not fresh, a limit refuses everybody until some are: memory is bounded.
const KEYS_MAX: usize = 200_000;

/// One named limit, counted for each key apart.
#[derive(Debug)]
pub struct RateLimit<K: Hash + Eq + Clone> {
    name: &'static str,
    /// `None` while rate limits are lifted.
    limiter: Option<RateLimiter<K, DashMapStateStore<K>, DefaultClock>>,
    rate: Rate,
    clock: DefaultClock,
    checks: AtomicU32,
    full: AtomicBool,
}

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// A limit that refusals call `name`.
    #[must_use]
    pub fn new(name: &'static str, rate: Rate) -> Self {
        let quota = Quota::with_period(rate.period()).map(|quota| quota.allow_burst(rate.burst()));
        Self { limiter: quota.map(RateLimiter::dashmap), ..Self::lifted(name, rate) }
    }

    /// A limit that refuses nobody.
    #[must_use]
    pub fn lifted(name: &'static str, rate: Rate) -> Self {
        Self {
            name,
            limiter: None,
            rate,
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            full: AtomicBool::new(false),
        }
    }

    /// Counts one for this key.
    ///
    /// # Errors
    /// 429 `rate-limited` with `Retry-After`, `RateLimit` and `RateLimit-Policy`.
    pub fn check(&self, key: &K) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_BETWEEN_PRUNINGS == CHECKS_BETWEEN_PRUNINGS - 1 {
            self.prune();
        }
        if self.full.load(Ordering::Relaxed) {
            self.prune();
            if self.full.load(Ordering::Relaxed) {
                return Err(self.refusal(self.rate.period()));
            }
        }
        limiter.check_key(key).map_err(|not_until| self.refusal(not_until.wait_time_from(self.clock.now())))
    }

    /// Forgets the keys that are as good as new. Checks do this now and then by themselves.
    pub fn prune(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
            self.full.store(limiter.len() >= KEYS_MAX, Ordering::Relaxed);
        }
    }

    fn refusal(&self, wait: Duration) -> Problem {
        let window = Duration::from_secs(self.rate.window_secs());
        let policy = Policy { name: self.name, quota: self.rate.burst().get(), window };
        used_up(policy, wait, format!("The limit {:?} ({}) is used up.", self.name, self.rate))
    }
}

/// What a limit allows, as `RateLimit-Policy` tells it.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Plain ASCII.
    pub name: &'static str,
    /// How many may come at once.
    pub quota: u32,
    /// In which a used-up quota is whole again.
    pub window: Duration,
}

/// The refusal of a limit that is used up: 429 `rate-limited` with `Retry-After`, `RateLimit` and `RateLimit-Policy`.
pub fn used_up(policy: Policy, wait: Duration, detail: impl Into<Cow<'static, str>>) -> Problem {
    let Policy { name, quota, window } = policy;
    metrics::counter!("rate_limited_total", "limit" => name).increment(1);
    // At least a second: `Retry-After` knows no less.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let policy = format!("\"{name}\";q={quota};w={}", window.as_secs());
    let state = format!("\"{name}\";r=0;t={seconds}");
    let value = |text: String| HeaderValue::try_from(text).expect("a limit's name is plain ASCII");
    Problem::new(Code::RateLimited, detail)
        .after(wait)
        .with_header(HeaderName::from_static("ratelimit-policy"), value(policy))
        .with_header(HeaderName::from_static("ratelimit"), value(state))
}

/// The rate limits, one flag each, and the switch that lifts them all.
///
/// A rate is `COUNT/TIME[,BURST]`: `5/s,10`, `1/2s`, `5/h`. Without a burst it is the count.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rate limits (per instance)")]
pub struct RateLimitArgs {
    /// Lift all rate limits. For development and loading only; said loudly at the start.
    #[arg(long, env = "NO_RATE_LIMITS")]
    pub no_rate_limits: bool,

    /// Posts, edits and deletions of one registered user, as `COUNT/TIME[,BURST]`.
    #[arg(long, env = "LIMIT_POSTS_USER", value_name = "RATE", default_value = "5/s,10")]
    pub limit_posts_user: Rate,

    /// Posts, edits and deletions of one guest.
    #[arg(long, env = "LIMIT_POSTS_GUEST", value_name = "RATE", default_value = "1/2s")]
    pub limit_posts_guest: Rate,

    /// Posts in one room, by all.
    #[arg(long, env = "LIMIT_POSTS_ROOM", value_name = "RATE", default_value = "50/s")]
    pub limit_posts_room: Rate,

    /// Reactions of one user, set and taken back.
    #[arg(long, env = "LIMIT_REACTIONS", value_name = "RATE", default_value = "5/s,20")]
    pub limit_reactions: Rate,

    /// What one moderator does: messages that he hides, removes or restores (all of a person's count as one), people whom
    /// he kicks, bans or mutes.
    #[arg(long, env = "LIMIT_MODERATION", value_name = "RATE", default_value = "5/s,50")]
    pub limit_moderation: Rate,

    /// Messages that one user reports.
    #[arg(long, env = "LIMIT_REPORTS", value_name = "RATE", default_value = "0.1/s,10")]
    pub limit_reports: Rate,

    /// Read markers that one user sets, in all rooms. Clients send one in two seconds.
    #[arg(long, env = "LIMIT_MARKERS", value_name = "RATE", default_value = "1/2s,10")]
    pub limit_markers: Rate,

    /// Lounges and rooms that one user makes.
    #[arg(long, env = "LIMIT_ROOMS_MADE", value_name = "RATE", default_value = "5/h")]
    pub limit_rooms_made: Rate,

    /// Changes of one user: of his name, of lounges and rooms, of others' roles.
    #[arg(long, env = "LIMIT_CHANGES", value_name = "RATE", default_value = "1/s,20")]
    pub limit_changes: Rate,

    /// Rooms that one user joins.
    #[arg(long, env = "LIMIT_JOINS", value_name = "RATE", default_value = "0.1/s,20")]
    pub limit_joins: Rate,

    /// Heartbeats of one user, by all his clients without a socket: each sends one in 30 s.
    #[arg(long, env = "LIMIT_HEARTBEATS", value_name = "RATE", default_value = "0.5/s,10")]
    pub limit_heartbeats: Rate,

    /// Registrations and guests from one address.
    #[arg(long, env = "LIMIT_REGISTRATIONS", value_name = "RATE", default_value = "0.17/s,10")]
    pub limit_registrations: Rate,

    /// Reads of one user.
    #[arg(long, env = "LIMIT_READS_USER", value_name = "RATE", default_value = "50/s")]
    pub limit_reads_user: Rate,

    /// Reads from one address without a session.
    #[arg(long, env = "LIMIT_READS_ADDRESS", value_name = "RATE", default_value = "20/s")]
    pub limit_reads_address: Rate,
}

/// The table of named limits. Made once a role; each role asks those that are its own.
#[derive(Debug, Clone)]
pub struct RateLimits {
    pub posts_user: Arc<RateLimit<Uuid>>,
    pub posts_guest: Arc<RateLimit<Uuid>>,
    pub posts_room: Arc<RateLimit<Uuid>>,
    pub reactions: Arc<RateLimit<Uuid>>,
    pub moderation: Arc<RateLimit<Uuid>>,
    pub reports: Arc<RateLimit<Uuid>>,
    pub markers: Arc<RateLimit<Uuid>>,
    pub rooms_made: Arc<RateLimit<Uuid>>,
    pub changes: Arc<RateLimit<Uuid>>,
    pub joins: Arc<RateLimit<Uuid>>,
    pub heartbeats: Arc<RateLimit<Uuid>>,
    pub registrations: Arc<RateLimit<AddressKey>>,
    pub reads_user: Arc<RateLimit<Uuid>>,
    pub reads_address: Arc<RateLimit<AddressKey>>,
}

impl RateLimits {
    #[must_use]
    pub fn new(args: &RateLimitArgs) -> Self {
        if args.no_rate_limits {
            tracing::warn!("ALL RATE LIMITS ARE LIFTED: anybody may do anything as often as he likes");
        }
        let lifted = args.no_rate_limits;
        Self {
            posts_user: limit("posts-user", args.limit_posts_user, lifted),
            posts_guest: limit("posts-guest", args.limit_posts_guest, lifted),
            posts_room: limit("posts-room", args.limit_posts_room, lifted),
            reactions: limit("reactions", args.limit_reactions, lifted),
            moderation: limit("moderation", args.limit_moderation, lifted),
            reports: limit("reports", args.limit_reports, lifted),
            markers: limit("markers", args.limit_markers, lifted),
            rooms_made: limit("rooms-made", args.limit_rooms_made, lifted),
            changes: limit("changes", args.limit_changes, lifted),
            joins: limit("joins", args.limit_joins, lifted),
            heartbeats: limit("heartbeats", args.limit_heartbeats, lifted),
            registrations: limit("registrations", args.limit_registrations, lifted),
            reads_user: limit("reads-user", args.limit_reads_user, lifted),
            reads_address: limit("reads-address", args.limit_reads_address, lifted),
        }
    }
}

fn limit<K: Hash + Eq + Clone>(name: &'static str, rate: Rate, lifted: bool) -> Arc<RateLimit<K>> {
    Arc::new(if lifted { RateLimit::lifted(name, rate) } else { RateLimit::new(name, rate) })
}

/// Limits that count by address take the key of any address.
impl RateLimit<AddressKey> {
    /// Counts one for this address.
    ///
    /// # Errors
    /// As [`RateLimit::check`].
    pub fn check_address(&self, address: IpAddr) -> Result<(), Problem> {
        self.check(&address.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use clap::Parser;
    use std::num::NonZeroU32;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        limits: RateLimitArgs,
    }

    #[test]
    fn a_used_up_limit_says_when_to_come_back() {
        let limit = RateLimit::new("tea", "1/10s,2".parse().expect("a rate"));
        assert!(limit.check(&7).is_ok());
        assert!(limit.check(&7).is_ok());
        let refusal = limit.check(&7).expect_err("the burst is used up");
        assert!(limit.check(&8).is_ok(), "another key is counted apart");
        let response = refusal.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["ratelimit-policy"], "\"tea\";q=2;w=20");
        assert_eq!(response.headers()["ratelimit"], "\"tea\";r=0;t=10");
        assert_eq!(response.headers()["retry-after"], "10");
    }

    #[test]
    fn keys_that_are_fresh_again_are_forgotten() {
        let limit = RateLimit::new("tea", "1000000/s".parse().expect("a rate"));
        for key in 0..1_000 {
            assert!(limit.check(&key).is_ok());
        }
        // Each is fresh again after a microsecond, which passes by itself.
        while !limit.limiter.as_ref().expect("it limits").is_empty() {
            limit.prune();
        }
    }

    #[test]
    fn the_defaults_are_the_ones_that_the_api_promises() {
        let limits = Command::parse_from(["chatroom"]).limits;
        let told = [
            (limits.limit_posts_user, "5/s,10"),
            (limits.limit_posts_guest, "1/2s"),
            (limits.limit_posts_room, "50/s"),
            (limits.limit_rooms_made, "5/h"),
            (limits.limit_joins, "0.1/s,20"),
            (limits.limit_registrations, "0.17/s,10"),
            (limits.limit_reads_user, "50/s"),
            (limits.limit_reads_address, "20/s"),
        ];
        for (rate, promised) in told {
            assert_eq!(rate, promised.parse().expect("a rate"), "{promised}");
        }
    }

    #[test]
    fn the_defaults_are_rates_and_one_switch_lifts_them() {
        let limits = RateLimits::new(&Command::parse_from(["chatroom"]).limits);
        let room = Uuid::now_v7();
        assert!((0..51).map(|_| limits.posts_room.check(&room)).any(|checked| checked.is_err()));
        let lifted = RateLimits::new(&Command::parse_from(["chatroom", "--no-rate-limits"]).limits);
        assert!((0..500).all(|_| lifted.posts_guest.check(&room).is_ok()));
        assert_eq!(NonZeroU32::MIN, "1/2s".parse::<Rate>().expect("a rate").burst());
    }
}
