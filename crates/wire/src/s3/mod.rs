//! The S3 dialect of the object leg: what differs from COS (AWS Signature Version 4, bodies in chunks, checksums).
//!
//! Source: the "Authenticating Requests (AWS Signature Version 4)" chapter of the Amazon S3 API reference, and what official
//! clients were seen to send (wire reference 3.2 and 3.7).

pub mod checksum;
pub mod chunked;
pub mod sigv4;
