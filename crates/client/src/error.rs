//! What can go wrong, by what the caller can do.

use std::path::PathBuf;

use crate::BoxError;

/// Why an upload did not finish. Whatever was acknowledged stays on the server, and the state file stays with it.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The address given is not one.
    #[error("{0:?} is not an http or https address")]
    Endpoint(String),
    /// The file cannot be read.
    #[error("reading {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing to upload.
    #[error("{0} is empty: a video of 0 bytes is refused by the server")]
    Empty(PathBuf),
    /// Size or modification time changed while the file was being sent.
    #[error("{0} changed while it was being uploaded; start again when it is finished")]
    FileChanged(PathBuf),
    /// The state file cannot be read, written or removed.
    #[error("keeping the upload's state in {path}")]
    State {
        /// The state file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The signature source failed.
    #[error("getting an upload signature")]
    Signature(#[source] BoxError),
    /// The UGC door refused.
    #[error("{action} was refused: {message} (code {code})")]
    Refused {
        /// The action.
        action: &'static str,
        /// The vendor's code: 10001 request, 10004 signature, 10005 session, 10010 expired.
        code: i32,
        /// The server's sentence.
        message: String,
    },
    /// The object leg refused.
    #[error("{operation} was refused: {message} ({code}, status {status}, request {request_id})")]
    Storage {
        /// The operation.
        operation: &'static str,
        /// HTTP status.
        status: u16,
        /// Error code such as `NoSuchUpload`; empty when the answer had none.
        code: String,
        /// The server's sentence.
        message: String,
        /// For the server's logs.
        request_id: String,
    },
    /// No answer came.
    #[error("no answer to {what}")]
    Transport {
        /// The request.
        what: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server stored other bytes than were sent.
    #[error("part {number} arrived damaged: sent MD5 {sent}, stored {stored}")]
    Damaged {
        /// The part.
        number: u32,
        /// MD5 of what was sent, hex.
        sent: String,
        /// ETag of what was stored.
        stored: String,
    },
    /// An answer that does not follow the protocol.
    #[error("{what} is not understood: {detail}")]
    Unexpected {
        /// The answer.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl UploadError {
    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { source, .. } => !source.is_builder(),
            Self::Storage { status, code, .. } => {
                *status >= 500 || *status == 429 || self.is_expired_credential() || code == "RequestTimeout"
            }
            Self::Damaged { .. } => true,
            Self::Endpoint(_)
            | Self::File { .. }
            | Self::Empty(_)
            | Self::FileChanged(_)
            | Self::State { .. }
            | Self::Signature(_)
            | Self::Refused { .. }
            | Self::Unexpected { .. } => false,
        }
    }

    /// Whether fresh credentials would help.
    pub(crate) fn is_expired_credential(&self) -> bool {
        matches!(self, Self::Storage { code, message, .. }
            if code == "ExpiredToken" || (code == "AccessDenied" && message == "Request has expired"))
    }

    /// Whether the object leg said exactly this.
    pub(crate) fn is_storage_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Storage { code, .. } if code == wanted)
    }
}
