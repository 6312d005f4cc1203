//! The client against a server in this process that keeps the rules of the wire and fails on demand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::result_large_err,
    reason = "the test server returns refusals as errors; their size is no concern"
)]

mod server;
mod uploads;
