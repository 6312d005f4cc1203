//! Bodies of the object leg (wire reference 3.3 and 3.5), written and read.
//!
//! Servers write with `to_xml` and read [`CompleteMultipartUpload::parse`]; clients read with `parse`. Reading is bounded and refuses
//! document types and entities, so that no body can cost more than its bytes.

mod complete;
mod error;
mod listing;
mod objects;
mod parts;
#[cfg(test)]
mod tests;
mod tree;
mod upload;
mod write;

pub use complete::{CompleteMultipartUpload, CompleteMultipartUploadResult, CompletedPart, MAX_PARTS};
pub use error::Error;
pub use listing::{ListMultipartUploadsResult, ListedUpload};
pub use objects::{ListBucketResult, ListedObject, Paging, location};
pub use parts::{ListPartsResult, ListedPart};
pub use tree::{MAX_BYTES, XmlError};
pub use upload::InitiateMultipartUploadResult;

/// The `Content-Type` of every body here.
pub const CONTENT_TYPE: &str = "application/xml";

/// An ETag without its quotes, however it came: `"x"`, `x`, `W/"x"`.
pub fn bare_etag(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}
