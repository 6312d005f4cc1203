//! Latencies of millions of requests in little memory: buckets that grow with the value, each less than 1 % wide.

/// Values below `2 * EXACT` microseconds have a bucket each.
const EXACT: u64 = 1 << EXACT_BITS;
const EXACT_BITS: u32 = 7;
/// Longer than any request that a run would survive, microseconds.
const LONGEST: u64 = (1 << 32) - 1;

/// Counts of durations in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket(LONGEST) + 1], count: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn record(&mut self, micros: u64) {
        let micros = micros.min(LONGEST);
        self.counts[bucket(micros)] += 1;
        self.count += 1;
        self.longest = self.longest.max(micros);
    }

    /// Takes over what another one has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (ours, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *ours += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The longest one, microseconds.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// What `share` (0 to 1) of them did not exceed, microseconds; 0 when nothing was counted.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(index).min(self.longest);
            }
        }
        self.longest
    }
}

/// The leading `EXACT_BITS + 1` bits of a value and how many were cut off name its bucket.
fn bucket(micros: u64) -> usize {
    let cut = (u64::BITS - micros.leading_zeros()).saturating_sub(EXACT_BITS + 1);
    (u64::from(cut) * EXACT + (micros >> cut)) as usize
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    let cut = (index / EXACT).saturating_sub(1);
    ((index - cut * EXACT + 1) << cut) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap_and_stay_narrow() {
        for index in 0..bucket(LONGEST) {
            let last = upper(index);
            assert_eq!(bucket(last), index, "{last}");
            assert_eq!(bucket(last + 1), index + 1, "{last}");
        }
        for value in [300, 5_000, 123_456, 9_999_999] {
            let reported = upper(bucket(value));
            assert!(
                reported >= value && (reported - value) * 100 < value,
                "{value} is reported as {reported}"
            );
        }
    }

    #[test]
    fn quantiles_are_what_that_share_did_not_exceed() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=100).for_each(|value| histogram.record(value));
        assert_eq!([0.0, 0.01, 0.5, 0.99, 1.0].map(|share| histogram.quantile(share)), [1, 1, 50, 99, 100]);
        histogram.record(u64::MAX);
        assert_eq!((histogram.longest(), histogram.quantile(1.0)), (LONGEST, LONGEST));
    }

    #[test]
    fn two_make_one_as_if_it_had_seen_both() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(10);
        other.record(20);
        other.record(30);
        one.add(&other);
        assert_eq!((one.count(), one.longest(), one.quantile(0.5)), (3, 30, 20));
    }
}
