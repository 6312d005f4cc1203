//! Why a request signature is refused.

use crate::cos::ErrorCode;

/// A reason; `Display` is the message of the error answer, [`Refusal::code`] its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not a signature of this kind.
    #[error("{0}")]
    Malformed(String),
    /// A query parameter that steers the operation is present but not covered by the signature.
    #[error("query parameter {0} is not covered by q-url-param-list")]
    Uncovered(String),
    /// The signature was made from something else, or with another key.
    #[error("{0}")]
    Mismatch(String),
    /// The key time lies in the future.
    #[error("the key time starts at {start}, after the server's time {now}; check the clock of the client")]
    NotYetValid {
        /// Start of the window, Unix seconds.
        start: i64,
        /// The server's time, Unix seconds.
        now: i64,
    },
    /// The key time has passed. The text is the vendor's to the letter: the web SDK corrects its clock upon it.
    #[error("Request has expired")]
    Expired,
}

impl Refusal {
    /// The code of the error answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed(_) => ErrorCode::InvalidArgument,
            Self::Uncovered(_) | Self::Expired => ErrorCode::AccessDenied,
            Self::Mismatch(_) => ErrorCode::SignatureDoesNotMatch,
            Self::NotYetValid { .. } => ErrorCode::RequestTimeTooSkewed,
        }
    }
}
