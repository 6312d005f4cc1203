//! How often one address may fail to sign in. A token has more than 190 bits, so this is against noise, not against
//! guessing; it is kept per process on purpose.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reelgate_model::Time;

/// Failures in a row that are let through.
const BURST: u32 = 5;
/// How long until one more is let through.
const REFILL: Duration = Duration::from_secs(10);
/// Addresses remembered; beyond it those that have waited long enough are forgotten.
const REMEMBERED: usize = 4096;

/// Token buckets by address (IPv6: by /64, which is what one customer has).
#[derive(Clone, Debug, Default)]
pub struct SignInLimit(Arc<Mutex<HashMap<IpAddr, Bucket>>>);

#[derive(Debug)]
struct Bucket {
    left: u32,
    since: Time,
}

impl SignInLimit {
    /// Takes one try of `address`, or says how long to wait.
    pub fn take(&self, address: IpAddr, now: Time) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| now.since(bucket.since) < REFILL * BURST);
        }
        if buckets.len() >= REMEMBERED {
            return Err(REFILL);
        }
        let bucket = buckets.entry(group(address)).or_insert(Bucket { left: BURST, since: now });
        bucket.refill(now);
        if bucket.left == 0 {
            return Err(REFILL.saturating_sub(now.since(bucket.since)));
        }
        bucket.left -= 1;
        Ok(())
    }

    /// The try was a success and does not count.
    pub fn give_back(&self, address: IpAddr) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&group(address)) {
            bucket.left = (bucket.left + 1).min(BURST);
        }
    }
}

impl Bucket {
    fn refill(&mut self, now: Time) {
        let steps = u32::try_from(now.since(self.since).as_secs() / REFILL.as_secs()).unwrap_or(u32::MAX);
        if steps > 0 {
            self.left = self.left.saturating_add(steps).min(BURST);
            self.since = now;
        }
    }
}

fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_run_out_and_come_back_with_time() {
        let limit = SignInLimit::default();
        let (one, neighbour, other) = ("2001:db8::1", "2001:db8::2", "192.0.2.1");
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for _ in 0..BURST {
            limit.take(address(one), Time(0)).unwrap();
        }
        assert_eq!(limit.take(address(neighbour), Time(4_000)), Err(Duration::from_secs(6)));
        limit.take(address(other), Time(4_000)).unwrap();
        limit.take(address(one), Time(10_000)).unwrap();
        assert!(limit.take(address(one), Time(10_000)).is_err());
        limit.give_back(address(one));
        limit.take(address(one), Time(10_000)).unwrap();
    }

    #[test]
    fn a_flood_of_addresses_is_refused_instead_of_remembered() {
        let limit = SignInLimit::default();
        for n in 0..5_000_u32 {
            let _ = limit.take(IpAddr::from(n.to_be_bytes()), Time(0));
        }
        assert!(limit.0.lock().unwrap().len() <= REMEMBERED);
        limit.take("192.0.2.1".parse().unwrap(), Time(100_000)).unwrap();
    }
}
