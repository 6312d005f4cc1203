//! What can go wrong with bytes, by what the caller can do about it.

use std::io;

use crate::InvalidName;

/// Why an operation on bytes did not happen. Whatever the variant: nothing was half-named.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// No such blob, or no staging area where `complete` needed one.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The blob's name is taken by other bytes, which stay as they are.
    #[error("{0} exists already and is never overwritten")]
    AlreadyExists(String),
    /// The multipart upload takes no more bytes: it is being completed or discarded.
    #[error("multipart upload {0} is sealed and takes no more bytes")]
    Sealed(String),
    /// More bytes came than were announced.
    #[error("more bytes arrived than the {announced} that were announced")]
    TooLong {
        /// Upper bound given at the start, in bytes.
        announced: u64,
    },
    /// The bytes ended before the announced length.
    #[error("{received} bytes arrived of the {announced} that were announced; send them again")]
    TooShort {
        /// Exact length given at the start, in bytes.
        announced: u64,
        /// Bytes that came.
        received: u64,
    },
    /// The wanted range starts behind the end.
    #[error("the range starts behind the end of a blob of {size} bytes")]
    OutOfRange {
        /// Size of the blob in bytes.
        size: u64,
    },
    /// Bytes that the caller's rows name are gone or cut. Someone must look.
    #[error("{place} is damaged: {what}; restore it from a backup")]
    Damaged {
        /// Which file.
        place: String,
        /// What was found.
        what: String,
    },
    /// A name given by the caller is not allowed.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// A directory to publish holds something that is not a plain file or directory.
    #[error("{0} cannot be published: only plain files and directories can")]
    Unpublishable(String),
    /// Another process holds the directory.
    #[error(
        "storage directory {0} is in use by another process; stop it, give this one its own directory, or set \
         storage.shared = true on every node when the directory is on a file system made for sharing"
    )]
    InUse(String),
    /// The device or the quota is full.
    #[error("no space left while trying to {action}; free space or enlarge the storage")]
    NoSpace {
        /// What was attempted, on what.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
    /// Anything else that the system refused.
    #[error("failed to {action}")]
    Io {
        /// What was attempted, on what.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl ObjectsError {
    /// Names the attempt that `source` ended.
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        let action = action.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { action, source },
            _ => Self::Io { action, source },
        }
    }
}

/// Adds the attempt to a plain I/O error.
pub(crate) trait During<T> {
    /// `action` reads after "failed to".
    fn during(self, action: impl FnOnce() -> String) -> Result<T, ObjectsError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, ObjectsError> {
        self.map_err(|source| ObjectsError::io(action(), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_told_from_other_failures() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = ObjectsError::io("write part 3", kind.into());
            assert!(matches!(error, ObjectsError::NoSpace { .. }), "{kind}");
            assert!(error.to_string().contains("write part 3"));
        }
        let other = ObjectsError::io("write part 3", io::ErrorKind::PermissionDenied.into());
        assert!(matches!(other, ObjectsError::Io { .. }));
    }
}
