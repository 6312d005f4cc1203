//! The play door: `/play/{application}/{file}/…`, for everyone who has the URL.
//!
//! Strangers' bytes are served here, so nothing served may run as a page: types come from what ffprobe found or from
//! our own table for our own outputs, never from a name, with `nosniff` and a sandboxing policy (design promise 7).

mod resolve;
mod serve;
mod types;

pub(super) use serve::{file, preflight};
