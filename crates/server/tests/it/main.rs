//! The server, whole: the real application behind a real listener, one file for each topic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answer;
mod commit;
mod cos;
mod cos_access;
mod cos_client;
mod doors;
mod events;
mod expire;
mod test_app;
mod ugc;
mod upload;
