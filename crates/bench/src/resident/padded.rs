//! Videos of any size: a short one followed by a `free` box (ISO/IEC 14496-12 section 8.1.2), which every reader
//! of MP4 skips.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Header of a box: 32-bit size, then the type.
const HEADER: u64 = 8;

/// Writes `sample`, padded to `size` bytes, to `path`. The padding is zeros that take no room on the client's disk.
pub(crate) fn write(sample: &Path, path: &Path, size: u64) -> Result<()> {
    let head = std::fs::copy(sample, path)
        .with_context(|| format!("sample {} cannot be copied", sample.display()))?;
    let padding = size
        .checked_sub(head)
        .filter(|padding| *padding >= HEADER)
        .and_then(|padding| u32::try_from(padding).ok());
    let padding =
        padding.with_context(|| format!("{} cannot be padded to {size} bytes", sample.display()))?;
    let append = || {
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(&padding.to_be_bytes())?;
        file.write_all(b"free")?;
        file.set_len(size)
    };
    append().with_context(|| format!("{} cannot be padded", path.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_box_reaches_exactly_to_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let (sample, path) = (directory.path().join("s"), directory.path().join("p"));
        std::fs::write(&sample, b"head").unwrap();
        super::write(&sample, &path, 20).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"head\0\0\0\x10free\0\0\0\0\0\0\0\0");
        assert!(super::write(&sample, &path, 11).is_err());
    }
}
