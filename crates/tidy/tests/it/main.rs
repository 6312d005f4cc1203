//! Promises about the repository itself, kept by a test: which crate may know which, how large a file may grow, what may
//! not be written, and that documents name things that exist.
//!
//! The crate has no library. It reads the working tree as files and starts nothing; what only a compiler can see (function
//! length, `unsafe`, missing documentation) is left to the lints of the root `Cargo.toml`.

mod crates;
mod documents;
mod migrations;
mod sources;
mod tree;
