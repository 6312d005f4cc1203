//! The object leg: a subset of the COS XML API (wire reference section 3).

mod error_code;
pub mod qsign;
pub mod xml;

pub use error_code::ErrorCode;
