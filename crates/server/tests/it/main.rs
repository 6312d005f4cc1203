//! The server, whole: the real application behind a real listener, one file for each topic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answer;
mod events;
mod flows;
mod play;
mod test_app;
