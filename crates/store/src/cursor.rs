//! A place in the event log, as readers keep it (docs/adr/0003-event-cursor.md).

use std::fmt;
use std::str::FromStr;

/// How far a reader has read. Its text form, `{epoch}.{txid}.{seq}`, is opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which life of the database it belongs to; 32 lower-case hex digits.
    pub epoch: String,
    /// Order in which writers may still commit; always 0 on SQLite.
    pub txid: i64,
    /// Order of insertion.
    pub seq: i64,
}

impl Cursor {
    /// Whether this place comes later than `other`, in the same epoch.
    pub fn is_after(&self, other: &Self) -> bool {
        (self.txid, self.seq) > (other.txid, other.seq)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.epoch, self.txid, self.seq)
    }
}

/// The text is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an event cursor: use one that was handed out, or none to begin at the start")]
pub struct ParseCursorError(String);

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        // The text may come from a stranger: what is printed back stays short.
        parse(text).ok_or_else(|| ParseCursorError(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let mut parts = text.split('.');
    let (epoch, txid, seq) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = epoch.len() == 32 && epoch.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !hex || parts.next().is_some() {
        return None;
    }
    Some(Cursor { epoch: epoch.to_owned(), txid: number(txid)?, seq: number(seq)? })
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        let cursor = Cursor { epoch: "0123456789abcdef0123456789abcdef".to_owned(), txid: 7, seq: i64::MAX };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn anything_else_is_refused() {
        let epoch = "0123456789abcdef0123456789abcdef";
        for bad in ["", "..", "1.2", "x.1.2", "0123.1.2"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        for tail in ["1", "1.2.3", "-1.2", "1.+2", "1.", "1.9223372036854775808", "1.2\0"] {
            assert!(format!("{epoch}.{tail}").parse::<Cursor>().is_err(), "{tail}");
        }
    }
}
