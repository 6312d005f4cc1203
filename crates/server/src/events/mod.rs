//! Events: facts, the log they go to, the shapes rendered from them, and their delivery.
//!
//! A use case calls [`append()`] inside its own unit of work. Role `delivery` ([`delivery::run`]) follows the log for
//! every endpoint, renders each fact ([`render`]) and sends it to an address that was checked ([`target`]).

mod append;
pub mod attempt;
pub mod delivery;
pub mod endpoint;
pub mod fact;
pub mod outcome;
pub mod render;
pub mod target;

pub use append::append;
pub use fact::Fact;
