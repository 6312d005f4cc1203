//! Formats that other people own, as pure functions: no I/O, no clock, no domain types.
//!
//! Each module says which section of the wire reference (the project's collection of vendor documents and recorded
//! traffic) it follows. Time is always handed in, secrets are compared in constant time and never shown by `Debug`,
//! and nothing here panics on any input.

mod calendar;
pub mod cloudapi;
pub mod cos;
mod hmac_sha1;
pub mod host;
pub mod permission;
pub mod problem;
pub mod s3;
mod sha256;
pub mod standard_webhooks;
pub mod tus;
pub mod ugc;
pub mod upload_signature;
pub mod vod;
pub mod vod2;
