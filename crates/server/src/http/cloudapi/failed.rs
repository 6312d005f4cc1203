//! Why a call is not answered with what it asked for.

use reelgate_store::StoreError;
use reelgate_wire::cloudapi::{Code, Refusal};

use crate::directory::DirectoryError;
use crate::events::render::RenderError;

/// The caller's mistake, or ours.
pub(super) enum Failed {
    Refused(Refusal),
    Internal(anyhow::Error),
}

impl Failed {
    /// What the caller is told; the cause of a failure of ours goes to the log.
    pub(super) fn refusal(self, action: &str, request_id: &str) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Internal(cause) => {
                let cause = format!("{cause:#}");
                tracing::error!(cause, action, request.id = request_id, "a cloud API call failed inside");
                Refusal::new(Code::InternalError, "something failed inside the server; try again")
            }
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<RenderError> for Failed {
    fn from(error: RenderError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<DirectoryError> for Failed {
    fn from(error: DirectoryError) -> Self {
        Self::Refused(Refusal::new(Code::InternalError, error.to_string()))
    }
}
