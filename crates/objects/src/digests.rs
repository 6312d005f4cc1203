//! MD5 and CRC-64/XZ, computed while bytes arrive.

use std::collections::HashMap;

use crc_fast::{CrcAlgorithm, Digest as Crc};
use md5::{Digest as _, Md5};

use crate::PlacedPart;

/// Size and digests of what has arrived so far.
pub struct Digests {
    md5: Option<Md5>,
    crc64: Crc,
    size: u64,
}

/// Size and digests of finished bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Size in bytes.
    pub size: u64,
    /// Hex MD5; empty if it was not computed.
    pub md5: String,
    /// CRC-64/XZ (the one that object stores call crc64ecma).
    pub crc64: u64,
}

impl Digests {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self { md5: Some(Md5::new()), ..Self::without_md5() }
    }

    /// Of nothing yet, and without the MD5, which is nine tenths of the work.
    pub fn without_md5() -> Self {
        Self { md5: None, crc64: Crc::new(CrcAlgorithm::Crc64Xz), size: 0 }
    }

    /// Takes the next bytes. About 600 MB/s with the MD5: not for the async reactor.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.crc64.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The result.
    pub fn finish(self) -> Sums {
        let md5 = self.md5.map(|md5| hex::encode(md5.finalize())).unwrap_or_default();
        Sums { size: self.size, md5, crc64: self.crc64.finalize() }
    }
}

impl Default for Digests {
    fn default() -> Self {
        Self::new()
    }
}

/// Size and CRC-64/XZ of the parts one after another, from theirs alone. Almost all parts of an upload have one size, so what
/// shifts a sum over that many bytes is made once for each size: making it costs thousands of times what using it does.
pub(crate) fn combine(parts: &[PlacedPart]) -> (u64, u64) {
    let mut shifts: HashMap<u64, Shift> = HashMap::new();
    // The sum of nothing is 0: what the algorithm puts in and out is the same and cancels.
    parts.iter().fold((0, 0), |(size, crc64), part| {
        let shift = shifts.entry(part.size).or_insert_with(|| Shift::over(part.size));
        (size.saturating_add(part.size), shift.apply(crc64) ^ part.crc64)
    })
}

/// What so many bytes of zeros do to a CRC-64/XZ, as a matrix over bits: column n is what becomes of bit n.
struct Shift([u64; 64]);

impl Shift {
    /// The generator of CRC-64/XZ, reflected.
    const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

    /// Over `bytes` zeros: the matrix of one zero bit, raised to their number by squaring.
    fn over(bytes: u64) -> Self {
        let mut power =
            Self(std::array::from_fn(|bit| if bit == 0 { Self::POLYNOMIAL } else { 1 << (bit - 1) }));
        for _ in 0..3 {
            power = power.then(&power);
        }
        let mut whole = Self(std::array::from_fn(|bit| 1 << bit));
        let mut left = bytes;
        while left > 0 {
            if left & 1 == 1 {
                whole = whole.then(&power);
            }
            power = power.then(&power);
            left >>= 1;
        }
        whole
    }

    fn apply(&self, sum: u64) -> u64 {
        let mut rest = sum;
        let mut shifted = 0;
        while rest > 0 {
            shifted ^= self.0[rest.trailing_zeros() as usize];
            rest &= rest - 1;
        }
        shifted
    }

    /// This and then `next`.
    fn then(&self, next: &Self) -> Self {
        Self(self.0.map(|column| next.apply(column)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use proptest::prelude::*;

    fn sums(bytes: &[u8]) -> Sums {
        let mut digests = Digests::new();
        digests.update(bytes);
        digests.finish()
    }

    #[test]
    fn check_values_of_the_catalogues() {
        let sums = sums(b"123456789");
        assert_eq!(sums.crc64, 11_051_210_869_376_104_954);
        assert_eq!(sums.md5, "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(sums.size, 9);
    }

    #[test]
    fn large_parts_combine_as_the_library_has_it() {
        for (first, second, size) in [(1, 2, 8 << 20), (u64::MAX, 0, 5 << 30), (0, 7, 1), (9, 0, 0)] {
            let expected = crc_fast::checksum_combine(CrcAlgorithm::Crc64Xz, first, second, size);
            assert_eq!(Shift::over(size).apply(first) ^ second, expected, "{size}");
        }
    }

    proptest! {
        #[test]
        fn combined_parts_equal_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6)) {
            let placed: Vec<_> = parts.iter().zip(1..).map(|(bytes, number)| {
                let Sums { size, crc64, .. } = sums(bytes);
                PlacedPart { number, place: Place::new("slot:0"), size, crc64 }
            }).collect();
            let whole = sums(&parts.concat());
            prop_assert_eq!(combine(&placed), (whole.size, whole.crc64));
        }
    }
}
