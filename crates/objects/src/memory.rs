//! Bytes in this process: the same behaviour without a disk, for tests and for trying things out. Nothing survives the
//! process, and memory does grow with what is stored.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use crate::digests::{Digests, Sums, combine};
use crate::error::During;
use crate::name::check_segment;
use crate::objects::clamp;
use crate::pump::{Pump, Sink, off_reactor};
use crate::{
    BlobName, BlobRead, BlobWriter, CompletedBlob, Length, ListedBlob, Objects, ObjectsError, PartTarget,
    PartWriter, Place, PlacedPart, Published, StagingArea, StoredBlob, StoredPart,
};

/// Bytes per item of a read stream, so that readers meet more than one.
const CHUNK: usize = 64 * 1024;

/// Bytes in this process. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    areas: HashMap<String, SharedArea>,
    blobs: BTreeMap<String, Bytes>,
}

/// Writers hold on to their area, so that they see its seal also after it was discarded.
type SharedArea = Arc<Mutex<Area>>;

#[derive(Debug, Default)]
struct Area {
    sealed: bool,
    completed: Option<BlobName>,
    parts: HashMap<Place, Bytes>,
}

impl Memory {
    /// Nothing stored yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn area(&self, multipart: &str) -> Option<SharedArea> {
        self.state().areas.get(multipart).map(Arc::clone)
    }

    fn area_or_new(&self, multipart: &str) -> SharedArea {
        Arc::clone(self.state().areas.entry(multipart.to_owned()).or_default())
    }
}

/// Every change is a single insertion or removal, so a panic elsewhere leaves nothing half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The area, if it takes bytes.
fn unsealed<'a>(area: &'a Mutex<Area>, multipart: &str) -> Result<MutexGuard<'a, Area>, ObjectsError> {
    let area = lock(area);
    if area.sealed { Err(ObjectsError::Sealed(multipart.to_owned())) } else { Ok(area) }
}

impl State {
    fn add_blob(&mut self, blob: &BlobName, bytes: Bytes) -> Result<(), ObjectsError> {
        if self.blobs.contains_key(blob.as_str()) {
            return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
        }
        self.blobs.insert(blob.as_str().to_owned(), bytes);
        Ok(())
    }

    fn blob(&self, blob: &BlobName) -> Result<&Bytes, ObjectsError> {
        self.blobs.get(blob.as_str()).ok_or_else(|| ObjectsError::NotFound(format!("blob {blob}")))
    }
}

struct PartSink {
    area: SharedArea,
    multipart: String,
    number: u32,
    bytes: BytesMut,
}

impl Sink for PartSink {
    type Stored = StoredPart;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        drop(unsealed(&self.area, &self.multipart)?);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self, sums: Sums) -> Result<StoredPart, ObjectsError> {
        let Self { area, multipart, number, bytes } = self;
        let place = Place::new(format!("side:{number}.{}", Uuid::new_v4().simple()));
        unsealed(&area, &multipart)?.parts.insert(place.clone(), bytes.freeze());
        let at = place.clone();
        Ok(StoredPart::new(place, false, sums, move || {
            lock(&area).parts.remove(&at);
        }))
    }
}

struct BlobSink {
    memory: Memory,
    blob: BlobName,
    bytes: BytesMut,
}

impl Sink for BlobSink {
    type Stored = StoredBlob;

    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self, sums: Sums) -> Result<StoredBlob, ObjectsError> {
        self.memory.state().add_blob(&self.blob, self.bytes.freeze())?;
        Ok(sums)
    }
}

#[async_trait]
impl Objects for Memory {
    async fn begin_part(&self, target: PartTarget<'_>) -> Result<Box<dyn PartWriter>, ObjectsError> {
        check_segment(target.multipart)?;
        let (area, multipart) = (self.area_or_new(target.multipart), target.multipart.to_owned());
        drop(unsealed(&area, &multipart)?);
        let sink = PartSink { area, multipart, number: target.number, bytes: BytesMut::new() };
        Ok(Box::new(Pump::new(sink, target.length, target.digests())))
    }

    async fn discard_part(&self, multipart: &str, place: &Place) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        if let Some(area) = self.area(multipart) {
            lock(&area).parts.remove(place);
        }
        Ok(())
    }

    async fn seal(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        lock(&self.area_or_new(multipart)).sealed = true;
        Ok(())
    }

    async fn complete(
        &self,
        multipart: &str,
        parts: &[PlacedPart],
        blob: &BlobName,
    ) -> Result<CompletedBlob, ObjectsError> {
        check_segment(multipart)?;
        let (size, crc64) = combine(parts);
        let done = |copied_bytes| CompletedBlob { size, crc64, copied_bytes };
        let Some(area) = self.area(multipart) else {
            let found = self.state().blob(blob)?.len() as u64;
            let taken = || ObjectsError::AlreadyExists(format!("blob {blob}"));
            return if found == size { Ok(done(0)) } else { Err(taken()) };
        };
        let mut area = lock(&area);
        area.sealed = true;
        if area.completed.as_ref() == Some(blob) {
            return Ok(done(0));
        }
        let whole = join(&area, multipart, parts)?;
        self.state().add_blob(blob, whole)?;
        area.completed = Some(blob.clone());
        Ok(done(size))
    }

    async fn discard(&self, multipart: &str) -> Result<(), ObjectsError> {
        check_segment(multipart)?;
        if let Some(area) = self.area(multipart) {
            lock(&area).sealed = true;
            self.state().areas.remove(multipart);
        }
        Ok(())
    }

    async fn begin_put(&self, blob: &BlobName, length: Length) -> Result<Box<dyn BlobWriter>, ObjectsError> {
        if self.state().blob(blob).is_ok() {
            return Err(ObjectsError::AlreadyExists(format!("blob {blob}")));
        }
        let sink = BlobSink { memory: self.clone(), blob: blob.clone(), bytes: BytesMut::new() };
        Ok(Box::new(Pump::new(sink, length, Digests::new())))
    }

    async fn publish_dir(&self, from: &Path, prefix: &BlobName) -> Result<Published, ObjectsError> {
        let (memory, from, prefix) = (self.clone(), from.to_owned(), prefix.clone());
        off_reactor(move || {
            let mut files = Vec::new();
            gather(&from, &prefix, &mut files)?;
            let mut state = memory.state();
            let below = format!("{prefix}/");
            if state.blobs.keys().any(|name| name.starts_with(&below)) {
                return Err(ObjectsError::AlreadyExists(format!("blob {prefix}")));
            }
            let mut published = Published::default();
            for (blob, bytes) in files {
                published.files += 1;
                published.bytes += bytes.len() as u64;
                state.add_blob(&blob, bytes)?;
            }
            Ok(published)
        })
        .await
    }

    async fn read(&self, blob: &BlobName, range: Option<Range<u64>>) -> Result<BlobRead, ObjectsError> {
        let bytes = self.state().blob(blob)?.clone();
        let size = bytes.len() as u64;
        let range = clamp(range, size)?;
        let mut wanted = bytes.slice(offset(range.start)..offset(range.end));
        let chunks = std::iter::from_fn(move || {
            let chunk = wanted.split_to(CHUNK.min(wanted.len()));
            (!chunk.is_empty()).then_some(Ok(chunk))
        });
        Ok(BlobRead { size, range, stream: stream::iter(chunks).boxed() })
    }

    async fn head(&self, blob: &BlobName) -> Result<u64, ObjectsError> {
        Ok(self.state().blob(blob)?.len() as u64)
    }

    async fn delete(&self, blob: &BlobName) -> Result<(), ObjectsError> {
        self.state().blobs.remove(blob.as_str());
        Ok(())
    }

    async fn delete_dir(&self, prefix: &BlobName) -> Result<(), ObjectsError> {
        let below = format!("{prefix}/");
        self.state().blobs.retain(|name, _| !name.starts_with(&below));
        Ok(())
    }

    async fn list(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<ListedBlob>, ObjectsError> {
        let state = self.state();
        let wanted = state.blobs.iter().filter(|(name, _)| name.starts_with(prefix) && name.as_str() > after);
        let listed = |(name, bytes): (&String, &Bytes)| ListedBlob {
            name: name.clone(),
            size: bytes.len() as u64,
            modified: None,
        };
        Ok(wanted.take(limit).map(listed).collect())
    }

    async fn list_staging(&self) -> Result<Vec<StagingArea>, ObjectsError> {
        let state = self.state();
        let area = |multipart: &String| StagingArea { multipart: multipart.clone(), modified: None };
        Ok(state.areas.keys().map(area).collect())
    }

    async fn free_bytes(&self) -> Result<Option<u64>, ObjectsError> {
        Ok(None)
    }

    fn local_path(&self, _blob: &BlobName) -> Option<PathBuf> {
        None
    }
}

fn offset(bytes: u64) -> usize {
    usize::try_from(bytes).expect("an offset inside a blob in memory fits the address space")
}

fn join(area: &Area, multipart: &str, parts: &[PlacedPart]) -> Result<Bytes, ObjectsError> {
    let mut whole = BytesMut::new();
    for part in parts {
        match area.parts.get(&part.place) {
            Some(bytes) if bytes.len() as u64 == part.size => whole.extend_from_slice(bytes),
            _ => {
                let place = format!("part {} of {multipart}", part.number);
                return Err(ObjectsError::Damaged {
                    place,
                    what: "it is missing or has another size".to_owned(),
                });
            }
        }
    }
    Ok(whole.freeze())
}

fn gather(from: &Path, at: &BlobName, files: &mut Vec<(BlobName, Bytes)>) -> Result<(), ObjectsError> {
    let during = || format!("read outputs in {}", from.display());
    for entry in fs::read_dir(from).during(during)? {
        let entry = entry.during(during)?;
        let name =
            entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData.into()).during(during)?;
        let (blob, kind) = (at.join(&name)?, entry.file_type().during(during)?);
        if kind.is_dir() {
            gather(&entry.path(), &blob, files)?;
        } else if kind.is_file() {
            files.push((blob, fs::read(entry.path()).during(during)?.into()));
        } else {
            return Err(ObjectsError::Unpublishable(entry.path().display().to_string()));
        }
    }
    Ok(())
}
