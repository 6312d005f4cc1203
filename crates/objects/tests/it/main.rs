//! Integration tests of the bytes crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case must fail loudly")]

mod conformance;
mod crash;
mod disk;
mod look;
mod s3;
