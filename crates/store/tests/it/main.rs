//! The store on SQLite and on PostgreSQL. Every test is written once, with `both!`, and runs on both engines.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod apps;
mod audit;
mod deletion;
mod deliveries;
mod events;
mod fixture;
mod hints;
mod jobs;
mod kill;
mod listings;
mod migrations;
mod permissions;
mod tasks;
mod units;
mod uploads;
