//! The library: media, their URLs, and everything that is known of each file.

pub mod announce;
pub mod probe;
pub mod urls;
