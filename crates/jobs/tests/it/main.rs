//! Workers on SQLite and on PostgreSQL; every test is written once and runs on both.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod outcomes;
mod stopping;
