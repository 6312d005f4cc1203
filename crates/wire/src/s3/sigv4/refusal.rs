//! Why a request signature is refused.

use crate::cos::ErrorCode;

/// A reason; `Display` is the message of the error answer, [`Refusal::code`] its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The header is not a signature of this kind.
    #[error("{0}")]
    MalformedHeader(String),
    /// The query is not a signature of this kind.
    #[error("{0}")]
    MalformedQuery(String),
    /// Something that must be signed is not.
    #[error("{0} is in the request but not among the signed headers")]
    Uncovered(String),
    /// The signature was made from something else, or with another key.
    #[error("{0}")]
    Mismatch(String),
    /// The clocks of the two sides differ too much.
    #[error("the request was signed at {signed}, the server's time is {now}; check the clock of the client")]
    Skewed {
        /// When it was signed, Unix seconds.
        signed: i64,
        /// The server's time, Unix seconds.
        now: i64,
    },
    /// The presigned URL has had its time.
    #[error("Request has expired")]
    Expired,
    /// `x-amz-content-sha256` is missing or is no hash that is known here.
    #[error("{0}")]
    PayloadHash(String),
    /// A way of signing bodies that nobody was seen to use.
    #[error(
        "{0} is not offered here; sign the body with UNSIGNED-PAYLOAD, its SHA-256 or HMAC-SHA256 chunks"
    )]
    NotOffered(String),
}

impl Refusal {
    /// The code of the error answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::MalformedHeader(_) => ErrorCode::AuthorizationHeaderMalformed,
            Self::MalformedQuery(_) => ErrorCode::AuthorizationQueryParametersError,
            Self::Uncovered(_) | Self::Expired => ErrorCode::AccessDenied,
            Self::Mismatch(_) => ErrorCode::SignatureDoesNotMatch,
            Self::Skewed { .. } => ErrorCode::RequestTimeTooSkewed,
            Self::PayloadHash(_) => ErrorCode::InvalidArgument,
            Self::NotOffered(_) => ErrorCode::NotImplemented,
        }
    }
}
