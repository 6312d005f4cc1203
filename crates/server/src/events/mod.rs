//! Events: facts, the log they go to, the shapes rendered from them, and their delivery.

pub mod delivery;
pub mod fact;
