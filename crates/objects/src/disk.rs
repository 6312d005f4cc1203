//! Bytes in a directory of this machine, or of a file system made for sharing.
//!
//! ```text
//! {root}/lock                         held while a process uses the root
//! {root}/setup.lock                   held while a process starts
//! {root}/staging/{multipart}/book     who may write where (see book.rs)
//! {root}/staging/{multipart}/data     the staging file: part n at (n - 1) * part size
//! {root}/staging/{multipart}/{n}.{…}  side files: parts that could not go into their slot
//! {root}/incoming/{process}/…         blobs that have no name yet
//! {root}/blobs/{app}/{file id}/…      complete blobs
//! ```
//!
//! All on one mount, so that a name is given by a rename.

mod area;
mod blobs;
mod book;
mod complete;
mod dir;
mod list;
mod part;
mod publish;
mod root;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::area::Area;
use self::root::Root;
use crate::digests::Digests;
use crate::name::check_segment;
use crate::pump::{Pump, off_reactor};
use crate::{
    BlobName, BlobRead, BlobWriter, CompletedBlob, Length, ListedBlob, Objects, ObjectsError, PartTarget,
    PartWriter, Place, PlacedPart, Published, StagingArea,
};

/// Bytes in a directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Disk {
    root: Arc<Root>,
}

impl Disk {
    /// Opens the directory, made if missing, and removes what processes that died had begun and nobody was told of.
    ///
    /// `shared` says that other processes may have it open too, all with `shared`. Without it a second process is
    /// refused with [`ObjectsError::InUse`]. Blocks for a moment; meant for the start of a process.
    pub fn open(root: &Path, shared: bool) -> Result<Self, ObjectsError> {
        Ok(Self { root: Arc::new(Root::open(root, shared)?) })
    }

    /// Opens an existing directory to read and list beside whoever uses it: what would write fails.
    pub fn look(root: &Path) -> Result<Self, ObjectsError> {
        Ok(Self { root: Arc::new(Root::look(root)?) })
    }

    /// Runs blocking work on the root.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Root>) -> Result<T, ObjectsError> + Send + 'static,
    ) -> Result<T, ObjectsError> {
        let root = Arc::clone(&self.root);
        off_reactor(move || work(&root)).await
    }
}

#[async_trait]
impl Objects for Disk {
    async fn begin_part(&self, target: PartTarget<'_>) -> Result<Box<dyn PartWriter>, ObjectsError> {
        check_segment(target.multipart)?;
        let multipart = target.multipart.to_owned();
        let PartTarget { number, length, .. } = target;
        let slot = part::slot_of(&target);
        let sink = self.run(move |root| part::begin(root, &multipart, number, slot)).await?;
        Ok(Box::new(Pump::new(sink, length, target.digests())))
    }

    async fn discard_part(&self, multipart: &str, place: &Place) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        let (multipart, place) = (multipart.to_owned(), place.clone());
        self.run(move |root| part::discard(root, &multipart, &place)).await
    }

    async fn seal(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        let multipart = multipart.to_owned();
        self.run(move |root| Area::open_or_make(root.staging(), &multipart)?.seal()).await
    }

    async fn complete(
        &self,
        multipart: &str,
        parts: &[PlacedPart],
        blob: &BlobName,
    ) -> Result<CompletedBlob, ObjectsError> {
        check_segment(multipart)?;
        let (multipart, parts, blob) = (multipart.to_owned(), parts.to_vec(), blob.clone());
        self.run(move |root| complete::complete(root, &multipart, &parts, &blob)).await
    }

    async fn discard(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        let multipart = multipart.to_owned();
        self.run(move |root| area::discard(root.staging(), &multipart)).await
    }

    async fn begin_put(&self, blob: &BlobName, length: Length) -> Result<Box<dyn BlobWriter>, ObjectsError> {
        let blob = blob.clone();
        let sink = self.run(move |root| blobs::begin(root, blob)).await?;
        Ok(Box::new(Pump::new(sink, length, Digests::new())))
    }

    async fn publish_dir(&self, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError> {
        let (from, prefix) = (from.to_owned(), prefix.clone());
        self.run(move |root| publish::publish(root, &from, &prefix)).await
    }

    async fn read(&self, blob: &BlobName, range: Option<Range<u64>>) -> Result<BlobRead, ObjectsError> {
        let blob = blob.clone();
        self.run(move |root| blobs::read(root, &blob, range)).await
    }

    async fn head(&self, blob: &BlobName) -> Result<u64, ObjectsError> {
        let blob = blob.clone();
        self.run(move |root| {
            blobs::size(root, &blob)?.ok_or_else(|| ObjectsError::NotFound(format!("blob {blob}")))
        })
        .await
    }

    async fn delete(&self, blob: &BlobName) -> Result<(), ObjectsError> {
        let blob = blob.clone();
        self.run(move |root| blobs::delete(root, &blob)).await
    }

    async fn delete_dir(&self, prefix: &BlobName) -> Result<(), ObjectsError> {
        let prefix = prefix.clone();
        self.run(move |root| blobs::delete_dir(root, &prefix)).await
    }

    async fn list(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<ListedBlob>, ObjectsError> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.run(move |root| list::blobs(root, &prefix, &after, limit)).await
    }

    async fn list_staging(&self) -> Result<Vec<StagingArea>, ObjectsError> {
        self.run(|root| list::staging(root)).await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, ObjectsError> {
        self.run(|root| root.free_bytes().map(Some)).await
    }

    fn local_path(&self, blob: &BlobName) -> Option<PathBuf> {
        Some(self.root.path_of(blob))
    }
}
