//! The library: media, their URLs, and everything that is known of each file; and the account it belongs to.

pub mod announce;
pub mod apps;
pub mod catalogue;
pub mod delete;
pub mod keys;
pub mod probe;
pub mod timeline;
pub mod urls;
