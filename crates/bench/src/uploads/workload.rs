//! What is uploaded: the three shapes that people have. One film, a gallery of clips, thousands of snippets.

use crate::MIB;

/// Files of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workload {
    /// For people.
    pub(crate) name: &'static str,
    /// How many files.
    pub(crate) files: usize,
    /// Bytes of each.
    pub(crate) size: u64,
    /// How many are under way at once, one connection each.
    pub(crate) at_once: usize,
    /// Parts of one file that are under way at once where a file has parts, one connection each.
    pub(crate) parts_at_once: usize,
}

/// Bytes of a part in the measurement of bytes.
pub(crate) const PART: u64 = 8 * MIB;

impl Workload {
    /// One large file.
    pub(crate) fn film(scale: f64) -> Self {
        let size = (scaled(2048 * MIB, scale) / PART).max(1) * PART;
        Self { name: "1 x 2 GiB", files: 1, size, at_once: 1, parts_at_once: 4 }
    }

    /// Clips, `at_once` of them.
    pub(crate) fn clips(scale: f64, at_once: usize) -> Self {
        let files = files(64, scale).max(at_once);
        Self { name: "64 x 32 MiB", files, size: 32 * MIB, at_once, parts_at_once: 1 }
    }

    /// Snippets.
    pub(crate) fn snippets(scale: f64) -> Self {
        let files = files(2000, scale).max(100);
        Self { name: "2000 x 256 KiB", files, size: MIB / 4, at_once: 16, parts_at_once: 1 }
    }

    /// All its bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.size * self.files as u64
    }

    /// What it is when scaled: `"16 x 32 MiB, 16 at once"`.
    pub(crate) fn describe(&self) -> String {
        let size = match self.size {
            size if size < MIB => format!("{} KiB", size / 1024),
            size => format!("{} MiB", size / MIB),
        };
        format!("{} x {size}, {} at once", self.files, self.at_once)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a scale is positive, and bytes of a measurement are far below 2^52"
)]
fn scaled(bytes: u64, scale: f64) -> u64 {
    (bytes as f64 * scale) as u64
}

fn files(number: u64, scale: f64) -> usize {
    usize::try_from(scaled(number, scale)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_leaves_whole_parts_and_enough_files_for_all_connections() {
        assert_eq!(Workload::film(1.0).bytes(), 2048 * MIB);
        assert_eq!(Workload::film(0.1).size, 25 * PART);
        assert_eq!(Workload::film(0.0001).size, PART);
        assert_eq!(Workload::clips(1.0, 16).describe(), "64 x 32 MiB, 16 at once");
        assert_eq!(Workload::clips(0.01, 16).files, 16);
        assert_eq!(Workload::snippets(0.1).describe(), "200 x 256 KiB, 16 at once");
    }
}
