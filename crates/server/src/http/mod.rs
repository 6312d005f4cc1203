//! HTTP doors: one folder for each surface, one file for each operation. A handler extracts, converts, calls a
//! use case and converts back; it decides nothing.

pub mod router;

pub mod api;
mod auth;
mod callbacks;
mod cloudapi;
mod console;
mod cos;
mod ops;
mod origin;
mod play;
mod problem;
mod range;
mod tus;
mod ugc;

pub use auth::{Admin, Any, COOKIE, Caller, Manage, Read, digest, signed_in};
pub use ops::install_metrics;
pub use origin::Origin;
pub use problem::Problem;
