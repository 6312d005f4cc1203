//! Identifiers whose form is part of the contract.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Time;

/// An application: the vendor's SubAppId. The main application has the account's AppId.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(pub i64);

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One file of the library. 18 or 19 decimal digits, always below 2^63; a string wherever JSON is spoken,
/// because it exceeds 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub i64);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not an id of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a valid {1}: expected decimal digits below 2^63")]
pub struct ParseIdError(String, &'static str);

impl FromStr for FileId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse(text).map(Self).ok_or_else(|| ParseIdError(text.to_owned(), "FileId"))
    }
}

impl FromStr for AppId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse(text).map(Self).ok_or_else(|| ParseIdError(text.to_owned(), "application id"))
    }
}

fn parse(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse::<i64>().ok()).flatten().filter(|value| *value > 0)
}

/// Gives out [`FileId`]s that grow with time.
///
/// Layout: 41 bits of milliseconds since 2020-01-01, 10 bits of node, 12 bits of sequence. The node part is
/// random per process, so two nodes can collide in theory; the primary key of the rows is the last word and
/// callers draw again when an insert says so.
#[derive(Debug)]
pub struct FileIds {
    node: i64,
    sequence: AtomicU32,
}

/// 2020-01-01T00:00:00Z in epoch milliseconds.
const ID_EPOCH: i64 = 1_577_836_800_000;

impl FileIds {
    /// A source of ids with a random node part.
    pub fn new() -> Self {
        Self { node: rand::random_range(0..1 << 10), sequence: AtomicU32::new(0) }
    }

    /// The next id at time `now`.
    pub fn next(&self, now: Time) -> FileId {
        let sequence = i64::from(self.sequence.fetch_add(1, Ordering::Relaxed) & 0xfff);
        let millis = (now.0 - ID_EPOCH).clamp(1 << 36, (1 << 41) - 1);
        FileId(millis << 22 | self.node << 12 | sequence)
    }
}

impl Default for FileIds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_18_or_19_digits_and_never_repeat_within_a_node() {
        let ids = FileIds::new();
        let mut seen = std::collections::HashSet::new();
        for at in [0, 1_700_000_000_000, 1_800_000_000_000, 3_700_000_000_000] {
            for _ in 0..4096 {
                let id = ids.next(Time(at));
                assert!((18..=19).contains(&id.to_string().len()), "{id}");
                assert!(id.0 > 0);
                seen.insert(id);
            }
        }
        assert_eq!(seen.len(), 4 * 4096);
    }

    #[test]
    fn only_plain_positive_decimals_parse() {
        assert_eq!("5576678019876543210".parse(), Ok(FileId(5_576_678_019_876_543_210)));
        for bad in ["", "0", "-1", "+1", " 1", "1e3", "9223372036854775808", "١"] {
            assert!(bad.parse::<FileId>().is_err(), "{bad}");
        }
    }
}
