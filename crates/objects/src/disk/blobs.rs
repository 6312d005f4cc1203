//! Complete blobs: receiving one whole, reading, removing.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::dir::{Access, Dir};
use super::root::Root;
use crate::digests::Sums;
use crate::error::During;
use crate::objects::clamp;
use crate::pump::{Sink, off_reactor};
use crate::{BlobName, BlobRead, ObjectsError, StoredBlob};

/// Bytes read per hop to a blocking thread.
const CHUNK: u64 = 256 * 1024;

/// The blocking half of a blob writer: a file without a name of its own until `finish`.
pub(super) struct BlobSink {
    blob: BlobName,
    file: File,
    temporary: Temporary,
}

/// A file or directory among the incoming ones. Dropped, it is removed; after it got its name nothing is left to remove.
pub(super) struct Temporary {
    root: Arc<Root>,
    name: String,
}

impl Temporary {
    pub(super) fn new(root: &Arc<Root>) -> Self {
        Self { root: Arc::clone(root), name: Uuid::new_v4().simple().to_string() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives it its final name.
    pub(super) fn settle(self, blob: &BlobName) -> Result<(), ObjectsError> {
        let incoming = self.root.incoming().during(|| format!("give blob {blob} its name"))?;
        self.root.settle(incoming, &self.name, blob)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = self.root.incoming().and_then(|incoming| incoming.remove_tree(&self.name)) {
            tracing::warn!(%error, file = self.name, "unfinished bytes could not be removed; the next start removes them");
        }
    }
}

pub(super) fn begin(root: &Arc<Root>, blob: BlobName) -> Result<BlobSink, ObjectsError> {
    if size(root, &blob)?.is_some() {
        return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
    }
    let temporary = Temporary::new(root);
    let file = root.incoming().and_then(|incoming| incoming.open_file(temporary.name(), Access::CreateNew));
    let file = file.during(|| format!("make a file for blob {blob}"))?;
    Ok(BlobSink { blob, file, temporary })
}

impl Sink for BlobSink {
    type Stored = StoredBlob;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.file.write_all(bytes).during(|| format!("write blob {}", self.blob))
    }

    fn finish(self, sums: Sums) -> Result<StoredBlob, ObjectsError> {
        let Self { blob, file, temporary } = self;
        file.sync_all().during(|| format!("make blob {blob} durable"))?;
        temporary.settle(&blob)?;
        Ok(sums)
    }
}

/// Opens the blob; `None` if there is none.
fn open(root: &Root, blob: &BlobName) -> Result<Option<File>, ObjectsError> {
    let (parents, last) = blob.split();
    match root.blobs().descend(&parents).and_then(|dir| dir.open_file(last, Access::Read)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ObjectsError::io(format!("open blob {blob}"), error)),
    }
}

/// Size of the blob; `None` if there is none.
pub(super) fn size(root: &Root, blob: &BlobName) -> Result<Option<u64>, ObjectsError> {
    let Some(file) = open(root, blob)? else { return Ok(None) };
    let metadata = file.metadata().during(|| format!("look at blob {blob}"))?;
    Ok(Some(metadata.len()))
}

/// Makes a name durable that is there already.
pub(super) fn sync_name(root: &Root, blob: &BlobName) -> Result<(), ObjectsError> {
    let (parents, _) = blob.split();
    let parent = root.blobs().descend_or_make(&parents);
    parent.and_then(|parent| parent.sync()).during(|| format!("make the name of blob {blob} durable"))
}

pub(super) fn read(
    root: &Root,
    blob: &BlobName,
    range: Option<Range<u64>>,
) -> Result<BlobRead, ObjectsError> {
    let file = open(root, blob)?.ok_or_else(|| ObjectsError::NotFound(format!("blob {blob}")))?;
    let size = file.metadata().during(|| format!("look at blob {blob}"))?.len();
    let range = clamp(range, size)?;
    let state = (Arc::new(file), range.clone(), blob.clone());
    let stream = stream::try_unfold(state, |(file, left, blob)| async move {
        if left.is_empty() {
            return Ok(None);
        }
        let (from, to) = (left.start, left.end.min(left.start + CHUNK));
        let (source, name) = (Arc::clone(&file), blob.clone());
        let bytes = off_reactor(move || read_chunk(&source, from, to - from, &name)).await?;
        Ok(Some((bytes, (file, to..left.end, blob))))
    });
    Ok(BlobRead { size, range, stream: stream.boxed() })
}

fn read_chunk(file: &File, from: u64, len: u64, blob: &BlobName) -> Result<Bytes, ObjectsError> {
    let len = usize::try_from(len).expect("a chunk is small");
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, from).during(|| format!("read blob {blob}"))?;
    Ok(bytes.into())
}

pub(super) fn delete(root: &Root, blob: &BlobName) -> Result<(), ObjectsError> {
    remove(root, blob, Dir::remove_file)
}

pub(super) fn delete_dir(root: &Root, prefix: &BlobName) -> Result<(), ObjectsError> {
    remove(root, prefix, Dir::remove_tree)
}

/// Removes a name, and the directories above it that are empty then.
fn remove(
    root: &Root,
    blob: &BlobName,
    how: impl FnOnce(&Dir, &str) -> io::Result<()>,
) -> Result<(), ObjectsError> {
    let (parents, last) = blob.split();
    let parent = match root.blobs().descend(&parents) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        parent => parent.during(|| format!("find blob {blob}"))?,
    };
    how(&parent, last).and_then(|()| parent.sync()).during(|| format!("remove blob {blob}"))?;
    for depth in (0..parents.len()).rev() {
        let emptied =
            root.blobs().descend(&parents[..depth]).and_then(|above| above.remove_empty(parents[depth]));
        if emptied.is_err() {
            // Something else lives there, which is the usual case.
            break;
        }
    }
    Ok(())
}
