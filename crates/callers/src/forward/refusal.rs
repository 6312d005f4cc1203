//! Why an app that was asked does not allow an upload.

use http::StatusCode;

/// Why an upload is not allowed by the app.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardRefusal {
    /// The app said no. Its own words, cleaned, are passed on.
    #[error("{message}")]
    Refused {
        /// 401 or 403, as the app answered.
        status: StatusCode,
        /// What the app said.
        message: String,
    },
    /// The app gave no answer that could be used. It is in the log already.
    #[error(
        "the app could not say whether this upload is allowed: {name} {seen}; try again, \
         and if it lasts, tell its operator"
    )]
    Failed {
        /// The entry that was asked.
        name: String,
        /// What was seen instead of an answer.
        seen: String,
    },
}

impl ForwardRefusal {
    /// The reason in one word that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "forward_auth_refused",
            Self::Failed { .. } => "forward_auth_failed",
        }
    }
}
