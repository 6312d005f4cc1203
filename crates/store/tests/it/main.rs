//! The store on SQLite and on PostgreSQL. Every test is written once, with `both!`, and runs on both engines.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod apps;
mod audit;
mod deletion;
mod deliveries;
mod endpoints;
mod event_migration;
mod events;
mod fixture;
mod handover;
mod hints;
mod jobs;
mod kill;
mod listings;
mod log;
mod migrations;
mod permissions;
mod pulls;
mod received;
mod replays;
mod retention;
mod tasks;
mod units;
mod uploads;
