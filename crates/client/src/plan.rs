//! How a file is cut into parts.

use std::ops::RangeInclusive;

use reelgate_wire::cos::xml::MAX_PARTS;

/// Part size unless told otherwise, bytes: what the web SDK uses.
pub const DEFAULT_PART_SIZE: u64 = 8 << 20;
/// Smallest part but the last, bytes (wire reference 3.4).
pub const MIN_PART_SIZE: u64 = 1 << 20;

/// Equal parts, but for a shorter last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) size: u64,
    pub(crate) part_size: u64,
}

impl Plan {
    /// Parts of `wanted` bytes, or of as much more as it takes to need no more than 10000.
    pub(crate) fn new(size: u64, wanted: u64) -> Self {
        let part_size = wanted.max(MIN_PART_SIZE).max(size.div_ceil(u64::from(MAX_PARTS)));
        Self { size, part_size }
    }

    pub(crate) fn numbers(&self) -> RangeInclusive<u32> {
        let count = self.size.div_ceil(self.part_size);
        1..=u32::try_from(count).expect("a plan has at most 10000 parts")
    }

    /// Offset and length of part `number`; `None` when the file has no such part.
    pub(crate) fn part(&self, number: u32) -> Option<(u64, u64)> {
        let offset = u64::from(number.checked_sub(1)?).checked_mul(self.part_size)?;
        let length = self.size.checked_sub(offset)?.min(self.part_size);
        (length > 0).then_some((offset, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_is_the_rest() {
        let plan = Plan::new(20_971_525, DEFAULT_PART_SIZE);
        assert_eq!(plan.numbers(), 1..=3);
        assert_eq!(plan.part(3), Some((16_777_216, 4_194_309)));
        assert_eq!([plan.part(0), plan.part(4)], [None, None]);
        assert_eq!(Plan::new(DEFAULT_PART_SIZE, DEFAULT_PART_SIZE).numbers(), 1..=1);
        assert_eq!(Plan::new(1, DEFAULT_PART_SIZE).part(1), Some((0, 1)));
    }

    #[test]
    fn parts_grow_rather_than_exceed_ten_thousand_and_never_shrink_below_the_minimum() {
        let tebibyte = Plan::new(1 << 40, DEFAULT_PART_SIZE);
        assert_eq!(tebibyte.numbers().count(), 10_000);
        assert_eq!(Plan::new(1 << 30, 1).part_size, MIN_PART_SIZE);
    }

    #[test]
    fn the_parts_cover_the_file_exactly() {
        for size in [1, MIN_PART_SIZE - 1, MIN_PART_SIZE, MIN_PART_SIZE + 1, 7 * MIN_PART_SIZE + 3] {
            let plan = Plan::new(size, MIN_PART_SIZE);
            let mut next = 0;
            for number in plan.numbers() {
                let (offset, length) = plan.part(number).unwrap();
                assert_eq!(offset, next);
                next += length;
            }
            assert_eq!(next, size);
        }
    }
}
