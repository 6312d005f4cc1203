//! Names that are safe as paths on any backend.

use std::fmt;
use std::str::FromStr;

/// Longest name in bytes.
const NAME_MAX: usize = 512;
/// Longest segment in bytes.
const SEGMENT_MAX: usize = 128;
/// Most segments of one name.
const DEPTH_MAX: usize = 12;

/// Where a complete blob lives: a relative path such as `1400000000/5285890780000000001/a1b2.mp4`.
///
/// One to 12 segments of 1 to 128 bytes of `[A-Za-z0-9._-]`, none with a leading dot, 512 bytes in all. So there is no way
/// to write `..`, an absolute path, an empty segment or a hidden file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobName(String);

/// The text is not a name that bytes may be stored under.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a storage name: expected segments of letters, digits, '.', '_' and '-' without a leading dot"
)]
pub struct InvalidName(String);

impl BlobName {
    /// Checks a path.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        let fits = text.len() <= NAME_MAX && text.split('/').count() <= DEPTH_MAX;
        if fits && text.split('/').all(is_segment) { Ok(Self(text)) } else { Err(InvalidName(text)) }
    }

    /// The blob at the relative `path` below this name.
    pub fn join(&self, path: &str) -> Result<Self, InvalidName> {
        Self::new(format!("{}/{path}", self.0))
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Directories from the outermost, and the last segment.
    pub(crate) fn split(&self) -> (Vec<&str>, &str) {
        let mut parents: Vec<&str> = self.0.split('/').collect();
        let last = parents.pop().expect("splitting gives at least one segment");
        (parents, last)
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BlobName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

/// Refuses an id that could not be one directory.
pub(crate) fn check_segment(text: &str) -> Result<(), InvalidName> {
    if is_segment(text) { Ok(()) } else { Err(InvalidName(text.to_owned())) }
}

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=SEGMENT_MAX).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_pass() {
        for good in ["a", "1400000000/528/a1b2.mp4", "a/b-c/d_e.tar.gz", "x..y"] {
            assert_eq!(BlobName::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn names_that_could_leave_the_root_do_not() {
        let long = "a".repeat(SEGMENT_MAX + 1);
        let deep = vec!["a"; DEPTH_MAX + 1].join("/");
        let bad = [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", ".hidden", "a/.b", "a\\b", "a b", "é", "a\0b",
            "a\n",
        ];
        for bad in bad.into_iter().chain([long.as_str(), deep.as_str()]) {
            assert!(BlobName::new(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_stays_below_its_root(text in "[a./\\\\-]{0,12}|.{0,20}") {
            if let Ok(name) = BlobName::new(text) {
                let path = std::path::Path::new(name.as_str());
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }
}
