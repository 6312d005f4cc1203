//! The trait: what the rest of Reelgate may ask of the place where bytes are.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::{BlobName, CompletedBlob, Length, ObjectsError, PartTarget, Place, PlacedPart, StoredPart, Sums};

/// Where bytes are kept. Two kinds of places: *staging areas*, one per multipart upload and found by its id, and
/// *blobs*, which are complete, immutable and named.
///
/// Every method that returns `Ok` has made its effect durable first. All may be called again after a crash.
#[async_trait]
pub trait Objects: Send + Sync + fmt::Debug + 'static {
    /// Starts receiving one part. `Sealed` once the upload is being completed or discarded.
    async fn begin_part(&self, target: PartTarget<'_>) -> Result<Box<dyn PartWriter>, ObjectsError>;

    /// Gives up the bytes of one part that no row names any more (it was sent again). Bytes that share the staging
    /// file stay until the area goes. Gone already is fine.
    async fn discard_part(&self, multipart: &str, place: &Place) -> Result<(), ObjectsError>;

    /// Closes the upload for writers: when this returns, no write is under way and none will follow; open writers
    /// fail with `Sealed` at their next call. There is no way back.
    async fn seal(&self, multipart: &str) -> Result<(), ObjectsError>;

    /// Seals, then makes one blob of `parts` in the order given. The caller's rows guard that one upload is
    /// completed with one list and a name of its own. Idempotent: run again after a crash at any point it ends the same way.
    ///
    /// The staging area stays until [`Objects::discard`], which the caller calls once its row says completed.
    async fn complete(
        &self,
        multipart: &str,
        parts: &[PlacedPart],
        blob: &BlobName,
    ) -> Result<CompletedBlob, ObjectsError>;

    /// Seals and removes a staging area with everything in it. Gone already is fine.
    async fn discard(&self, multipart: &str) -> Result<(), ObjectsError>;

    /// Starts receiving a whole blob. It appears under its name when `finish` returns, or never.
    async fn begin_put(&self, blob: &BlobName, length: Length) -> Result<Box<dyn BlobWriter>, ObjectsError>;

    /// Moves or copies every file below the local directory `from` to `{prefix}/…`, all at once: nobody sees half of
    /// them. Names that are not [`BlobName`] segments, links and special files are refused. Whoever wrote the files must
    /// have ended. `from` is left with nothing that can be relied on, also after an error.
    async fn publish_dir(&self, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError>;

    /// Reads a blob, or `range` of it (cut to its end; `OutOfRange` if it starts behind the end).
    async fn read(&self, blob: &BlobName, range: Option<Range<u64>>) -> Result<BlobRead, ObjectsError>;

    /// Size of a blob in bytes.
    async fn head(&self, blob: &BlobName) -> Result<u64, ObjectsError>;

    /// Removes a blob. Gone already is fine.
    async fn delete(&self, blob: &BlobName) -> Result<(), ObjectsError>;

    /// Removes every blob below `{prefix}/`. None there is fine.
    async fn delete_dir(&self, prefix: &BlobName) -> Result<(), ObjectsError>;

    /// Up to `limit` blobs whose names begin with `prefix` and come after `after` (empty: from the first), by the bytes of
    /// their names. For looking after the storage: what comes or goes meanwhile may be missing or listed.
    async fn list(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<ListedBlob>, ObjectsError>;

    /// All staging areas, in no order.
    async fn list_staging(&self) -> Result<Vec<StagingArea>, ObjectsError>;

    /// Bytes that can still be stored, where the backend knows: of the file system that holds them.
    async fn free_bytes(&self) -> Result<Option<u64>, ObjectsError>;

    /// The file that holds the blob, where there is one on this machine, for a child process that reads in place. It
    /// must never be written to. Says nothing about whether the blob exists.
    fn local_path(&self, blob: &BlobName) -> Option<PathBuf>;
}

/// Receives one part. Dropped unfinished, its bytes are given up.
///
/// Memory is bounded (256 KiB), hashing and writing happen off the async reactor. After an error every further call fails.
#[async_trait]
pub trait PartWriter: Send {
    /// Takes the next bytes; waits while the disk is behind. `TooLong` at the first byte that was not announced.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError>;

    /// Makes the part durable. `TooShort` if announced bytes are missing.
    async fn finish(self: Box<Self>) -> Result<StoredPart, ObjectsError>;
}

/// Receives one blob. Dropped unfinished, its bytes are given up. Otherwise as [`PartWriter`].
#[async_trait]
pub trait BlobWriter: Send {
    /// Takes the next bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError>;

    /// Makes the blob durable and gives it its name. `AlreadyExists` if the name is taken.
    async fn finish(self: Box<Self>) -> Result<StoredBlob, ObjectsError>;
}

/// A blob that was received whole: its size and digests.
pub type StoredBlob = Sums;

/// What `publish_dir` put in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Number of files.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// A blob as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBlob {
    /// Its name. Not a [`BlobName`], since somebody else may have put it there.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When its bytes were last written, where the backend tells it by this machine's clock.
    pub modified: Option<SystemTime>,
}

/// A staging area as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagingArea {
    /// The multipart upload that it is for, by its name.
    pub multipart: String,
    /// When something in it was last made or removed, where the backend tells it by this machine's clock.
    pub modified: Option<SystemTime>,
}

/// Bytes as they come from the backend, in order.
pub type ByteStream = BoxStream<'static, Result<Bytes, ObjectsError>>;

/// A blob that is being read.
pub struct BlobRead {
    /// Size of the whole blob in bytes.
    pub size: u64,
    /// What `stream` gives of it.
    pub range: Range<u64>,
    /// The bytes; ends with an error if fewer are there than the range has.
    pub stream: ByteStream,
}

impl fmt::Debug for BlobRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, range, stream: _ } = self;
        f.debug_struct("BlobRead").field("size", size).field("range", range).finish_non_exhaustive()
    }
}

/// Cuts `wanted` to a blob of `size` bytes.
pub(crate) fn clamp(wanted: Option<Range<u64>>, size: u64) -> Result<Range<u64>, ObjectsError> {
    let Some(wanted) = wanted else { return Ok(0..size) };
    if wanted.start > size || wanted.start > wanted.end {
        return Err(ObjectsError::OutOfRange { size });
    }
    Ok(wanted.start..wanted.end.min(size))
}
