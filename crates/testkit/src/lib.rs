//! What tests need from the machine they run on: a private PostgreSQL, a private S3 server, and the one rule for what is
//! missing.
//!
//! Only `dev-dependencies` and the benchmark name this crate.

mod database;
mod need;
mod postgres;
pub mod s3_server;

pub use database::Database;
pub use need::{find_program, skip};
pub use postgres::{Postgres, Unavailable};
pub use s3_server::S3Server;
