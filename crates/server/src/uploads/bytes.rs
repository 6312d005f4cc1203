//! Why bytes are not taken: one list for parts, whole objects and completion.

use reelgate_objects::ObjectsError;
use reelgate_store::StoreError;
use reelgate_wire::s3::{checksum, chunked};

/// Every variant but `Internal` is the client's to mend. Whatever it is, nothing was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum BytesError {
    /// No such multipart upload, or it takes no more parts.
    #[error(
        "multipart upload {0} does not exist or takes no more parts; list the uploads or begin a new one"
    )]
    NoSuchUpload(String),
    /// More than the permission allows.
    #[error("{what} would have {size} bytes, more than the {most} this permission allows")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Bytes it would have.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// The bytes differ from the digest that came with them.
    #[error("the bytes have the MD5 {received}, not the {announced} of Content-MD5; send them again")]
    BadDigest {
        /// Hex.
        announced: String,
        /// Hex.
        received: String,
    },
    /// The bytes differ from the checksum that came with them.
    #[error(transparent)]
    BadChecksum(#[from] checksum::Differs),
    /// The bytes differ from the SHA-256 that the request was signed with.
    #[error(
        "the body has the SHA-256 {received}, not the signed {announced} of x-amz-content-sha256; send it again"
    )]
    BadSha256 {
        /// Hex.
        announced: String,
        /// Hex.
        received: String,
    },
    /// The framing of the body is broken, or its chunks are not signed as they should be.
    #[error(transparent)]
    BadFraming(#[from] chunked::Refusal),
    /// The body ended early, or the connection broke.
    #[error("the body ended before its announced length: {0}; send it again")]
    CutShort(String),
    /// Nothing came for too long.
    #[error("no byte of the body came for {0} s; send it again")]
    Stalled(u64),
    /// It came too slowly.
    #[error(
        "{received} bytes of the body came in {seconds} s, less than {min_rate} bytes per second; send it again over a \
         better connection"
    )]
    TooSlow {
        /// Bytes that came.
        received: u64,
        /// In so many seconds.
        seconds: u64,
        /// What is asked for.
        min_rate: u64,
    },
    /// The first bytes are those of no media, or of one that the permission does not allow.
    #[error("{0}")]
    NotAllowedMedia(String),
    /// The list of a completion does not fit the parts that are there.
    #[error("{0}")]
    InvalidPart(String),
    /// The session has begun as many uploads as one may.
    #[error("this upload session has begun {0} multipart uploads; resume one of them or start a new session")]
    TooManyUploads(u32),
    /// The list of a completion is not in ascending order.
    #[error("parts must be listed in ascending order, each once")]
    InvalidPartOrder,
    /// A part that is not the last is too small.
    #[error("part {number} has {size} bytes; every part but the last needs at least 1048576")]
    PartTooSmall {
        /// Its number.
        number: u32,
        /// Its bytes.
        size: u64,
    },
    /// The session ended meanwhile.
    #[error("the upload session has ended; start a new upload")]
    SessionEnded,
    /// The storage would have less free space than it keeps.
    #[error(
        "the server is short of disk space and takes no more bytes now; nothing is lost, try again later"
    )]
    NoRoom,
    /// The disk is full.
    #[error("the server has no space left; nothing was stored, try again later")]
    NoSpace(#[source] ObjectsError),
    /// Something failed inside.
    #[error("something failed inside the server; try again")]
    Internal(#[source] anyhow::Error),
}

impl From<StoreError> for BytesError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for BytesError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl BytesError {
    /// What an error of the storage means for a request on the multipart upload `id`.
    pub(super) fn of_objects(error: ObjectsError, id: &str) -> Self {
        match error {
            ObjectsError::Sealed(_) => Self::NoSuchUpload(id.to_owned()),
            ObjectsError::TooShort { .. } | ObjectsError::TooLong { .. } => Self::CutShort(error.to_string()),
            ObjectsError::NoSpace { .. } => Self::NoSpace(error),
            other => Self::Internal(other.into()),
        }
    }
}
