//! Why an upload call is refused: by what the client can do about it.

use reelgate_store::StoreError;
use reelgate_wire::upload_signature;

use crate::directory::DirectoryError;

/// Every variant but `Internal` is the client's to mend; the text is for people and says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The signature fails a rule of wire reference 1.4.
    #[error(transparent)]
    Signature(#[from] upload_signature::Refusal),
    /// The signature is well made but not good for this: unknown SecretId, another application, used up.
    #[error("{0}")]
    NotPermitted(String),
    /// A value or a limit; names it.
    #[error("{0}")]
    Invalid(String),
    /// The session is unknown, over, or somebody else's; the client starts anew.
    #[error("{0}")]
    SessionGone(String),
    /// Something failed inside; nothing was changed.
    #[error("something failed inside the server; try again")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<DirectoryError> for Refusal {
    fn from(error: DirectoryError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}
