//! Events: facts, the log they go to, the shapes rendered from them, and their delivery.
//!
//! A use case calls [`append`] inside its own unit of work.

mod append;
pub mod delivery;
pub mod fact;

pub use append::append;
pub use fact::Fact;
