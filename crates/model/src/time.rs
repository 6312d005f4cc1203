//! Time as the rows have it, and the one clock everybody asks.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A moment: UTC, milliseconds since the Unix epoch, the form in which it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// Whole seconds since the Unix epoch, as the vendor's formats want them.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `seconds` after the Unix epoch.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Tells the time of the database: this machine's clock plus a measured offset, so that every node agrees on
/// leases and deadlines. Tests make one that stands still and is moved by hand.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Machine { offset_ms: AtomicI64, since: std::time::Instant },
    Manual { now_ms: AtomicI64 },
}

impl Clock {
    /// The machine's clock, with no offset until [`Clock::set_offset_ms`] is told one.
    pub fn machine() -> Self {
        Self(Arc::new(Source::Machine { offset_ms: AtomicI64::new(0), since: std::time::Instant::now() }))
    }

    /// A clock that stands at `now` until it is moved. For tests.
    pub fn manual(now: Time) -> Self {
        Self(Arc::new(Source::Manual { now_ms: AtomicI64::new(now.0) }))
    }

    /// The current time.
    pub fn now(&self) -> Time {
        match &*self.0 {
            Source::Machine { offset_ms, .. } => Time(machine_ms() + offset_ms.load(Ordering::Relaxed)),
            Source::Manual { now_ms } => Time(now_ms.load(Ordering::Relaxed)),
        }
    }

    /// Time that only goes forward, from an arbitrary start: for intervals, which a corrected clock must not stretch. A
    /// manual clock moves it too.
    pub fn elapsed(&self) -> Duration {
        match &*self.0 {
            Source::Machine { since, .. } => since.elapsed(),
            Source::Manual { now_ms } => {
                Duration::from_millis(u64::try_from(now_ms.load(Ordering::Relaxed)).unwrap_or(0))
            }
        }
    }

    /// Sets how far the database's clock is ahead of this machine's. A manual clock ignores it.
    pub fn set_offset_ms(&self, offset: i64) {
        if let Source::Machine { offset_ms, .. } = &*self.0 {
            offset_ms.store(offset, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward. The machine's clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { now_ms } = &*self.0 {
            now_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
fn machine_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Time(1_000));
        clock.set_offset_ms(50);
        assert_eq!(clock.now(), Time(1_000));
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Time(3_000));
    }

    #[test]
    fn the_offset_of_the_database_moves_the_machine_clock() {
        let clock = Clock::machine();
        let before = clock.now();
        clock.set_offset_ms(3_600_000);
        assert!(clock.now().since(before) >= Duration::from_secs(3_599));
    }
}
