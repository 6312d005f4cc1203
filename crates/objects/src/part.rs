//! Parts of a multipart upload, as they come and as they are kept.

use std::fmt;

use crate::digests::{Digests, Sums};

/// How many bytes will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Exactly so many: fewer are a body that was cut short, and are refused.
    Exactly(u64),
    /// The sender did not say; more than this is refused.
    AtMost(u64),
}

impl Length {
    /// The upper bound in bytes.
    pub fn max(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtMost(bytes) => bytes,
        }
    }
}

/// One part that is about to arrive.
#[derive(Clone, Copy, Debug)]
pub struct PartTarget<'a> {
    /// Id of the multipart upload: 1 to 128 bytes of `[A-Za-z0-9._-]`.
    pub multipart: &'a str,
    /// Number of the part, from 1.
    pub number: u32,
    /// Where the part lies in the whole, once the caller knows it. Without it the bytes are kept apart.
    pub slot: Option<Slot>,
    /// What the sender announced.
    pub length: Length,
    /// A row for this number exists. Its bytes must stay, so the new ones go elsewhere. A value that was read too early
    /// does no harm: the backend itself never writes twice where a writer has finished.
    pub acknowledged: bool,
    /// Whether the MD5 is wanted: it costs more than everything else that is done to the bytes.
    pub md5: bool,
}

impl PartTarget<'_> {
    /// What to compute while the bytes come.
    pub(crate) fn digests(&self) -> Digests {
        if self.md5 { Digests::new() } else { Digests::without_md5() }
    }
}

/// The bytes of the whole that belong to one part number.
///
/// The caller sees to it that slots of different numbers do not overlap as long as somebody may still write into one of
/// them. All slots of an upload have one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// First byte.
    pub offset: u64,
    /// Most bytes that may be written there.
    pub size: u64,
}

impl Slot {
    /// The slot of part `number` where every part but the last has `part_size` bytes; see [`crate::learn_part_size`].
    /// `None`: there is no such place in a file.
    pub fn regular(number: u32, part_size: u64) -> Option<Self> {
        let offset = u64::from(number.checked_sub(1)?).checked_mul(part_size)?;
        (part_size > 0).then_some(Self { offset, size: part_size })
    }
}

/// Where the bytes of a part are: opaque text for the caller's row, understood by the backend that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place(String);

impl Place {
    /// The text as a row has it. Whether it means anything is seen when it is used.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for a row.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A part whose bytes are durable and that waits for its row.
///
/// Dropping it keeps the bytes, whatever became of the row: a row may have been committed although its writer's
/// caller went away. Only [`StoredPart::discard`] gives them up.
#[must_use = "write the row that adopts this part, or discard it"]
pub struct StoredPart {
    /// Where the bytes are.
    pub place: Place,
    /// Size in bytes.
    pub size: u64,
    /// Hex MD5 of the bytes; empty if it was not wanted.
    pub md5: String,
    /// CRC-64/XZ of the bytes; its decimal form is what rows and clients have.
    pub crc64: u64,
    /// Whether they lie in the slot that was asked for. If not, somebody else may still be writing there.
    pub in_slot: bool,
    undo: Box<dyn FnOnce() + Send + Sync>,
}

impl StoredPart {
    pub(crate) fn new(
        place: Place,
        in_slot: bool,
        sums: Sums,
        undo: impl FnOnce() + Send + Sync + 'static,
    ) -> Self {
        Self { place, size: sums.size, md5: sums.md5, crc64: sums.crc64, in_slot, undo: Box::new(undo) }
    }

    /// Gives the bytes up and frees their place, for example after a digest that does not match. Only for a caller
    /// who is certain that no row names them and none will: after a commit with an unknown outcome, drop instead.
    pub async fn discard(self) {
        // Failing to free is no failure: the place goes with its staging area.
        let _ = tokio::task::spawn_blocking(self.undo).await;
    }
}

impl fmt::Debug for StoredPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, size, md5, crc64, in_slot, undo: _ } = self;
        f.debug_struct("StoredPart")
            .field("place", place)
            .field("size", size)
            .field("md5", md5)
            .field("crc64", crc64)
            .field("in_slot", in_slot)
            .finish_non_exhaustive()
    }
}

/// A part as its row has it, for `complete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedPart {
    /// Number of the part.
    pub number: u32,
    /// Where its bytes are.
    pub place: Place,
    /// Its size in bytes.
    pub size: u64,
    /// Its CRC-64/XZ.
    pub crc64: u64,
}

/// What `complete` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedBlob {
    /// Size in bytes: the sum of the parts.
    pub size: u64,
    /// CRC-64/XZ of the whole, combined from the parts without reading them.
    pub crc64: u64,
    /// Bytes that had to be copied because they were not in their slot. 0 in the regular case.
    pub copied_bytes: u64,
}
