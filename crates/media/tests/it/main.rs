//! What needs ffmpeg and a kernel: the sandbox, probing, encoding, stills and the review models.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod encode;
mod probe;
mod review;
mod sandbox;
mod stills;
