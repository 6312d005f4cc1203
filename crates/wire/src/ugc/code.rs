//! The codes of the UGC door (wire reference 1.4).

use std::fmt;

/// Business code of an answer; the HTTP status is always 200. 500 must never become one: the web SDK takes it for a
/// transport error and changes to the vendor's other host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 0.
    Success,
    /// 10001: the body, the action, a value or a limit.
    InvalidRequest,
    /// 10004: the signature, for any reason but expiry.
    InvalidSignature,
    /// 10005: `vodSessionKey` unknown, expired, or of another application. The web SDK then starts afresh.
    SessionGone,
    /// 10010: the signature was good and is no longer; iOS shows this apart.
    SignatureExpired,
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::Success => 0,
            Self::InvalidRequest => 10001,
            Self::InvalidSignature => 10004,
            Self::SessionGone => 10005,
            Self::SignatureExpired => 10010,
        }
    }

    /// The vendor's words.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::InvalidRequest => "ugc upload | invalid request",
            Self::InvalidSignature => "ugc upload | invalid signature",
            Self::SessionGone => "ugc upload | invalid session",
            Self::SignatureExpired => "ugc upload | signature expired",
        }
    }

    /// The vendor's words followed by ours.
    pub fn message(self, sentence: impl fmt::Display) -> String {
        format!("{}: {sentence}", self.phrase())
    }
}
