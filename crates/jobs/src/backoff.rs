//! How long to wait before the next attempt, and before the next look.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// The wait after the given attempt (1 for the first): doubled each time up to five minutes, of which a random half
/// is left out, so that jobs that failed together do not come back together.
pub(crate) fn after(attempt: i64) -> Duration {
    ceiling(attempt).mul_f64(rand::random_range(0.5..=1.0))
}

fn ceiling(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// `floor` with a fifth more or less, so that processes do not look all at once.
pub(crate) fn jittered(floor: Duration) -> Duration {
    floor.mul_f64(rand::random_range(0.8..=1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let seconds: Vec<_> = (0..=10).map(|attempt| ceiling(attempt).as_secs()).collect();
        assert_eq!(seconds, [2, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(ceiling(i64::MAX), LONGEST);
        assert_eq!(ceiling(i64::MIN), FIRST);
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        for _ in 0..100 {
            let wait = after(2);
            assert!((Duration::from_secs(2)..=Duration::from_secs(4)).contains(&wait), "{wait:?}");
            let look = jittered(Duration::from_secs(10));
            assert!((Duration::from_secs(8)..=Duration::from_secs(12)).contains(&look), "{look:?}");
        }
    }
}
