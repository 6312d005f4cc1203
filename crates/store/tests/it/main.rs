//! The store on SQLite and on PostgreSQL. Every test is written once, with `both!`, and runs on both engines.

mod apps;
mod fixture;
