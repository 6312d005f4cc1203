//! Reelgate's server: HTTP doors, use cases, flows, events, configuration and command line. The only crate that
//! sees all others; `ARCHITECTURE.md` has the map.

pub mod app;
pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod directory;
pub mod dispatch;
pub mod events;
pub mod flows;
pub mod http;
pub mod library;
pub mod listen;
pub mod roles;
pub mod upkeep;
pub mod uploads;
pub mod vault;
