//! Bytes in a bucket of an S3-compatible store.
//!
//! Parts stream through into the store's own multipart upload, from any node, and never touch this machine's disk; parts
//! below the store's minimum are objects of their own and joined at completion. Blobs have names, which are small
//! objects that say where the bytes are (`names`): a name is given once and to bytes that are there. The store must know
//! conditional writes (`If-None-Match: *`). See `staging` for what is where, and docs/adr/0014-bytes-in-s3.md for why.

mod blob;
mod client;
mod complete;
mod names;
mod part;
mod publish;
mod staging;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use url::Url;

use self::client::Client;
use self::names::{DIRECTORY, Names};
use crate::digests::Digests;
use crate::name::check_segment;
use crate::objects::clamp;
use crate::pump::Pump;
use crate::{
    BlobName, BlobRead, BlobWriter, CompletedBlob, Length, ListedBlob, Objects, ObjectsError, PartTarget,
    PartWriter, Place, PlacedPart, Published, StagingArea,
};

/// Which store, and how to sign.
#[derive(Clone)]
pub struct S3Config {
    /// Origin of the store.
    pub endpoint: Url,
    /// Its region, as signatures name it.
    pub region: String,
    /// The bucket, which must exist.
    pub bucket: String,
    /// What all keys begin with; empty or ending with a slash.
    pub prefix: String,
    /// `{endpoint}/{bucket}/{key}` instead of `{bucket}.{endpoint}/{key}`.
    pub path_style: bool,
    /// Least size that the store takes for parts other than the last, bytes.
    pub min_part: u64,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint.as_str())
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Bytes in a bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Arc<Client>,
    names: Arc<Names>,
    min_part: u64,
}

impl S3 {
    /// A store. Asks it nothing yet.
    pub fn new(config: &S3Config) -> Result<Self, ObjectsError> {
        let client = Arc::new(Client::new(config)?);
        let names = Arc::new(Names::new(Arc::clone(&client)));
        Ok(Self { client, names, min_part: config.min_part })
    }

    /// The same store as another process has it: nothing of what this one remembers.
    pub fn another_node(&self) -> Self {
        Self { names: Arc::new(Names::new(Arc::clone(&self.client))), ..self.clone() }
    }

    /// Whether the bucket is there, may be written, and knows conditional writes.
    pub async fn check(&self) -> Result<(), ObjectsError> {
        let key = format!("check/{}", uuid::Uuid::new_v4().simple());
        let first = self.client.put_new(&key, "check".into()).await?;
        let second = self.client.put_new(&key, "check".into()).await?;
        self.client.delete(&key).await?;
        if first && !second {
            return Ok(());
        }
        Err(ObjectsError::io(
            "use the S3 store",
            std::io::Error::other(
                "it ignores If-None-Match, so two nodes could give one name twice; use a store with conditional writes",
            ),
        ))
    }

    /// A URL with which its holder may put one object at `key`, and no other, for so long: the store itself checks it, so the
    /// bytes need not pass through this process.
    pub fn grant_put(&self, key: &str, for_how_long: Duration) -> Url {
        self.client.grant(key, for_how_long)
    }
}

#[async_trait]
impl Objects for S3 {
    async fn begin_part(&self, target: PartTarget<'_>) -> Result<Box<dyn PartWriter>, ObjectsError> {
        check_segment(target.multipart)?;
        let sink = part::begin(self, &target).await?;
        Ok(Box::new(Pump::new(sink, target.length, target.digests())))
    }

    async fn discard_part(&self, multipart: &str, place: &Place) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        part::discard(self, multipart, place).await
    }

    async fn seal(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        self.backing_or_new(multipart).await?;
        self.set_seal(multipart).await
    }

    async fn complete(
        &self,
        multipart: &str,
        parts: &[PlacedPart],
        blob: &BlobName,
    ) -> Result<CompletedBlob, ObjectsError> {
        check_segment(multipart)?;
        complete::complete(self, multipart, parts, blob).await
    }

    async fn discard(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        self.remove_area(multipart).await
    }

    async fn begin_put(&self, blob: &BlobName, length: Length) -> Result<Box<dyn BlobWriter>, ObjectsError> {
        let sink = blob::begin(self, blob, length).await?;
        Ok(Box::new(Pump::new(sink, length, Digests::new())))
    }

    async fn publish_dir(&self, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError> {
        publish::publish(self, from, prefix).await
    }

    async fn read(&self, blob: &BlobName, range: Option<Range<u64>>) -> Result<BlobRead, ObjectsError> {
        let target = self.names.resolve(blob).await?;
        let range = clamp(range, target.size)?;
        let stream = if range.is_empty() {
            stream::empty().boxed()
        } else {
            self.client.read(&target.data, range.clone()).await?
        };
        Ok(BlobRead { size: target.size, range, stream })
    }

    async fn head(&self, blob: &BlobName) -> Result<u64, ObjectsError> {
        let target = self.names.resolve(blob).await?;
        let found = self.client.head(&target.data).await?;
        found.ok_or_else(|| ObjectsError::NotFound(format!("blob {blob}")))
    }

    async fn delete(&self, blob: &BlobName) -> Result<(), ObjectsError> {
        match self.names.take(blob.as_str()).await? {
            Some(target) => self.client.delete(&target.data).await,
            // One of a directory that was published, which has the only name.
            None => match self.names.within(blob.as_str()).await? {
                Some(data) => self.client.delete(&data).await,
                None => Ok(()),
            },
        }
    }

    async fn delete_dir(&self, prefix: &BlobName) -> Result<(), ObjectsError> {
        publish::delete(self, prefix).await
    }

    async fn list(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<ListedBlob>, ObjectsError> {
        publish::list(self, prefix, after, limit).await
    }

    async fn list_staging(&self) -> Result<Vec<StagingArea>, ObjectsError> {
        let mut areas: Vec<StagingArea> = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.client.list("staging/", &after, 1000).await?;
            let Some((last, _)) = page.last() else { return Ok(areas) };
            after.clone_from(last);
            for (key, _) in page {
                let multipart = key.split('/').nth(1).unwrap_or_default();
                if areas.last().is_none_or(|area| area.multipart != multipart) {
                    // The store's clock is not compared with ours: nothing is called old.
                    areas.push(StagingArea { multipart: multipart.to_owned(), modified: None });
                }
            }
        }
    }

    async fn free_bytes(&self) -> Result<Option<u64>, ObjectsError> {
        Ok(None)
    }

    fn local_path(&self, _blob: &BlobName) -> Option<PathBuf> {
        None
    }
}

/// The name of a directory as names have it.
fn directory_of(prefix: &str) -> String {
    format!("{prefix}{DIRECTORY}")
}
