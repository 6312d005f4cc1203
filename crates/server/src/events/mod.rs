//! Events: facts, the log they go to, the shapes rendered from them, and their delivery.
//!
//! A use case calls [`append()`] inside its own unit of work. Role `delivery` ([`delivery::run`]) follows the log for
//! every endpoint, renders each fact ([`render`]), signs it (`push`) and sends it to an address that was checked
//! ([`target`]); what came of it is in `settle`.

mod append;
pub mod attempt;
pub mod delivery;
pub mod endpoint;
pub mod fact;
mod flights;
pub mod outcome;
pub mod own;
pub mod pull;
mod push;
pub mod receive;
pub mod render;
mod render2;
mod render_received;
pub mod replay;
pub mod sample;
mod settle;
pub mod target;
mod types;
pub mod vendor_config;

pub use append::{append, append_for};
pub use fact::Fact;
pub use push::{PushError, Shape};
pub use types::{TypesError, split as type_words};
