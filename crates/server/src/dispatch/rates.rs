//! How many signatures a user gets: token buckets, one for each user of a policy, in this process. What must be exact
//! over all nodes is a quota, and a row (`uploads/quota.rs`).

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use reelgate_model::{AppId, Clock};

use super::refusal::IssueError;
use crate::config::{CallerSettings, Dispatch, Rate};

/// After so many signatures the buckets that are full again are forgotten.
const FORGET_EVERY: u32 = 8_192;

/// The buckets of this process.
pub(super) struct Rates {
    /// By the place of the policy in the configuration.
    policies: Vec<Option<Buckets>>,
    anonymous: Option<Buckets>,
    /// Users are known by a hash, so that a bucket takes the same room whatever their names are.
    hasher: std::hash::RandomState,
    taken: AtomicU32,
}

struct Buckets {
    rate: Rate,
    limiter: RateLimiter<u64, DashMapStateStore<u64>, BucketClock, NoOpMiddleware<Nanos>>,
    clock: BucketClock,
}

/// The application's clock as the buckets want it: only forward.
#[derive(Clone, Debug)]
struct BucketClock(Clock);

impl governor::clock::Clock for BucketClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl Rates {
    pub(super) fn new(settings: &Dispatch, clock: &Clock) -> Self {
        let anonymous = settings.callers.iter().find_map(|one| match one {
            CallerSettings::Anonymous(rate, _) => Some(Buckets::new(*rate, clock)),
            CallerSettings::ApiKey | CallerSettings::Jwt(..) | CallerSettings::Forward(..) => None,
        });
        let policies = settings.policies.iter().map(|one| one.rate.map(|rate| Buckets::new(rate, clock)));
        Self {
            policies: policies.collect(),
            anonymous,
            hasher: std::hash::RandomState::new(),
            taken: AtomicU32::new(0),
        }
    }

    /// Takes a signature out of the bucket of an anonymous address.
    pub(super) fn take_anonymous(&self, address: &str) -> Result<(), IssueError> {
        self.take(self.anonymous.as_ref(), AppId(0), "address", address)
    }

    /// Takes a signature out of the bucket that the policy at `place` has for `user`.
    pub(super) fn take_policy(&self, place: usize, app: AppId, user: &str) -> Result<(), IssueError> {
        self.take(self.policies.get(place).and_then(Option::as_ref), app, "user", user)
    }

    fn take(&self, buckets: Option<&Buckets>, app: AppId, what: &str, who: &str) -> Result<(), IssueError> {
        let Some(buckets) = buckets else { return Ok(()) };
        if self.taken.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.forget();
        }
        let key = self.hasher.hash_one((app, who));
        buckets.limiter.check_key(&key).map_err(|refused| IssueError::TooMany {
            whose: format!("{what} {who:?}"),
            per_minute: buckets.rate.per_minute.get(),
            wait: buckets.wait(&refused),
        })
    }

    /// Drops buckets that are full again: a missing one is full, too.
    fn forget(&self) {
        for buckets in self.policies.iter().chain([&self.anonymous]).flatten() {
            buckets.limiter.retain_recent();
        }
    }
}

impl Buckets {
    fn new(rate: Rate, clock: &Clock) -> Self {
        let clock = BucketClock(clock.clone());
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), clock.clone());
        Self { rate, limiter, clock }
    }

    fn wait(&self, refused: &NotUntil<Nanos>) -> Duration {
        refused.wait_time_from(self.clock.now())
    }
}
