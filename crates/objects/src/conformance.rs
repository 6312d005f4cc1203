//! What every implementation of [`Objects`] must do, as cases that panic when it does not.
//!
//! Each case takes a backend and uses names of its own, so all of them may run on one, also at the same time. The lists
//! [`parts`] and [`blobs`] say what is promised; bytes that are read back are compared by their digests.

pub mod blobs;
pub mod parts;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::TryStreamExt;
use uuid::Uuid;

use crate::{
    BlobName, CompletedBlob, Digests, Length, Objects, ObjectsError, PartTarget, PartWriter, PlacedPart,
    Slot, StoredPart, Sums, learn_part_size,
};

/// Part size of the suite: more than one batch of a writer, so that bytes have reached the backend before `finish`.
pub const PART: usize = 300_000;

/// Bytes that differ wherever `seed` differs.
pub fn bytes(seed: u64, len: usize) -> Bytes {
    // SplitMix64: every 8 bytes depend on the seed and on where they are.
    let word = |index: u64| {
        let mut z =
            seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut bytes = Vec::with_capacity(len + 8);
    for index in 0..len.div_ceil(8) as u64 {
        bytes.extend_from_slice(&word(index).to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

/// Size and digests of `bytes`.
pub fn sums(bytes: &[u8]) -> Sums {
    let mut digests = Digests::new();
    digests.update(bytes);
    digests.finish()
}

/// A blob name that nobody else uses.
pub fn fresh_blob() -> BlobName {
    BlobName::new(format!("1400000000/{}/video.mp4", Uuid::new_v4().simple()))
        .expect("digits and letters are a name")
}

/// Size and digests of a stored blob, read from its stream.
pub async fn read_back(objects: &dyn Objects, blob: &BlobName) -> Sums {
    let read = objects.read(blob, None).await.expect("the blob can be read");
    let fold = |mut digests: Digests, bytes: Bytes| async move {
        digests.update(&bytes);
        Ok(digests)
    };
    let sums = read.stream.try_fold(Digests::new(), fold).await.expect("the stream ends well").finish();
    assert_eq!((sums.size, read.range), (read.size, 0..read.size), "the stream gives what it announced");
    sums
}

/// One multipart upload with the rows that a caller would keep.
pub struct Upload<'a> {
    objects: &'a dyn Objects,
    /// Its id.
    pub id: String,
    /// Learned from the parts, as rows would have it.
    pub part_size: Option<u64>,
    rows: BTreeMap<u32, (PlacedPart, Bytes)>,
}

impl<'a> Upload<'a> {
    /// A new upload without parts.
    pub fn new(objects: &'a dyn Objects) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self { objects, id, part_size: None, rows: BTreeMap::new() }
    }

    /// Opens a writer for part `number` of `length` bytes.
    pub async fn begin(&mut self, number: u32, length: usize) -> Box<dyn PartWriter> {
        let acknowledged = self.rows.contains_key(&number);
        self.begin_saying(number, length, acknowledged).await.expect("a writer is let in")
    }

    /// The same with a word of the test's own on whether a row exists.
    pub async fn begin_saying(
        &mut self,
        number: u32,
        length: usize,
        acknowledged: bool,
    ) -> Result<Box<dyn PartWriter>, ObjectsError> {
        let length = length as u64;
        self.part_size = self.part_size.or_else(|| learn_part_size(number, length, None));
        let slot = self.part_size.and_then(|size| Slot::regular(number, size));
        let (multipart, length) = (self.id.as_str(), Length::Exactly(length));
        let target = PartTarget { multipart, number, slot, length, acknowledged, md5: true };
        self.objects.begin_part(target).await
    }

    /// Writes the row of a part, replacing an earlier one.
    pub fn acknowledge(&mut self, number: u32, stored: StoredPart, bytes: &Bytes) {
        let expected = sums(bytes);
        assert_eq!(stored.md5, expected.md5);
        self.acknowledge_without_md5(number, stored, bytes);
    }

    /// The same for a part whose MD5 was not wanted.
    pub fn acknowledge_without_md5(&mut self, number: u32, stored: StoredPart, bytes: &Bytes) {
        let expected = sums(bytes);
        assert_eq!((stored.size, stored.crc64), (expected.size, expected.crc64));
        let StoredPart { place, size, crc64, .. } = stored;
        self.rows.insert(number, (PlacedPart { number, place, size, crc64 }, bytes.clone()));
    }

    /// Sends and acknowledges a whole part.
    pub async fn send(&mut self, number: u32, bytes: Bytes) {
        let writer = self.begin(number, bytes.len()).await;
        let stored = fill(writer, &bytes).await;
        self.acknowledge(number, stored, &bytes);
    }

    /// The rows, in order.
    pub fn parts(&self) -> Vec<PlacedPart> {
        self.rows.values().map(|(part, _)| part.clone()).collect()
    }

    /// What the acknowledged parts are together.
    pub fn expected(&self) -> Sums {
        let mut digests = Digests::new();
        self.rows.values().for_each(|(_, bytes)| digests.update(bytes));
        digests.finish()
    }

    /// Completes, reads back and compares.
    pub async fn complete_and_check(&self) -> (BlobName, CompletedBlob) {
        let blob = fresh_blob();
        let completed =
            self.objects.complete(&self.id, &self.parts(), &blob).await.expect("the upload completes");
        let expected = self.expected();
        assert_eq!((completed.size, completed.crc64), (expected.size, expected.crc64));
        assert_eq!(read_back(self.objects, &blob).await, expected, "acknowledged bytes changed");
        (blob, completed)
    }
}

/// Writes all of `bytes` in odd pieces and finishes.
pub async fn fill(mut writer: Box<dyn PartWriter>, bytes: &Bytes) -> StoredPart {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(70_001));
        writer.write(piece).await.expect("bytes are taken");
    }
    writer.finish().await.expect("the part is stored")
}
