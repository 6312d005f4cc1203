//! Bytes of Reelgate: parts on their way in, complete blobs, outputs.
//!
//! [`Objects`] is the trait; [`Disk`] keeps bytes in a directory, [`Memory`] in this process. Rows are kept by the
//! caller: which part is acknowledged, which blob an object key names. No SQL, no HTTP and no protocol is known here.
//!
//! The promise that everything in this crate serves: what `finish`, `complete` or `publish_dir` has returned is
//! durable, and bytes that a row may name never change (design section 8, "Bytes"; ADR 0004).

pub mod conformance;
mod digests;
mod disk;
mod error;
mod memory;
mod name;
mod objects;
mod part;
mod part_size;
mod pump;
mod s3;

pub use digests::{Digests, Sums};
pub use disk::Disk;
pub use error::ObjectsError;
pub use memory::Memory;
pub use name::{BlobName, InvalidName};
pub use objects::{
    BlobRead, BlobWriter, ByteStream, ListedBlob, Objects, PartWriter, Published, StagingArea, StoredBlob,
};
pub use part::{CompletedBlob, Length, PartTarget, Place, PlacedPart, Slot, StoredPart};
pub use part_size::learn_part_size;
pub use s3::{S3, S3Config};
