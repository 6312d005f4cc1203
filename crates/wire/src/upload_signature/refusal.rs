//! Why a signature is refused.

use crate::ugc::Code;

/// A rule of wire reference 1.4 that a signature fails. `Display` is the sentence for the client: it names the rule
/// and the values, never the key or the MAC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Step 2: not base64, too short, not a query string, a required parameter missing or not an integer.
    #[error("{0}")]
    Malformed(String),
    /// Step 4: signed with another key, or changed after signing.
    #[error(
        "the MAC does not match: signed with another SecretKey than that of secretId {secret_id:?}, or changed after signing"
    )]
    WrongMac {
        /// The SecretId whose key was tried.
        secret_id: String,
    },
    /// Steps 5 and 6: a validity that no clock can satisfy.
    #[error("{0}")]
    Window(String),
    /// Step 7: it was good and is no longer.
    #[error(
        "signature expired: expireTime {expire_time} is not after the server's time {now}; fetch a new one"
    )]
    Expired {
        /// `expireTime`, Unix seconds.
        expire_time: i64,
        /// The server's time, Unix seconds.
        now: i64,
    },
    /// Step 9: a value outside its range.
    #[error("{0}")]
    OutOfRange(String),
}

impl Refusal {
    /// The code the official SDKs understand (wire reference 1.4).
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::WrongMac { .. } | Self::Window(_) => Code::InvalidSignature,
            Self::Expired { .. } => Code::SignatureExpired,
            Self::OutOfRange(_) => Code::InvalidRequest,
        }
    }
}
